// The whole page: top bar, queue or devices on the left, the map, the selected situation on the right.

import { css, html, LitElement, nothing } from "lit";
import { city, type News } from "../city";
import { t, words } from "../language";
import type { Situation } from "../types";
import { Watching } from "../watching";
import type { HaechiMap } from "./map";
import { me } from "../session";
import "./audit";
import "./detail";
import "./devices";
import "./map";
import "./queue";
import "./sign-in";
import "./topbar";

const SAID_MAX = 5;
const FIND_AGAIN_MS = 3_000;
const TABS = ["situations", "devices", "audit"] as const;
type Tab = (typeof TABS)[number];

const NARROW = matchMedia("(max-width: 1100px)");

export class HaechiConsole extends LitElement {
  static override properties = { _selected: { state: true }, _tab: { state: true }, _said: { state: true }, _begun: { state: true } };
  declare _selected: string;
  declare _tab: Tab;
  /** What was announced last, oldest first: several things may happen at once. */
  declare _said: readonly string[];
  /** Whether the server was asked who this is; nothing is asked of it before. */
  declare _begun: boolean;

  static override styles = css`
    :host {
      display: grid;
      grid-template-rows: auto 1fr;
      height: 100dvh;
      background: var(--ground);
    }
    main {
      display: grid;
      grid-template-columns: minmax(330px, 22vw) 1fr;
      min-height: 0;
    }
    main.chosen {
      grid-template-columns: minmax(330px, 22vw) 1fr minmax(400px, 27vw);
    }
    .list,
    .detail {
      background: var(--panel);
      min-height: 0;
      display: grid;
      overflow: hidden;
    }
    .list {
      border-right: 1px solid var(--line);
      grid-template-rows: auto 1fr;
    }
    .detail {
      border-left: 1px solid var(--line);
    }
    .map {
      min-width: 0;
      min-height: 0;
      position: relative;
    }
    .stale .map::after {
      content: "";
      position: absolute;
      inset: 0;
      border: 4px solid var(--warn);
      pointer-events: none;
    }
    [role="tablist"] {
      display: flex;
      border-bottom: 1px solid var(--line);
    }
    [role="tab"] {
      all: unset;
      flex: 1;
      text-align: center;
      padding: 0.6rem 0;
      color: var(--soft);
      cursor: pointer;
      border-bottom: 3px solid transparent;
    }
    [role="tab"][aria-selected="true"] {
      color: var(--text);
      border-bottom-color: var(--accent);
      font-weight: 600;
    }
    [role="tab"]:focus-visible {
      outline: 3px solid var(--focus);
      outline-offset: -3px;
    }
    [role="tab"] .mark {
      color: var(--warn);
      margin-left: 0.3rem;
    }
    [role="tabpanel"] {
      min-height: 0;
    }
    .said {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
    @media (max-width: 1100px) {
      main,
      main.chosen {
        grid-template-columns: minmax(300px, 40%) 1fr;
      }
      .list {
        grid-column: 1;
        grid-row: 1;
      }
      main.chosen .detail {
        grid-column: 2;
        grid-row: 1;
        z-index: 3;
      }
      main.chosen .map {
        grid-column: 2;
        grid-row: 1;
      }
    }
    @media (max-width: 720px) {
      main,
      main.chosen {
        grid-template-columns: 1fr;
        grid-template-rows: 38vh 1fr;
      }
      .map,
      main.chosen .map {
        grid-row: 1;
        grid-column: 1;
      }
      .list {
        grid-column: 1;
        grid-row: 2;
        border-right: 0;
        border-top: 1px solid var(--line);
      }
      main.chosen .detail {
        grid-column: 1;
        grid-row: 1 / 3;
      }
    }
  `;

  constructor() {
    super();
    this._selected = "";
    this._tab = "situations";
    this._said = [];
    this._begun = false;
    new Watching(this, (news) => this.#heed(news));
    words.addEventListener("change", () => this.#name());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.#key);
    void this.#begin();
  }

  /** Follow the city as soon as it is known that this screen may; a server that does not answer is told by the bar. */
  async #begin(): Promise<void> {
    await me.find().catch(() => this.#findLater());
    this._begun = true;
    if (!me.out) city.start();
  }

  #findLater(): void {
    setTimeout(() => void me.find().catch(() => this.#findLater()), FIND_AGAIN_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.#key);
  }

  override updated(): void {
    this.#name();
  }

  override render(): unknown {
    if (!this._begun) return nothing;
    if (me.out) return html`<haechi-sign-in></haechi-sign-in>`;
    const trouble = [...city.gateways.values()].filter(
      (one) => !one.online || one.problems.length || one.components.some((part) => part.state !== "running"),
    ).length;
    const chosen = this._selected !== "";
    return html`
      <haechi-topbar></haechi-topbar>
      <main
        class="${chosen ? "chosen" : ""} ${city.connection === "stale" ? "stale" : ""}"
        @choose=${(event: CustomEvent<string>) => (this._selected = event.detail)}
        @show=${(event: CustomEvent<Situation>) => this.#show(event.detail)}
      >
        <section class="list" aria-label=${t("panel.label")}>
          <div role="tablist" @keydown=${this.#turn}>
            ${this.#tabButton("situations", t("queue.title"), 0)} ${this.#tabButton("devices", t("devices.title"), trouble)}
            ${this.#tabButton("audit", t("audit.title"), 0)}
          </div>
          <div role="tabpanel" id="panel" aria-labelledby="tab-${this._tab}">
            ${this._tab === "situations"
              ? html`<haechi-queue .selected=${this._selected}></haechi-queue>`
              : this._tab === "devices"
                ? html`<haechi-devices></haechi-devices>`
                : html`<haechi-audit></haechi-audit>`}
          </div>
        </section>
        <div class="map"><haechi-map .selected=${this._selected}></haechi-map></div>
        ${chosen
          ? html`<section class="detail" aria-label=${t("detail.label")}>
              <haechi-detail .situation=${this._selected}></haechi-detail>
            </section>`
          : nothing}
      </main>
      <div class="said" aria-live="assertive" role="log">${this._said.map((line) => html`<p>${line}</p>`)}</div>
    `;
  }

  #tabButton(tab: Tab, name: string, trouble: number): unknown {
    const here = this._tab === tab;
    return html`<button
      role="tab"
      id="tab-${tab}"
      aria-selected=${here}
      aria-controls="panel"
      tabindex=${here ? 0 : -1}
      @click=${() => (this._tab = tab)}
    >
      ${name}${trouble ? html`<span class="mark">▲ ${trouble}</span>` : nothing}
    </button>`;
  }

  #turn(event: KeyboardEvent): void {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const step = event.key === "ArrowRight" ? 1 : TABS.length - 1;
    this._tab = TABS[(TABS.indexOf(this._tab) + step) % TABS.length] ?? "situations";
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${this._tab}`)?.focus());
  }

  #key = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !this._selected || event.defaultPrevented) return;
    // Escape closes what is on top: a picture in full size first.
    if (event.composedPath().some((part) => part instanceof HTMLDialogElement)) return;
    const id = this._selected;
    this._selected = "";
    const queue = this.renderRoot.querySelector("haechi-queue");
    queue?.shadowRoot?.querySelector<HTMLElement>(`[data-situation="${CSS.escape(id)}"] button`)?.focus();
  };

  #show(one: Situation): void {
    this.renderRoot.querySelector<HaechiMap>("haechi-map")?.show(one);
    // On a narrow screen the details lie over the map.
    if (NARROW.matches) this._selected = "";
  }

  #heed(news: News): void {
    if (!city.loaded || (news.kind !== "opened" && news.kind !== "worsened" && news.kind !== "cleared")) return;
    const one = news.situation;
    const line = t(`alert.${news.kind}`, {
      severity: t(`severity.${one.severity}`),
      headline: words.type(one.headline),
      place: one.place_name || one.place,
    });
    this._said = [...this._said, line].slice(-SAID_MAX);
  }

  #name(): void {
    const count = city.active.length;
    document.title = `${count ? `(${count}) ` : ""}${t("title")}${city.connection === "stale" ? " ⚠" : ""}`;
  }
}

customElements.define("haechi-console", HaechiConsole);
