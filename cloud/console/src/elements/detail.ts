// One situation: how bad, since when, its chart, its pictures, its timeline, and the button that says "I have seen it".

import { html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { api } from "../api";
import { city, type News } from "../city";
import { clock, type Key, lasting, t, words } from "../language";
import { facts, limits, retracted } from "../events";
import { me } from "../session";
import type { CityEvent, Command, Deed, Evidence, Situation } from "../types";
import { Watching } from "../watching";
import { actuatorsOf } from "./actuators";
import { deedLine, deedStyle } from "./audit";
import type { HaechiAsk } from "./ask";
import "./ask";
import "./chart";
import { controls } from "./controls";
import { detailStyle } from "./detail-style";
import "./symbol";

const EVENTS_MAX = 200;
const PICTURES_MAX = 12;
const SHELVE_MIN = [15, 60, 4 * 60, 12 * 60];
/** Clocks of gateways and of the cloud may differ by so much. */
const CLOCKS_MS = 60_000;
/** A camera remembers half a minute unless it is told otherwise; asking for what is older is in vain. */
const CLIP_WITHIN_MS = 30_000;

export class HaechiDetail extends LitElement {
  static override properties = {
    situation: {},
    _events: { state: true },
    _evidence: { state: true },
    _problem: { state: true },
    _refused: { state: true },
    _busy: { state: true },
    _large: { state: true },
    _deeds: { state: true },
  };
  declare situation: string;
  declare _events: CityEvent[];
  declare _evidence: Evidence[];
  declare _problem: string;
  /** What was refused here; of the situation that is shown, like everything else. */
  declare _refused: string;
  declare _busy: boolean;
  declare _large: Evidence | null;
  /** What people did with it, newest first. */
  declare _deeds: Deed[];

  static override styles = [controls, deedStyle, detailStyle];

  constructor() {
    super();
    this.situation = "";
    this._events = [];
    this._evidence = [];
    this._problem = "";
    this._refused = "";
    this._busy = false;
    this._large = null;
    this._deeds = [];
    new Watching(this, (news) => this.#heed(news));
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has("situation")) return;
    this._events = [];
    this._evidence = [];
    this._deeds = [];
    this._refused = "";
    this._busy = false;
    this._problem = "";
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
      const [detail, deeds] = await Promise.all([api.situation(id), api.auditOf(id)]);
      if (id !== this.situation) return;
      city.offer(detail.situation);
      this._events = merge(this._events, detail.events).slice(0, EVENTS_MAX);
      this._evidence = merge(this._evidence, detail.evidence).slice(0, PICTURES_MAX);
      this._deeds = deeds;
      this._problem = "";
    } catch (error) {
      if (id === this.situation) this._problem = (error as Error).message;
    }
  }

  #heed(news: News): void {
    if (news.kind === "loaded") void this.#load();
    if (news.kind === "event" && news.event.situation === this.situation)
      this._events = merge(this._events, [news.event]).slice(0, EVENTS_MAX);
    if (news.kind === "deed" && news.deed.key === this.situation && !this._deeds.some((one) => one.id === news.deed.id))
      this._deeds = [news.deed, ...this._deeds];
    if (news.kind === "evidence" && news.evidence.situation === this.situation)
      this._evidence = merge(this._evidence, [news.evidence]).slice(0, PICTURES_MAX);
  }

  override render(): unknown {
    const one = city.situations.get(this.situation);
    if (!one) return this.#absent();
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
          <button class="main" ?disabled=${one.acknowledged || this._busy || !me.may("operator")} @click=${() => this.#acknowledge(one)}>
            ${one.acknowledged ? t("detail.acknowledged") : t("detail.acknowledge")}
          </button>
          ${this.#moreActions(one)}
          ${one.latitude === null
            ? nothing
            : html`<button @click=${() => this.#show(one)}>${t("detail.show_on_map")}</button>`}
        </div>
        ${one.open && city.isShelved(one)
          ? html`<p class="notice">${t("detail.shelved_until", { time: clock(one.shelved_until, true) })}</p>`
          : nothing}
        ${this.#takenBack(one)}
        ${this._refused
          ? html`<p class="problem" role="alert">${this._refused}</p>`
          : nothing}
      </header>
      ${this._problem ? this.#failed() : nothing} ${this.#chart(one)} ${this.#pictures()}
      ${actuatorsOf("", one.place).length
        ? html`<section><haechi-actuators .place=${one.place}></haechi-actuators></section>`
        : nothing}
      ${this.#timeline()} ${this.#done()}
      ${this._large ? this.#picture(this._large) : nothing}
    `;
  }

  /** What may be said of it beside "seen": not now, done. */
  #moreActions(one: Situation): unknown {
    if (!one.open || !me.may("operator")) return nothing;
    const over = !one.active || (this._events.length > 0 && this._events.every((event) => event.phase === "occurred"));
    return html`
      ${city.isShelved(one)
        ? html`<button @click=${() => this.#say(one, () => api.unshelve(one.id))}>${t("detail.unshelve")}</button>`
        : html`<button @click=${() => this.#dialog("shelve")?.ask()}>${t("detail.shelve")}</button>`}
      ${over ? html`<button @click=${() => this.#dialog("close")?.ask()}>${t("detail.close_it")}</button>` : nothing}
      <haechi-ask
        class="shelve"
        .heading=${t("detail.shelve_title")}
        .action=${t("detail.shelve_do")}
        @because=${(event: CustomEvent<string>) => this.#shelve(one, event.detail)}
      >
        <label>
          ${t("detail.shelve_for")}
          <select class="shelve-for">
            ${SHELVE_MIN.map(
              (minutes) => html`<option value=${minutes}>
                ${minutes < 60 ? t("time.minutes", { count: minutes }) : t("time.hours", { count: minutes / 60 })}
              </option>`,
            )}
          </select>
        </label>
      </haechi-ask>
      <haechi-ask
        class="close"
        .heading=${t("detail.close_title")}
        .action=${t("detail.close_do")}
        @because=${(event: CustomEvent<string>) => this.#say(one, () => api.close(one.id, event.detail))}
      ></haechi-ask>
    `;
  }

  #dialog(name: "shelve" | "close"): HaechiAsk | null {
    return this.renderRoot.querySelector<HaechiAsk>(`haechi-ask.${name}`);
  }

  #shelve(one: Situation, reason: string): Promise<void> {
    const minutes = Number(this.renderRoot.querySelector<HTMLSelectElement>(".shelve-for")?.value ?? SHELVE_MIN[0]);
    return this.#say(one, () => api.shelve(one.id, minutes * 60, reason));
  }

  #say(one: Situation, say: () => Promise<Situation>): Promise<void> {
    return this.#act(one, "detail.act_failed", async () => city.offer(await say()));
  }

  /** That the alarm was taken back, by whom and when, as long as nothing else is out of order here. */
  #takenBack(one: Situation): unknown {
    const back = this._events.find((event) => event.phase !== "updated");
    if (!back || !retracted(back) || (one.open && one.active)) return nothing;
    const before = this._events.find((event) => event.id === retracted(back));
    const source = city.things.get(`${back.gateway}/${back.source}`)?.name ?? back.source;
    const times = { time: clock(back.time, true), before: before ? clock(before.time, true) : "–" };
    return html`<p class="notice" role="status">
      ${t("detail.taken_back", { source, ...times })} ${one.open ? t("detail.taken_back_open") : nothing}
    </p>`;
  }

  /** Not here yet, not any more, or not to be had: it can be closed all the same. */
  #absent(): unknown {
    return html`<header>
        <div class="title">
          <span></span>
          <h2>${this._problem ? "" : t("queue.loading")}</h2>
          <button class="close" aria-label=${t("detail.close")} @click=${this.#close}>✕</button>
        </div>
      </header>
      ${this._problem ? this.#failed() : nothing}`;
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
    const wish = this.#clipWish();
    if (!this._evidence.length && !wanted && wish === nothing) return nothing;
    return html`<section>
      <h3>${t("detail.pictures")}</h3>
      ${this._evidence.length || !wanted ? nothing : html`<p class="none">${t("detail.no_pictures")}</p>`}
      <div class="pictures">
        ${repeat(
          this._evidence,
          (picture) => picture.id,
          (picture) => html`<button
            aria-label=${isClip(picture) ? t("detail.clip_play", gaps(picture)) : t("detail.picture_large", gaps(picture))}
            ?disabled=${picture.pieces_here < picture.pieces}
            @click=${() => (this._large = picture)}
          >
            ${isClip(picture)
              ? html`<div class="clip" aria-hidden="true">▶</div>`
              : html`<img src=${picture.url} alt="" loading="lazy" />`}
            <span>${caption(picture)}</span>
          </button>`,
        )}
      </div>
      ${wish}
    </section>`;
  }

  /** The newest event of a camera may still be in its memory. */
  #clipWish(): unknown {
    const event = this._events.find((one) => one.phase !== "cleared" && this.#isCamera(one));
    if (!event || this._evidence.some((one) => one.event === event.id && isClip(one))) return nothing;
    const asked = city.lastClip(event.id);
    if (asked) return html`<p class="none" role="status">${clipSaid(asked)}</p>`;
    if (event.clip_missed) return html`<p class="none">${t("detail.clip_refused", { reason: event.clip_missed })}</p>`;
    if (city.now - Date.parse(event.time) > CLIP_WITHIN_MS) return nothing;
    return html`<p><button @click=${() => void this.#askForClip(event)}>${t("detail.clip_ask")}</button></p>`;
  }

  #isCamera(event: CityEvent): boolean {
    return city.things.get(`${event.gateway}/${event.source}`)?.kind === "camera";
  }

  #askForClip(event: CityEvent): Promise<void> {
    const one = city.situations.get(this.situation);
    if (!one) return Promise.resolve();
    return this.#act(one, "detail.clip_failed", async () => {
      city.follow(await api.askForClip(event.id));
    });
  }

  #picture(picture: Evidence): unknown {
    return html`<dialog class="picture" aria-label=${t("detail.picture", gaps(picture))} @close=${() => (this._large = null)}>
      ${isClip(picture)
        ? html`<video src=${picture.url} controls autoplay muted loop aria-label=${t("detail.picture", gaps(picture))}></video>`
        : html`<img src=${picture.url} alt=${t("detail.picture", gaps(picture))} />`}
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
              ${words.type(event.type)}, ${t(retracted(event) ? "phase.taken_back" : `phase.${event.phase}`)}
              <div class="facts">${facts(event, this._events)}</div>
            </div>
          </li>`,
        )}
      </ol>
    </section>`;
  }

  #done(): unknown {
    if (!this._deeds.length) return nothing;
    return html`<section>
      <h3>${t("audit.title")}</h3>
      <ol class="deeds">
        ${repeat(
          this._deeds,
          (deed) => deed.id,
          (deed) => html`<li><time datetime=${deed.at}>${clock(deed.at, true)}</time>${deedLine(deed, true)}</li>`,
        )}
      </ol>
    </section>`;
  }

  #acknowledge(one: Situation): Promise<void> {
    return this.#act(one, "detail.acknowledge_failed", async () => city.offer(await api.acknowledge(one.id)));
  }

  /** Do something with a situation; what is refused is said here, unless another one is shown by then. */
  async #act(one: Situation, failed: Key, act: () => Promise<void>): Promise<void> {
    this._busy = true;
    this._refused = "";
    try {
      await act();
    } catch (error) {
      if (one.id === this.situation) this._refused = t(failed, { reason: (error as Error).message });
    } finally {
      if (one.id === this.situation) this._busy = false;
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

function isClip(picture: Evidence): boolean {
  return picture.media_type.startsWith("video/");
}

/** What became of the wish for a clip. */
function clipSaid(asked: Command): string {
  if (asked.state === "refused") return t("detail.clip_refused", { reason: asked.detail });
  return t(asked.state === "unknown" || asked.state === "expired" ? "detail.clip_unknown" : "detail.clip_asked");
}

/** A clip travels in pieces behind everything else; until the last has come, its caption says how far it is. */
function caption(picture: Evidence): string {
  const parts = { here: String(picture.pieces_here), pieces: String(picture.pieces) };
  if (picture.pieces_here < picture.pieces) return t(lacks(picture) ? "detail.clip_lacks" : "detail.clip_coming", parts);
  return t(isClip(picture) ? "detail.clip" : "detail.picture", gaps(picture));
}

/** Whether the rest of a clip is lost: its gateway holds nothing any more that is as old as the first piece. */
function lacks(clip: Evidence): boolean {
  const gateway = city.gateways.get(clip.gateway);
  if (!gateway?.outbox || !gateway.status_at || !clip.stored_at) return false;
  const held = gateway.outbox.parcels ? gateway.outbox.oldest_at : gateway.status_at;
  return held !== null && Date.parse(held) > Date.parse(clip.stored_at) + CLOCKS_MS;
}

/** Newest first, each once; what came last wins. */
function merge<Item extends { id: string; time: string }>(known: readonly Item[], news: readonly Item[]): Item[] {
  const items = new Map([...known, ...news].map((item) => [item.id, item]));
  return [...items.values()].sort((one, other) => Date.parse(other.time) - Date.parse(one.time));
}

customElements.define("haechi-detail", HaechiDetail);
