// The audit: who did what, when and why, and what became of it.

import { css, html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { city } from "../city";
import { clock, type Key, t, words } from "../language";
import type { Deed } from "../types";
import { Watching } from "../watching";

const SHOWN = 200;

/** One row of the audit as people read it; `here` where it stands with what it was done to. */
export function deedLine(deed: Deed, here = false): unknown {
  const now = deed.command ? city.commands.get(deed.command) : undefined;
  const state = now?.state ?? deed.outcome;
  const why = now ? now.detail : deed.outcome_detail;
  return html`<div>
    <b>${deed.who || t("session.nobody")}</b> ${t(`deed.${deed.action}` as Key)} ${here ? deed.detail : what(deed)}
    ${deed.reason ? html`<div class="reason">${deed.reason}</div>` : nothing}
    ${state ? html`<div class=${state}>${t(`command.state.${state}` as Key)}${why ? `: ${why}` : ""}</div>` : nothing}
  </div>`;
}

function what(deed: Deed): string {
  const situation = city.situations.get(deed.key);
  if (situation) return [words.type(situation.headline), situation.place_name || situation.place, deed.detail].filter(Boolean).join(", ");
  return deed.action === "account" ? `${deed.key} ${deed.detail}` : deed.detail;
}

export const deedStyle = css`
  .reason {
    color: var(--text);
    font-style: italic;
    overflow-wrap: anywhere;
  }
  .done {
    color: var(--good);
  }
  .refused,
  .expired,
  .unknown {
    color: var(--warn);
  }
`;

export class HaechiAudit extends LitElement {
  static override styles = [
    deedStyle,
    css`
      :host {
        display: block;
        height: 100%;
        overflow-y: auto;
        padding: 0.75rem 1rem;
        scrollbar-color: var(--line) transparent;
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li {
        display: grid;
        grid-template-columns: 92px 1fr;
        gap: 0.6rem;
        padding: 0.5rem 0;
        border-bottom: 1px solid var(--line);
        font-size: 0.92rem;
      }
      time,
      p {
        color: var(--soft);
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  constructor() {
    super();
    new Watching(this);
  }

  override render(): unknown {
    const deeds = city.deeds.newest(SHOWN);
    if (!deeds.length) return html`<p>${city.loaded ? t("audit.none") : t("queue.loading")}</p>`;
    return html`<ol>
        ${repeat(
          deeds,
          (deed) => deed.id,
          (deed) => html`<li><time datetime=${deed.at}>${clock(deed.at, true)}</time>${deedLine(deed)}</li>`,
        )}
      </ol>
      ${city.deeds.more || city.deeds.size > SHOWN ? html`<p>${t("audit.more")}</p>` : nothing}`;
  }
}

customElements.define("haechi-audit", HaechiAudit);
