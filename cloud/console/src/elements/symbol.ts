// One situation as a symbol: its severity by shape, colour and number, its matter by drawing.

import { css, html, LitElement, svg } from "lit";
import { glyphOf, GLYPHS } from "../symbols";
import { LOOKS } from "../severity";
import type { Severity } from "../types";

/** Where the drawing sits in each shape: a triangle has its room below. */
const ROOM: Record<Severity, string> = {
  extreme: "translate(10 10) scale(1.167)",
  severe: "translate(13 18.5) scale(.917)",
  moderate: "translate(12 12)",
  minor: "translate(11 11) scale(1.083)",
  unknown: "translate(10 10) scale(1.167)",
};

export class HaechiSymbol extends LitElement {
  static override properties = { severity: {}, icon: {}, hollow: { type: Boolean }, plain: { type: Boolean } };
  declare severity: Severity;
  declare icon: string;
  /** Over: only the outline is left. */
  declare hollow: boolean;
  /** Without the drawing: the number stands inside. */
  declare plain: boolean;

  static override styles = css`
    :host {
      display: inline-block;
      position: relative;
      width: 40px;
      height: 40px;
      flex: none;
    }
    svg {
      width: 100%;
      height: 100%;
      overflow: visible;
      display: block;
    }
    .badge {
      font: 700 15px "Noto Sans", system-ui, sans-serif;
      text-anchor: middle;
    }
    .inside {
      font: 700 24px "Noto Sans", system-ui, sans-serif;
      text-anchor: middle;
    }
  `;

  override render(): unknown {
    const look = LOOKS[this.severity] ?? LOOKS.unknown;
    const ink = this.hollow ? look.colour : "#10161d";
    return html`<svg viewBox="-2 -4 54 54" aria-hidden="true">
      <path
        d=${look.shape}
        fill=${this.hollow ? "#10161d" : look.colour}
        stroke=${look.colour}
        stroke-width="2.5"
        stroke-linejoin="round"
        stroke-dasharray=${this.hollow ? "5 4" : "none"}
      />
      ${this.plain
        ? svg`<text class="inside" x="24" y=${this.severity === "severe" ? 37 : 33} fill=${ink}>${look.number}</text>`
        : svg`<path d=${GLYPHS[glyphOf(this.icon)] ?? ""} transform=${ROOM[this.severity] ?? ROOM.unknown}
              fill="none" stroke=${ink} stroke-width="2.3" stroke-linecap="round" stroke-linejoin="round" />
            <circle cx="42" cy="6" r="9.5" fill="#10161d" stroke=${look.colour} stroke-width="2" />
            <text class="badge" x="42" y="11.3" fill="#fff">${look.number}</text>`}
    </svg>`;
  }
}

customElements.define("haechi-symbol", HaechiSymbol);
