// How bad: by number (1 is the worst, as control rooms count), by shape and by colour, so that no one of them is needed
// to tell two apart. The colours differ in lightness too, for eyes that do not see red.

import type { Severity } from "./types";

export interface Look {
  number: number;
  colour: string;
  /** Outline in a box of 48 by 48. */
  shape: string;
}

export const SEVERITIES: readonly Severity[] = ["extreme", "severe", "moderate", "minor", "unknown"];

export const LOOKS: Record<Severity, Look> = {
  extreme: { number: 1, colour: "#ff5f57", shape: "M16 4h16l12 12v16L32 44H16L4 32V16z" },
  severe: { number: 2, colour: "#ff9f3d", shape: "M24 3.5L46 43H2z" },
  moderate: { number: 3, colour: "#ffdb57", shape: "M24 2l22 22-22 22L2 24z" },
  minor: { number: 4, colour: "#7cc7ff", shape: "M24 4a20 20 0 1 1 0 40 20 20 0 0 1 0-40z" },
  unknown: { number: 5, colour: "#b9c5d1", shape: "M11 6h26a5 5 0 0 1 5 5v26a5 5 0 0 1-5 5H11a5 5 0 0 1-5-5V11a5 5 0 0 1 5-5z" },
};

/** 0 for the worst. */
export function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
