// Gateways and what hangs on them, the unwell first: who is online, what waits, which camera or sensor is in trouble.

import { css, html, LitElement, nothing } from "lit";
import { city, type Reports } from "../city";
import { ago, number, size, t } from "../language";
import type { Component, Gateway } from "../types";
import { Watching } from "../watching";
import "./actuators";

const REPORTS_SHOWN = 5;

export class HaechiDevices extends LitElement {
  static override styles = css`
    :host {
      display: block;
      height: 100%;
      overflow-y: auto;
      padding: 0.75rem;
      scrollbar-color: var(--line) transparent;
    }
    article {
      border: 1px solid var(--line);
      border-radius: 9px;
      padding: 0.7rem 0.85rem;
      margin-bottom: 0.6rem;
      background: #161e27;
    }
    header {
      display: flex;
      align-items: baseline;
      gap: 0.6rem;
    }
    h3 {
      margin: 0;
      font-size: 1rem;
      overflow-wrap: anywhere;
    }
    .state {
      margin-left: auto;
      font-weight: 600;
      white-space: nowrap;
    }
    .ok::before,
    .bad::before,
    .warn::before {
      display: inline-block;
      width: 1.2em;
      font-weight: 700;
    }
    .ok {
      color: var(--good);
    }
    .ok::before {
      content: "●";
    }
    .warn {
      color: var(--warn);
    }
    .warn::before {
      content: "▲";
    }
    .bad {
      color: var(--bad);
    }
    .bad::before {
      content: "✕";
    }
    p {
      margin: 0.25rem 0 0;
      color: var(--soft);
      font-size: 0.87rem;
      font-variant-numeric: tabular-nums;
    }
    p.wrong {
      color: var(--warn);
    }
    ul {
      list-style: none;
      margin: 0.5rem 0 0;
      padding: 0;
      display: grid;
      gap: 0.3rem;
    }
    li {
      display: grid;
      grid-template-columns: 1fr auto;
      gap: 0 0.6rem;
      font-size: 0.92rem;
    }
    li .detail {
      grid-column: 1 / -1;
      color: var(--soft);
      font-size: 0.85rem;
      overflow-wrap: anywhere;
    }
    .kind {
      color: var(--soft);
    }
    haechi-actuators {
      margin-top: 0.7rem;
    }
    .none {
      padding: 1rem;
    }
  `;

  constructor() {
    super();
    new Watching(this);
  }

  override render(): unknown {
    const gateways = [...city.gateways.values()].sort(
      (one, other) => wellness(one) - wellness(other) || one.id.localeCompare(other.id),
    );
    const none = html`<p class="none">${city.loaded ? t("devices.none") : t("queue.loading")}</p>`;
    return html`${this.#losses()}${this.#letters()}${gateways.length ? gateways.map((gateway) => this.#gateway(gateway)) : none}`;
  }

  #losses(): unknown {
    return this.#reports(
      "devices.losses",
      city.losses,
      (loss) => html`${t("devices.loss", { gateway: loss.gateway, cause: loss.cause })}, ${ago(loss.reported_at, city.now)}`,
    );
  }

  #letters(): unknown {
    return this.#reports("devices.letters", city.letters, (letter) => {
      const times = letter.times > 1 ? ` ×${number(letter.times)}` : "";
      return html`${t("devices.letter", { gateway: letter.gateway, reason: letter.reason })}${times},
      ${ago(letter.received_at, city.now)}`;
    });
  }

  /** What is missing, counted, the newest in words. */
  #reports<Item>(title: "devices.losses" | "devices.letters", reports: Reports<Item>, line: (item: Item) => unknown): unknown {
    if (!reports.size) return nothing;
    const count = `${number(reports.size)}${reports.more ? "+" : ""}`;
    return html`<article>
      <header><h3 class="warn">${t(title, { count })}</h3></header>
      ${reports.newest(REPORTS_SHOWN).map((one) => html`<p>${line(one)}</p>`)}
    </article>`;
  }

  #gateway(gateway: Gateway): unknown {
    const outbox = gateway.outbox;
    const facts = [
      gateway.last_seen_at ? t("devices.seen", { ago: ago(gateway.last_seen_at, city.now) }) : "",
      outbox
        ? outbox.parcels
          ? t("devices.outbox", { parcels: number(outbox.parcels), size: size(outbox.bytes) })
          : t("devices.outbox_empty")
        : "",
      t("devices.observations", { count: number(gateway.observations) }),
    ].filter(Boolean);
    const components = [...gateway.components].sort((one, other) => order(one) - order(other));
    return html`<article>
      <header>
        <h3>${gateway.id}</h3>
        <span class="state ${gateway.online ? "ok" : "bad"}">
          ${gateway.online ? t("devices.online") : t("devices.offline")}
        </span>
      </header>
      <p>${facts.join(" · ")}</p>
      ${gateway.fenced ? html`<p class="wrong">${t("devices.fenced", { reason: gateway.fenced })}</p>` : nothing}
      ${gateway.problems.map((problem) => html`<p class="wrong">${problem}</p>`)}
      ${components.length
        ? html`<ul>
            ${components.map((component) => this.#component(gateway, component))}
          </ul>`
        : nothing}
      <haechi-actuators .gateway=${gateway.id}></haechi-actuators>
    </article>`;
  }

  #component(gateway: Gateway, component: Component): unknown {
    const name = city.things.get(`${gateway.id}/${component.id}`)?.name ?? component.id;
    const look = !gateway.online ? "warn" : { running: "ok", starting: "warn", retrying: "warn", failed: "bad", stopped: "bad" }[component.state];
    return html`<li>
      <span>${name} <span class="kind">${component.kind}</span></span>
      <span class=${look}>${gateway.online ? t(`state.${component.state}`) : t("devices.offline")}</span>
      ${component.detail ? html`<span class="detail">${component.detail}</span>` : nothing}
    </li>`;
  }
}

function order(component: Component): number {
  return ["failed", "stopped", "retrying", "starting", "running"].indexOf(component.state);
}

/** 0 for a gateway that needs somebody. */
function wellness(gateway: Gateway): number {
  if (!gateway.online || gateway.fenced) return 0;
  return gateway.problems.length || gateway.components.some((one) => one.state !== "running") ? 1 : 2;
}

customElements.define("haechi-devices", HaechiDevices);
