// One situation: how bad, since when, its chart, its pictures, its timeline, and the button that says "I have seen it".

import { css, html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { api } from "../api";
import { city, type News } from "../city";
import { clock, fact, lasting, measured, t, value, words } from "../language";
import { rank } from "../severity";
import type { CityEvent, Evidence, Situation } from "../types";
import { Watching } from "../watching";
import type { Limit } from "./chart";
import "./chart";
import "./symbol";

const EVENTS_MAX = 200;
const PICTURES_MAX = 12;

export class HaechiDetail extends LitElement {
  static override properties = {
    situation: {},
    _events: { state: true },
    _evidence: { state: true },
    _problem: { state: true },
    _refused: { state: true },
    _busy: { state: true },
    _large: { state: true },
  };
  declare situation: string;
  declare _events: CityEvent[];
  declare _evidence: Evidence[];
  declare _problem: string;
  declare _refused: string;
  declare _busy: boolean;
  declare _large: Evidence | null;

  static override styles = css`
    :host {
      display: block;
      height: 100%;
      overflow-y: auto;
      scrollbar-color: var(--line) transparent;
    }
    header {
      position: sticky;
      top: 0;
      z-index: 2;
      background: var(--panel);
      border-bottom: 1px solid var(--line);
      padding: 0.9rem 1rem;
    }
    .title {
      display: grid;
      grid-template-columns: auto 1fr auto;
      gap: 0.9rem;
      align-items: center;
    }
    h2 {
      margin: 0;
      font-size: 1.3rem;
      line-height: 1.2;
      overflow-wrap: anywhere;
    }
    .title haechi-symbol {
      width: 54px;
      height: 54px;
    }
    .where {
      color: var(--text);
      overflow-wrap: anywhere;
    }
    dl {
      display: grid;
      grid-template-columns: repeat(auto-fit, minmax(78px, 1fr));
      gap: 0.2rem 0.75rem;
      margin: 0.8rem 0 0;
    }
    dt {
      color: var(--soft);
      font-size: 0.8rem;
    }
    dd {
      margin: 0;
      font-weight: 600;
      font-variant-numeric: tabular-nums;
    }
    .actions {
      display: flex;
      gap: 0.5rem;
      margin-top: 0.9rem;
      flex-wrap: wrap;
    }
    button {
      font: inherit;
      min-height: 38px;
      padding: 4px 16px;
      border-radius: 7px;
      border: 1px solid var(--line);
      background: var(--raised);
      color: var(--text);
      cursor: pointer;
    }
    button:hover {
      border-color: var(--soft);
    }
    button:focus-visible {
      outline: 3px solid var(--focus);
      outline-offset: 2px;
    }
    button.main {
      background: var(--accent);
      border-color: var(--accent);
      color: #06201d;
      font-weight: 700;
    }
    button[disabled] {
      background: transparent;
      color: var(--soft);
      border-color: var(--line);
      font-weight: 500;
      cursor: default;
    }
    button.close {
      min-height: 34px;
      width: 34px;
      padding: 0;
      font-size: 1.2rem;
      align-self: start;
    }
    section {
      padding: 1rem;
      border-bottom: 1px solid var(--line);
    }
    h3 {
      margin: 0 0 0.5rem;
      font-size: 0.95rem;
      font-weight: 600;
      color: var(--soft);
    }
    .pictures {
      display: grid;
      grid-template-columns: repeat(auto-fill, minmax(170px, 1fr));
      gap: 0.6rem;
    }
    .pictures button {
      padding: 0;
      overflow: hidden;
      background: #000;
      text-align: left;
    }
    .pictures img {
      display: block;
      width: 100%;
      aspect-ratio: 16 / 9;
      object-fit: cover;
    }
    .pictures span {
      display: block;
      padding: 4px 8px;
      font-size: 0.8rem;
      color: var(--soft);
      background: var(--raised);
    }
    ol {
      list-style: none;
      margin: 0;
      padding: 0;
    }
    ol li {
      display: grid;
      grid-template-columns: 66px 26px 1fr;
      gap: 0.5rem;
      padding: 0.35rem 0;
      align-items: start;
    }
    ol time {
      color: var(--soft);
      font-variant-numeric: tabular-nums;
      font-size: 0.88rem;
      line-height: 1.6;
    }
    ol haechi-symbol {
      width: 24px;
      height: 24px;
    }
    .facts {
      color: var(--soft);
      font-size: 0.87rem;
    }
    .problem {
      color: var(--bad);
      margin: 0.6rem 0 0;
    }
    .none {
      color: var(--soft);
      margin: 0;
    }
    dialog {
      border: 1px solid var(--line);
      background: var(--panel);
      color: var(--text);
      padding: 0.75rem;
      border-radius: 10px;
      max-width: min(94vw, 1280px);
    }
    dialog::backdrop {
      background: rgb(0 0 0 / 75%);
    }
    dialog img {
      display: block;
      max-width: 100%;
      max-height: 78vh;
      margin-bottom: 0.6rem;
    }
    dialog p {
      display: flex;
      justify-content: space-between;
      align-items: center;
      gap: 1rem;
      margin: 0;
    }
  `;

  constructor() {
    super();
    this.situation = "";
    this._events = [];
    this._evidence = [];
    this._problem = "";
    this._refused = "";
    this._busy = false;
    this._large = null;
    new Watching(this, (news) => this.#heed(news));
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("situation")) return;
    this._events = [];
    this._evidence = [];
    this._refused = "";
    this._large = null;
    void this.#load();
  }

  override updated(): void {
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  async #load(): Promise<void> {
    const id = this.situation;
    if (!id) return;
    try {
      const detail = await api.situation(id);
      if (id !== this.situation) return;
      city.offer(detail.situation);
      this._events = merge(this._events, detail.events).slice(0, EVENTS_MAX);
      this._evidence = merge(this._evidence, detail.evidence).slice(0, PICTURES_MAX);
      this._problem = "";
    } catch (error) {
      if (id === this.situation) this._problem = (error as Error).message;
    }
  }

  #heed(news: News): void {
    if (news.kind === "event" && news.event.situation === this.situation)
      this._events = merge(this._events, [news.event]).slice(0, EVENTS_MAX);
    if (news.kind === "evidence" && news.evidence.situation === this.situation)
      this._evidence = merge(this._evidence, [news.evidence]).slice(0, PICTURES_MAX);
  }

  override render(): unknown {
    const one = city.situations.get(this.situation);
    if (!one) return this._problem ? this.#failed() : nothing;
    return html`
      <header>
        <div class="title">
          <haechi-symbol .severity=${one.severity} .icon=${words.icon(one.matter)} ?hollow=${!one.open}></haechi-symbol>
          <div>
            <h2>${words.type(one.headline)}</h2>
            <div class="where">${one.place_name || one.place}</div>
          </div>
          <button class="close" aria-label=${t("detail.close")} @click=${this.#close}>✕</button>
        </div>
        ${this.#facts(one)}
        <div class="actions">
          <button class="main" ?disabled=${one.acknowledged || this._busy} @click=${() => this.#acknowledge(one)}>
            ${one.acknowledged ? t("detail.acknowledged") : t("detail.acknowledge")}
          </button>
          ${one.latitude === null
            ? nothing
            : html`<button @click=${() => this.#show(one)}>${t("detail.show_on_map")}</button>`}
        </div>
        ${this._refused
          ? html`<p class="problem" role="alert">${t("detail.acknowledge_failed", { reason: this._refused })}</p>`
          : nothing}
      </header>
      ${this._problem ? this.#failed() : nothing} ${this.#chart(one)} ${this.#pictures()} ${this.#timeline()}
      ${this._large ? this.#picture(this._large) : nothing}
    `;
  }

  #failed(): unknown {
    return html`<section>
      <p class="problem" role="alert">${t("detail.failed", { reason: this._problem })}</p>
      <button @click=${() => void this.#load()}>${t("detail.retry")}</button>
    </section>`;
  }

  #facts(one: Situation): unknown {
    const end = one.cleared_at;
    return html`<dl>
      <div><dt>${t("detail.now")}</dt><dd>${one.open ? t(`severity.${one.severity}`) : t("queue.cleared_badge")}</dd></div>
      <div><dt>${t("detail.worst")}</dt><dd>${t(`severity.${one.severity_max}`)}</dd></div>
      <div><dt>${t("detail.opened")}</dt><dd>${clock(one.opened_at, true)}</dd></div>
      ${end ? html`<div><dt>${t("detail.cleared")}</dt><dd>${clock(end, true)}</dd></div>` : nothing}
      <div>
        <dt>${end ? t("detail.lasted") : t("detail.lasting")}</dt>
        <dd>${lasting(one.opened_at, end ? Date.parse(end) : city.now)}</dd>
      </div>
    </dl>`;
  }

  #chart(one: Situation): unknown {
    const datastream = one.datastream || this._events.find((event) => event.datastream)?.datastream;
    if (!datastream) return nothing;
    const thing = city.things.get(`${one.gateway}/${datastream.split(".")[0]}`);
    return html`<section>
      <haechi-chart
        .gateway=${one.gateway}
        .datastream=${datastream}
        .heading=${thing?.name ?? datastream}
        .limits=${limits(this._events, datastream)}
      ></haechi-chart>
    </section>`;
  }

  #pictures(): unknown {
    const wanted = this._events.some((event) => event.evidence.length);
    if (!this._evidence.length && !wanted) return nothing;
    return html`<section>
      <h3>${t("detail.pictures")}</h3>
      ${this._evidence.length ? nothing : html`<p class="none">${t("detail.no_pictures")}</p>`}
      <div class="pictures">
        ${repeat(
          this._evidence,
          (picture) => picture.id,
          (picture) => html`<button
            aria-label=${t("detail.picture_large", gaps(picture))}
            @click=${() => (this._large = picture)}
          >
            <img src=${picture.url} alt="" loading="lazy" />
            <span>${t("detail.picture", gaps(picture))}</span>
          </button>`,
        )}
      </div>
    </section>`;
  }

  #picture(picture: Evidence): unknown {
    return html`<dialog aria-label=${t("detail.picture", gaps(picture))} @close=${() => (this._large = null)}>
      <img src=${picture.url} alt=${t("detail.picture", gaps(picture))} />
      <p>
        ${t("detail.picture", gaps(picture))}
        <button autofocus @click=${() => this.renderRoot.querySelector("dialog")?.close()}>${t("detail.close")}</button>
      </p>
    </dialog>`;
  }

  #timeline(): unknown {
    return html`<section>
      <h3>${t("detail.events")}</h3>
      <ol>
        ${repeat(
          this._events,
          (event) => event.id,
          (event) => html`<li>
            <time datetime=${event.time}>${clock(event.time, true)}</time>
            <haechi-symbol plain .severity=${event.severity} ?hollow=${event.phase === "cleared"}></haechi-symbol>
            <div>
              ${words.type(event.type)}, ${t(`phase.${event.phase}`)}
              <div class="facts">${facts(event)}</div>
            </div>
          </li>`,
        )}
      </ol>
    </section>`;
  }

  async #acknowledge(one: Situation): Promise<void> {
    this._busy = true;
    this._refused = "";
    try {
      city.offer(await api.acknowledge(one.id));
    } catch (error) {
      this._refused = (error as Error).message;
    } finally {
      this._busy = false;
    }
  }

  #show(one: Situation): void {
    this.dispatchEvent(new CustomEvent("show", { detail: one, bubbles: true, composed: true }));
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent("choose", { detail: "", bubbles: true, composed: true }));
  }
}

function gaps(picture: Evidence): { source: string; time: string } {
  const thing = city.things.get(`${picture.gateway}/${picture.source}`);
  return { source: thing?.name ?? picture.source, time: clock(picture.time, true) };
}

function facts(event: CityEvent): string {
  const shown: string[] = [];
  const code = typeof event.data["unit"] === "string" ? event.data["unit"] : "";
  const { value: reached, threshold } = event.data;
  if (reached !== undefined) shown.push(measured(reached, code));
  if (threshold !== undefined) shown.push(t("event.threshold", { value: measured(threshold, code) }));
  for (const [name, given] of Object.entries(event.data)) {
    if (!["value", "threshold", "unit"].includes(name)) shown.push(`${fact(name)} ${value(given)}`);
  }
  const thing = city.things.get(`${event.gateway}/${event.source}`);
  shown.push(thing?.name ?? event.source);
  if (event.restated) shown.push(t("event.restated"));
  if (event.late) shown.push(t("event.late"));
  return shown.join(" · ");
}

/** The limits that events of a datastream were raised at, each once, the worse severity winning. */
function limits(events: readonly CityEvent[], datastream: string): Limit[] {
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

/** Newest first, each once; what came last wins. */
function merge<Item extends { id: string; time: string }>(known: readonly Item[], news: readonly Item[]): Item[] {
  const items = new Map([...known, ...news].map((item) => [item.id, item]));
  return [...items.values()].sort((one, other) => Date.parse(other.time) - Date.parse(one.time));
}

customElements.define("haechi-detail", HaechiDetail);
