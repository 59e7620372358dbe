// The operator's language: sentences from a catalogue (messages/*.json), numbers and times by Intl, event labels from
// the cloud's own catalogue.

import en from "./messages/en.json";
import ko from "./messages/ko.json";
import type { Catalogue, Scalar } from "./types";

export type Key = keyof typeof en;
export type Language = "en" | "ko";

// Both catalogues have every key: a missing translation does not compile.
const CATALOGUES: Record<Language, Record<Key, string>> = { en, ko };
export const LANGUAGES: Record<Language, string> = { en: "English", ko: "한국어" };
const STORED = "haechi.language";

const UNITS: Record<string, string> = { "1": "", Cel: "°C", "{veh}": "", "{person}": "", "{veh}/min": "/min", "%": "%" };

class Words extends EventTarget {
  #language: Language = initial();
  #catalogue: Catalogue = { types: [], matters: {} };
  #labels = new Map<string, Record<string, string>>();
  #icons = new Map<string, string>();

  get language(): Language {
    return this.#language;
  }

  speak(language: Language): void {
    this.#language = language;
    try {
      localStorage.setItem(STORED, language);
    } catch {
      // A browser that keeps nothing asks again next time.
    }
    document.documentElement.lang = language;
    this.dispatchEvent(new Event("change"));
  }

  learn(catalogue: Catalogue): void {
    this.#catalogue = catalogue;
    this.#labels = new Map(catalogue.types.map((type) => [type.type, type.label]));
    this.#icons = new Map(catalogue.types.flatMap((type) => [[type.type, type.icon], [type.matter, type.icon]]));
    this.dispatchEvent(new Event("change"));
  }

  /** What an event type is called. */
  type(name: string): string {
    const label = this.#labels.get(name);
    return label?.[this.#language] ?? label?.["en"] ?? name;
  }

  /** What a matter is called. */
  matter(name: string): string {
    const label = this.#catalogue.matters[name];
    return label?.[this.#language] ?? label?.["en"] ?? name;
  }

  /** The drawing's name for an event type or a matter. */
  icon(name: string): string {
    return this.#icons.get(name) ?? name.split(".")[0] ?? "other";
  }
}

function initial(): Language {
  let wanted: string | null = null;
  try {
    wanted = localStorage.getItem(STORED);
  } catch {
    // Nothing is kept here; the browser's own language will do.
  }
  const language = wanted ?? navigator.language.split("-")[0] ?? "en";
  return language in CATALOGUES ? (language as Language) : "en";
}

export const words = new Words();
document.documentElement.lang = words.language;

/** The sentence for a key, with its gaps filled. */
export function t(key: Key, gaps: Record<string, string | number> = {}): string {
  return CATALOGUES[words.language][key].replace(/\{(\w+)\}/g, (gap, name: string) => String(gaps[name] ?? gap));
}

/** The sentence for a number of things. */
export function plural(stem: "queue.events", count: number): string {
  const rule = new Intl.PluralRules(words.language).select(count) === "one" ? "one" : "other";
  return t(`${stem}.${rule}`, { count: number(count) });
}

export function number(value: number, digits_max = 0): string {
  return new Intl.NumberFormat(words.language, { maximumFractionDigits: digits_max }).format(value);
}

/** A value as people read it: as many digits as matter. */
export function value(given: Scalar): string {
  if (typeof given === "boolean") return t(given ? "value.true" : "value.false");
  if (typeof given === "string") return given;
  const digits = Math.abs(given) >= 100 ? 0 : Math.abs(given) >= 10 ? 1 : 2;
  return new Intl.NumberFormat(words.language, {
    maximumFractionDigits: Number.isInteger(given) ? 0 : digits,
    minimumFractionDigits: Number.isInteger(given) ? 0 : digits,
  }).format(given);
}

/** A measured value with its unit: where the unit can be divided, always with the digits that the value has room for. */
export function measured(given: Scalar, code: string): string {
  const counted = code === "" || code === "1" || code.startsWith("{");
  if (typeof given !== "number" || counted) return `${value(given)} ${unit(code)}`.trim();
  const digits = Math.abs(given) >= 100 ? 0 : Math.abs(given) >= 10 ? 1 : 2;
  const format = new Intl.NumberFormat(words.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format.format(given)} ${unit(code)}`.trim();
}

/** What a fact of an event is called. */
export function fact(name: string): string {
  const key = `fact.${name}`;
  return key in en ? t(key as Key) : name.replaceAll("_", " ");
}

/** What an actuator is called. */
export function actuator(name: string): string {
  const key = `actuator.${name}`;
  return key in en ? t(key as Key) : name.replaceAll("_", " ");
}

/** A state of an actuator as people read it. */
export function stateOf(given: Scalar | null, code: string): string {
  if (given === null) return t("actuators.unknown");
  if (typeof given === "boolean") return t(given ? "switch.on" : "switch.off");
  if (typeof given === "string") return given ? `“${given}”` : t("text.empty");
  return measured(given, code);
}

/** A UCUM code as people read it. */
export function unit(code: string | null | undefined): string {
  return code ? (UNITS[code] ?? code.replace(/[{}]/g, "")) : "";
}

/** A time of day; with its date where that is not today. */
export function clock(time: string | Date | null, seconds = false): string {
  if (!time) return "–";
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(words.language, {
    ...(today ? {} : { month: "short", day: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
    hourCycle: "h23",
  }).format(date);
}

/** How long ago, in the largest unit that fits. */
export function ago(time: string | Date, now: number): string {
  const seconds = Math.max(0, Math.round((now - new Date(time).getTime()) / 1000));
  const format = new Intl.RelativeTimeFormat(words.language, { numeric: "always", style: "short" });
  if (seconds < 60) return format.format(-seconds, "second");
  if (seconds < 3600) return format.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return format.format(-Math.floor(seconds / 3600), "hour");
  return format.format(-Math.floor(seconds / 86_400), "day");
}

/** A length of time in its two largest units. */
export function lasting(from: string, to: number): string {
  const seconds = Math.max(0, Math.round((to - new Date(from).getTime()) / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "day"],
    [Math.floor(seconds / 3600) % 24, "hour"],
    [Math.floor(seconds / 60) % 60, "minute"],
    [seconds % 60, "second"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown
    .map(([count, unit_]) =>
      new Intl.NumberFormat(words.language, { style: "unit", unit: unit_, unitDisplay: "short" }).format(count),
    )
    .join(" ");
}

/** Bytes as people read them. */
export function size(bytes: number): string {
  const mega = bytes / 1_000_000;
  return mega >= 1 ? `${number(mega, 1)} MB` : `${number(bytes / 1000, bytes < 10_000 ? 1 : 0)} kB`;
}
