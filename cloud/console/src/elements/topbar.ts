// The top bar: is this screen true, how many situations of each severity, what time is it.

import { css, html, LitElement, nothing } from "lit";
import { alarm, MUTED_MS } from "../alarm";
import { city } from "../city";
import { ago, clock, LANGUAGES, type Language, t, words } from "../language";
import { me } from "../session";
import { SEVERITIES } from "../severity";
import { Watching } from "../watching";
import "./symbol";

export class HaechiTopbar extends LitElement {
  static override styles = css`
    :host {
      display: block;
    }
    .bar {
      display: flex;
      align-items: center;
      gap: 1.25rem;
      padding: 0 1rem;
      min-height: 58px;
      background: var(--panel);
      border-bottom: 1px solid var(--line);
      flex-wrap: wrap;
    }
    h1 {
      font-size: 1.15rem;
      margin: 0;
      letter-spacing: 0.02em;
      color: var(--accent);
    }
    h1 span {
      color: var(--soft);
      font-weight: 400;
      margin-left: 0.4rem;
      font-size: 0.95rem;
    }
    .connection {
      display: inline-flex;
      align-items: center;
      gap: 0.5rem;
      font-weight: 600;
      padding: 4px 12px;
      border-radius: 999px;
      border: 1.5px solid var(--line);
      white-space: nowrap;
    }
    .dot {
      width: 10px;
      height: 10px;
      border-radius: 50%;
      background: var(--soft);
    }
    .live {
      color: var(--good);
      border-color: #3b6b4a;
    }
    .live .dot {
      background: var(--good);
    }
    .stale {
      color: #1a0d00;
      background: var(--warn);
      border-color: var(--warn);
    }
    .stale .dot {
      background: #1a0d00;
      border-radius: 0;
    }
    .counts {
      display: flex;
      gap: 0.9rem;
      list-style: none;
      margin: 0 auto;
      padding: 0;
    }
    .counts li {
      display: flex;
      align-items: center;
      gap: 0.35rem;
      white-space: nowrap;
      color: var(--soft);
    }
    .counts li.some {
      color: var(--text);
    }
    .counts b {
      font-size: 1.25rem;
      font-variant-numeric: tabular-nums;
      min-width: 1.1ch;
    }
    .counts li:not(.some) haechi-symbol {
      filter: grayscale(1) brightness(0.75);
    }
    .counts haechi-symbol {
      width: 28px;
      height: 28px;
    }
    .clock {
      display: grid;
      grid-template-columns: auto auto;
      column-gap: 0.5rem;
      font-variant-numeric: tabular-nums;
      line-height: 1.25;
      font-size: 0.9rem;
    }
    .clock span {
      color: var(--soft);
    }
    select {
      font: inherit;
      min-height: 32px;
      color: var(--text);
      background: var(--raised);
      border: 1px solid var(--line);
      border-radius: 6px;
      padding: 2px 6px;
    }
    select.tenant {
      margin-left: 0.5rem;
      font-size: 0.95rem;
      font-weight: 400;
    }
    .sound {
      display: inline-flex;
      align-items: center;
      font: inherit;
      font-size: 0.9rem;
      font-weight: 600;
      min-height: 34px;
      border-radius: 6px;
      border: 1px solid var(--line);
      padding: 3px 12px;
      color: var(--text);
      background: var(--raised);
    }
    button.sound {
      cursor: pointer;
    }
    .sound.sounding,
    .sound.locked {
      color: #1a0d00;
      background: var(--warn);
      border-color: var(--warn);
    }
    .person {
      display: flex;
      align-items: center;
      gap: 0.6rem;
      line-height: 1.2;
    }
    .person > span {
      max-width: 12rem;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
      font-size: 0.9rem;
    }
    .role {
      color: var(--soft);
    }
    .person button {
      font: inherit;
      font-size: 0.9rem;
      min-height: 32px;
      color: var(--text);
      background: var(--raised);
      border: 1px solid var(--line);
      border-radius: 6px;
      padding: 2px 10px;
      cursor: pointer;
    }
    .banner {
      background: var(--warn);
      color: #1a0d00;
      padding: 7px 1rem;
      font-weight: 600;
    }
    .hidden {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
    @media (max-width: 1500px) {
      .counts .name {
        position: absolute;
        width: 1px;
        height: 1px;
        overflow: hidden;
        clip-path: inset(50%);
      }
    }
    @media (max-width: 820px) {
      .bar {
        gap: 0.5rem 0.9rem;
        padding: 6px 0.75rem;
      }
      .counts {
        order: 5;
        width: 100%;
        justify-content: space-between;
      }
      h1 span,
      .clock .utc,
      .clock span {
        display: none;
      }
      .connection {
        padding: 2px 9px;
      }
      .clock {
        margin-left: auto;
      }
    }
  `;

  constructor() {
    super();
    new Watching(this);
    alarm.addEventListener("change", () => this.requestUpdate());
  }

  override render(): unknown {
    const counts = city.counts();
    return html`
      <div class="bar">
        <h1>${t("title")}${this.#tenant()}</h1>
        <div class="connection ${city.connection}" role="status">
          <span class="dot"></span>${this.#connection()}
        </div>
        <ul class="counts" aria-label=${t("counts.label")}>
          ${SEVERITIES.map((severity) => {
            const count = counts.get(severity) ?? 0;
            if (severity === "unknown" && count === 0) return nothing;
            return html`<li class=${count ? "some" : ""}>
              <haechi-symbol .severity=${severity} plain></haechi-symbol>
              <span class="name">${t(`severity.${severity}`)}</span> <b>${count}</b>
            </li>`;
          })}
        </ul>
        <div class="clock" aria-hidden="true">
          <span>${t("clock.local")}</span>${this.#time(undefined)}
          <span class="utc">${t("clock.utc")}</span><div class="utc">${this.#time("UTC")}</div>
        </div>
        <label>
          <span class="hidden">${t("language")}</span>
          <select @change=${(event: Event) => words.speak((event.target as HTMLSelectElement).value as Language)}>
            ${Object.entries(LANGUAGES).map(
              ([code, name]) => html`<option value=${code} lang=${code} ?selected=${code === words.language}>${name}</option>`,
            )}
          </select>
        </label>
        ${this.#sound()} ${this.#person()}
      </div>
      <div role="alert">${this.#banner()}</div>
    `;
  }

  #sound(): unknown {
    if (alarm.sound === "calm") return nothing;
    if (alarm.sound === "locked") return html`<span class="sound locked" role="status">${t("alarm.locked")}</span>`;
    return alarm.sound === "muted"
      ? html`<button class="sound muted" @click=${() => alarm.unmute()}>
          ${t("alarm.muted", { time: clock(alarm.mutedUntil) })}
        </button>`
      : html`<button class="sound sounding" @click=${() => alarm.mute()}>
          ${t("alarm.sounding", { minutes: MUTED_MS / 60_000 })}
        </button>`;
  }

  /** Who uses this screen; nothing is said where there are no accounts. */
  #person(): unknown {
    if (!me.name || !me.role) return nothing;
    return html`<div class="person">
      <span>${me.name}<br /><span class="role">${t(`role.${me.role}`)}</span></span>
      <button @click=${() => void me.signOut()}>${t("session.leave")}</button>
    </div>`;
  }

  /** The city that is shown; where several are served, each is one choice away. */
  #tenant(): unknown {
    const { tenant, tenants } = city.health ?? { tenant: "", tenants: [] };
    if (tenants.length < 2) return html`<span>${tenant}</span>`;
    const open = (event: Event): void => {
      // The page is opened anew: nothing of one city stays on another's screen.
      location.search = new URLSearchParams({ tenant: (event.target as HTMLSelectElement).value }).toString();
    };
    return html`<select class="tenant" aria-label=${t("tenant")} @change=${open}>
      ${tenants.map((one) => html`<option value=${one} ?selected=${one === tenant}>${one}</option>`)}
    </select>`;
  }

  #connection(): string {
    if (city.connection === "stale") return t("connection.stale", { time: clock(city.heardAt, true) });
    return t(`connection.${city.connection}`);
  }

  #banner(): unknown {
    // How long ago is for eyes only: read aloud, it would interrupt every second.
    const since = (sentence: string, time: Date, now: number): unknown =>
      html`<div class="banner">${sentence} <span aria-hidden="true">(${ago(time, now)})</span></div>`;
    if (city.connection !== "live" && city.refusal) {
      return html`<div class="banner">${t("connection.refused", { reason: city.refusal })}</div>`;
    }
    if (city.connection === "stale" && city.heardAt) {
      // The clock of this machine on both sides: the server's is not heard.
      return since(t("connection.stale_long", { time: clock(city.heardAt, true) }), city.heardAt, Date.now());
    }
    if (city.dataStale && city.dataAt) {
      return since(t("connection.lost_data", { time: clock(city.dataAt, true) }), city.dataAt, city.now);
    }
    if (city.health && city.health.state !== "ok") {
      const parts = city.health.parts.filter((part) => part.state !== "ok");
      const named = parts.map((part) => (part.detail ? `${part.name}: ${part.detail}` : part.name)).join("; ");
      return html`<div class="banner">${t("connection.degraded", { parts: named || t("connection.unknown_part") })}</div>`;
    }
    return nothing;
  }

  #time(zone: string | undefined): string {
    return new Intl.DateTimeFormat(words.language, {
      ...(matchMedia("(max-width: 820px)").matches ? {} : { month: "short", day: "numeric" }),
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
      ...(zone ? { timeZone: zone } : {}),
    }).format(city.now);
  }
}

customElements.define("haechi-topbar", HaechiTopbar);
