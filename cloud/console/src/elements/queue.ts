// The situation queue: worst and newest first, then what is over and still wants to be seen, then the past.

import { css, html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { city } from "../city";
import { ago, clock, lasting, plural, t, words } from "../language";
import type { Situation } from "../types";
import { Watching } from "../watching";
import "./symbol";

export class HaechiQueue extends LitElement {
  static override properties = { selected: {} };
  declare selected: string;

  static override styles = css`
    :host {
      display: block;
      overflow-y: auto;
      height: 100%;
      scrollbar-color: var(--line) transparent;
    }
    h2 {
      font-size: 0.82rem;
      font-weight: 600;
      letter-spacing: 0.03em;
      color: var(--soft);
      margin: 0;
      padding: 0.9rem 1rem 0.4rem;
      display: flex;
      gap: 0.5rem;
    }
    ul {
      list-style: none;
      margin: 0;
      padding: 0 0.5rem;
    }
    button {
      all: unset;
      box-sizing: border-box;
      display: grid;
      grid-template-columns: auto 1fr auto;
      gap: 0 0.75rem;
      align-items: start;
      width: 100%;
      padding: 0.6rem 0.6rem;
      border-radius: 8px;
      border: 1px solid transparent;
      cursor: pointer;
    }
    li + li {
      margin-top: 2px;
    }
    button:hover {
      background: var(--raised);
    }
    button:focus-visible {
      outline: 3px solid var(--focus);
      outline-offset: -2px;
    }
    button[aria-current="true"] {
      background: #22303e;
      border-color: #57708a;
    }
    .new button {
      background: #1b242e;
    }
    .new .headline::before {
      content: "";
      display: inline-block;
      width: 8px;
      height: 8px;
      border-radius: 50%;
      background: #fff;
      margin-right: 0.45rem;
      vertical-align: 0.08em;
    }
    .headline {
      font-weight: 650;
      font-size: 1.02rem;
      overflow-wrap: anywhere;
    }
    .place {
      color: var(--text);
      overflow-wrap: anywhere;
    }
    .facts {
      color: var(--soft);
      font-size: 0.85rem;
      font-variant-numeric: tabular-nums;
    }
    .badge {
      justify-self: end;
      text-align: right;
      font-size: 0.8rem;
      color: var(--soft);
      white-space: nowrap;
      font-variant-numeric: tabular-nums;
    }
    .badge b {
      display: block;
      color: var(--text);
      font-size: 0.95rem;
    }
    .over .headline,
    .over .place {
      color: #c4d0dc;
      font-weight: 500;
    }
    .calm {
      margin: 1rem;
      padding: 1.4rem 1.2rem;
      border: 1px solid #2e4a45;
      border-radius: 10px;
      background: #12201f;
    }
    .calm strong {
      display: block;
      font-size: 1.35rem;
      color: var(--accent);
      margin-bottom: 0.25rem;
    }
    .calm span {
      color: var(--soft);
    }
    .loading {
      padding: 1.5rem 1rem;
      color: var(--soft);
    }
    .hint {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
  `;

  constructor() {
    super();
    this.selected = "";
    new Watching(this);
  }

  override render(): unknown {
    if (!city.loaded) return html`<p class="loading">${t("queue.loading")}</p>`;
    const active = city.active;
    return html`
      <p class="hint" id="keys">${t("queue.keys")}</p>
      ${active.length ? this.#group(t("queue.active"), active) : this.#calm()}
      ${this.#group(t("queue.shelved"), city.shelved)} ${this.#group(t("queue.cleared"), city.cleared)} ${this.#group(t("queue.past"), city.past)}
    `;
  }

  #calm(): unknown {
    const detail = city.dataAt
      ? t("queue.none_active_detail", { ago: ago(city.dataAt, city.now) })
      : t("queue.none_active_nodata");
    // Calm is only said while it is known to be true.
    if (city.connection !== "live" || city.shelved.length) return nothing;
    return html`<div class="calm"><strong>${t("queue.none_active")}</strong><span>${detail}</span></div>`;
  }

  #group(title: string, situations: Situation[]): unknown {
    if (!situations.length) return nothing;
    return html`
      <h2>${title}<span>${situations.length}</span></h2>
      <ul @keydown=${this.#move} aria-describedby="keys">
        ${repeat(
          situations,
          (one) => one.id,
          (one) => this.#row(one),
        )}
      </ul>
    `;
  }

  #row(one: Situation): unknown {
    const state = this.#state(one);
    const facts = [
      one.open
        ? t("queue.since", { time: clock(one.opened_at) })
        : t("queue.lasted", { from: clock(one.opened_at), to: clock(one.cleared_at) }),
      plural("queue.events", one.event_count),
    ];
    if (one.severity_max !== one.severity)
      facts.push(t("queue.worst", { severity: t(`severity.${one.severity_max}`) }));
    return html`<li class="${one.open ? "" : "over"} ${one.open && !one.acknowledged && !city.isShelved(one) ? "new" : ""}" data-situation=${one.id}>
      <button aria-current=${this.selected === one.id} @click=${() => this.#select(one.id)}>
        <haechi-symbol .severity=${one.severity} .icon=${words.icon(one.matter)} ?hollow=${!one.open}></haechi-symbol>
        <span>
          <span class="hint">${t(`severity.${one.severity}`)}: </span>
          <span class="headline">${words.type(one.headline)}</span><br />
          <span class="place">${one.place_name || one.place}</span><br />
          <span class="facts">${facts.join(" · ")}</span>
        </span>
        <span class="badge"><b>${lasting(one.opened_at, Date.parse(one.cleared_at ?? "") || city.now)}</b>${state}</span>
      </button>
    </li>`;
  }

  #state(one: Situation): string {
    if (one.open && city.isShelved(one)) return t("queue.shelved_badge", { time: clock(one.shelved_until) });
    if (one.open && !one.active) return t("queue.taken_back");
    return one.acknowledged ? t("queue.acknowledged") : one.open ? t("queue.new") : t("queue.cleared_badge");
  }

  #select(id: string): void {
    this.dispatchEvent(new CustomEvent<string>("choose", { detail: id, bubbles: true, composed: true }));
  }

  #move(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const rows = [...this.renderRoot.querySelectorAll<HTMLButtonElement>("li button")];
    const here = rows.indexOf(event.target as HTMLButtonElement);
    rows[Math.min(rows.length - 1, Math.max(0, here + step))]?.focus();
  }
}

customElements.define("haechi-queue", HaechiQueue);
