// What devices can be told: how each stands, what the last command became, and the way to command it.

import { css, html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { city } from "../city";
import { actuator, clock, stateOf, t } from "../language";
import { me } from "../session";
import type { Actuator, Command, Gateway } from "../types";
import { Watching } from "../watching";
import "./command";
import type { HaechiCommand } from "./command";
import { controls } from "./controls";

interface Row {
  gateway: Gateway;
  one: Actuator;
}

/** The actuators of a gateway (empty: of all) at a place (empty: everywhere). */
export function actuatorsOf(gateway: string, place: string): Row[] {
  const rows: Row[] = [];
  for (const one of city.gateways.values()) {
    if (gateway && one.id !== gateway) continue;
    for (const told of one.actuators) {
      if (!place || city.things.get(`${one.id}/${told.device}`)?.place === place) rows.push({ gateway: one, one: told });
    }
  }
  return rows;
}

export class HaechiActuators extends LitElement {
  static override properties = { gateway: {}, place: {} };
  /** Those of this gateway; empty: of all. */
  declare gateway: string;
  /** Those at this place; empty: everywhere. */
  declare place: string;

  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      h4 {
        margin: 0 0 0.3rem;
        font-size: 0.95rem;
        font-weight: 600;
        color: var(--soft);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.6rem;
      }
      li {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 0 0.6rem;
        align-items: center;
      }
      .facts {
        color: var(--soft);
        font-size: 0.87rem;
        font-variant-numeric: tabular-nums;
      }
      .last {
        grid-column: 1 / -1;
        font-size: 0.87rem;
        overflow-wrap: anywhere;
      }
      .away,
      .refused,
      .expired,
      .unknown {
        color: var(--warn);
      }
      .done {
        color: var(--good);
      }
      .hint {
        color: var(--soft);
        font-size: 0.87rem;
        margin: 0.5rem 0 0;
      }
    `,
  ];

  constructor() {
    super();
    this.gateway = "";
    this.place = "";
    new Watching(this);
  }

  override render(): unknown {
    const rows = actuatorsOf(this.gateway, this.place);
    if (!rows.length) return nothing;
    return html`
      <h4>${t("actuators.title")}</h4>
      <ul>
        ${repeat(rows, ({ gateway, one }) => `${gateway.id}/${one.device}/${one.name}`, (row) => this.#row(row))}
      </ul>
      ${me.may("commander") ? nothing : html`<p class="hint">${t("actuators.role")}</p>`}
      <haechi-command></haechi-command>
    `;
  }

  #row({ gateway, one }: Row): unknown {
    const device = city.things.get(`${gateway.id}/${one.device}`)?.name ?? one.device;
    const gaps = { actuator: actuator(one.name), device };
    const last = city.lastCommand(gateway.id, one.device, one.name);
    return html`<li data-actuator=${`${one.device}.${one.name}`}>
      <span>
        ${gaps.actuator}, ${device}<br />
        <span class="facts">${this.#standing(one)}</span>
        ${gateway.online ? nothing : html`<br /><span class="facts away">${t("actuators.offline")}</span>`}
      </span>
      ${me.may("commander")
        ? html`<button
            aria-label=${t("actuators.command_of", gaps)}
            ?disabled=${!gateway.online}
            @click=${() => this.renderRoot.querySelector<HaechiCommand>("haechi-command")?.ask(gateway.id, one)}
          >
            ${t("actuators.command")}
          </button>`
        : nothing}
      ${last ? this.#last(last) : nothing}
    </li>`;
  }

  #standing(one: Actuator): unknown {
    const state = stateOf(one.state, one.unit);
    if (one.back_at === null) return state;
    const safe = stateOf(one.fail_safe, one.unit);
    const back =
      Date.parse(one.back_at) > city.now
        ? t("actuators.back", { state: safe, time: clock(one.back_at, true) })
        : t("actuators.setting_back", { state: safe });
    return html`${state} · <span class="away">${back}</span>`;
  }

  #last(last: Command): unknown {
    const said = t("command.last", {
      state: t(`command.state.${last.state}`),
      who: last.given_by,
      time: clock(last.given_at, true),
    });
    return html`<span class="last ${last.state}" role="status">${said}${last.detail ? `: ${last.detail}` : ""}</span>`;
  }
}

customElements.define("haechi-actuators", HaechiActuators);
