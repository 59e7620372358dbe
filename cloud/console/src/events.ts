// What an event says: its facts as one line, and the limits that a chart shows.

import { city } from "./city";
import { clock, fact, measured, t, value } from "./language";
import { rank } from "./severity";
import type { CityEvent, Severity } from "./types";

/** A value at which events of a severity are raised. */
export interface Limit {
  value: number;
  severity: Severity;
}

/** The id of the event that this one takes back; empty where it takes none back. */
export function retracted(event: CityEvent): string {
  const id = event.data["retracts"];
  return typeof id === "string" ? id : "";
}

/** The facts of an event as one line; `others` are those of its situation. */
export function facts(event: CityEvent, others: readonly CityEvent[]): string {
  const shown: string[] = [];
  const takenBack = others.find((one) => retracted(one) === event.id);
  if (takenBack) shown.push(t("event.taken_back", { time: clock(takenBack.time, true) }));
  const before = others.find((one) => one.id === retracted(event));
  if (before) shown.push(t("event.takes_back", { time: clock(before.time, true) }));
  const code = typeof event.data["unit"] === "string" ? event.data["unit"] : "";
  const { value: reached, threshold } = event.data;
  if (reached !== undefined) shown.push(measured(reached, code));
  if (threshold !== undefined) shown.push(t("event.threshold", { value: measured(threshold, code) }));
  for (const [name, given] of Object.entries(event.data)) {
    if (!["value", "threshold", "unit", "retracts"].includes(name)) shown.push(`${fact(name)} ${value(given)}`);
  }
  const thing = city.things.get(`${event.gateway}/${event.source}`);
  shown.push(thing?.name ?? event.source);
  if (event.restated) shown.push(t("event.restated"));
  if (event.clip_missed) shown.push(t("event.no_clip"));
  if (event.late) shown.push(t("event.late"));
  return shown.join(" · ");
}

/** The limits that events of a datastream were raised at, each once, the worse severity winning. */
export function limits(events: readonly CityEvent[], datastream: string): Limit[] {
  const found = new Map<number, Limit>();
  for (const event of events) {
    const threshold = event.data["threshold"];
    if (event.datastream !== datastream || typeof threshold !== "number" || event.type.endsWith("_rising")) continue;
    const known = found.get(threshold);
    if (!known || rank(event.severity) < rank(known.severity))
      found.set(threshold, { value: threshold, severity: event.severity });
  }
  return [...found.values()];
}
