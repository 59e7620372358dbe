// The sound of the control room: it is heard while something severe stands that nobody has acknowledged or shelved.
//
// Browsers let a page be heard only after somebody has clicked or typed on it once; until then the screen says so. It can
// be muted for some minutes, never for good, and something new that is severe breaks the silence at once.

import { city, type News } from "./city";
import { rank } from "./severity";
import type { Severity, Situation } from "./types";

export const MUTED_MS = 5 * 60_000;
const REPEAT_MS = 4_000;
const LOUDNESS = 0.25;
/** Frequencies (Hz) of the notes, one after another. */
const NOTES: Partial<Record<Severity, number[]>> = { extreme: [1046, 784, 1046, 784], severe: [784, 988] };
const NOTE_S = 0.16;

export type Sound = "calm" | "locked" | "muted" | "sounding";

class Alarm extends EventTarget {
  #context: AudioContext | null = null;
  #mutedUntil = 0;
  #playedAt = 0;
  #sound: Sound = "calm";

  constructor() {
    super();
    for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, () => this.#unlock(), { capture: true });
    city.addEventListener("news", (event) => this.#heed((event as CustomEvent<News>).detail));
    city.addEventListener("change", () => this.#look());
    setInterval(() => this.#look(), 500);
  }

  get sound(): Sound {
    return this.#sound;
  }

  /** Whether this page may be heard. */
  get unlocked(): boolean {
    return this.#context?.state === "running";
  }

  get mutedUntil(): Date {
    return new Date(this.#mutedUntil);
  }

  mute(): void {
    this.#mutedUntil = Date.now() + MUTED_MS;
    this.#look();
  }

  unmute(): void {
    this.#mutedUntil = 0;
    this.#look();
  }

  #heed(news: News): void {
    if ((news.kind === "opened" || news.kind === "worsened") && isUrgent(news.situation)) this.unmute();
  }

  #unlock(): void {
    this.#context ??= new AudioContext();
    void this.#context.resume().then(() => this.#look());
  }

  #look(): void {
    const worst = city.active.filter(isUrgent)[0];
    const sound = !worst ? "calm" : Date.now() < this.#mutedUntil ? "muted" : this.unlocked ? "sounding" : "locked";
    if (worst && sound === "sounding" && Date.now() - this.#playedAt >= REPEAT_MS) this.#play(worst.severity);
    if (sound === this.#sound) return;
    this.#sound = sound;
    this.dispatchEvent(new Event("change"));
  }

  #play(severity: Severity): void {
    const context = this.#context;
    if (!context) return;
    this.#playedAt = Date.now();
    (NOTES[severity] ?? []).forEach((frequency, index) => {
      const begin = context.currentTime + index * (NOTE_S + 0.03);
      const note = new OscillatorNode(context, { type: "triangle", frequency });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.015);
      gain.gain.setValueAtTime(LOUDNESS, begin + NOTE_S - 0.03);
      gain.gain.linearRampToValueAtTime(0, begin + NOTE_S);
      note.connect(gain).connect(context.destination);
      note.start(begin);
      note.stop(begin + NOTE_S);
    });
  }
}

function isUrgent(one: Situation): boolean {
  return one.open && one.active && !one.acknowledged && rank(one.severity) <= rank("severe");
}

export const alarm = new Alarm();
