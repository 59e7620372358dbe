// The drawings: one for each matter and kind of device, as strokes in a box of 24 by 24; used by the page and the map.

export const GLYPHS: Record<string, string> = {
  flood: "M3 9c2.2-2 3.8-2 6 0s3.8 2 6 0 3.8-2 6 0M3 15.5c2.2-2 3.8-2 6 0s3.8 2 6 0 3.8-2 6 0",
  traffic: "M4.5 16.5v-4.5l2.2-5.5h10.6l2.2 5.5v4.5zM4.5 12h15M7.5 16.5v2.5M16.5 16.5v2.5",
  road: "M7 20L10 4M17 20L14 4M12 5v3M12 11v3M12 17v3",
  security: "M12 3l7.5 3v5.5c0 5-3.2 7.8-7.5 9.5-4.3-1.7-7.5-4.5-7.5-9.5V6z",
  parking: "M8.5 20V4h4.8a4.6 4.6 0 0 1 0 9.2H8.5",
  weather: "M7 13a4 4 0 0 1 .5-8 5 5 0 0 1 9.3 1.5A3.4 3.4 0 0 1 17 13zM8 17l-1 3M12.5 17l-1 3M17 17l-1 3",
  hazard: "M2 12h4l2-6 4 13 3-10 2 3h5",
  environment: "M5 20C5 9.5 10 5 19.5 5c0 9-4 14-12 13M5 20c2-5 5-8.5 9.5-10.5",
  energy: "M13 3L6 13.5h5L10 21l7-10.5h-5z",
  citizen: "M4 5h16v11h-9l-4 4v-4H4z",
  device: "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
  other: "M12 4v10M12 18.5v.1",
  camera: "M3 7.5h12v9H3zM15 11l6-3v8l-6-3z",
  gateway: "M5 4h14v16H5zM9 8h6M9 12h6M12 16v.1",
  gauge: "M8 3v18M8 5h4M8 9h7M8 13h4M8 17h7",
  check: "M4.5 12.5l5 5L19.5 7",
};

const THING_GLYPHS: readonly [RegExp, string][] = [
  [/camera/, "camera"],
  [/gauge|level|river|water/, "gauge"],
  [/rain|weather/, "weather"],
  [/traffic|vehicle|counter/, "traffic"],
];

/** The drawing's name for a kind of thing. */
export function glyphOfThing(kind: string): string {
  return THING_GLYPHS.find(([pattern]) => pattern.test(kind))?.[1] ?? "device";
}

/** The drawing's name for an icon of the catalogue. */
export function glyphOf(icon: string): string {
  return icon in GLYPHS ? icon : "other";
}
