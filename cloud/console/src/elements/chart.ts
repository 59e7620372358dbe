// One datastream over time, live: the series, the span between its extremes where it is thinned out, and the limits
// that events were raised at, each in its severity's colour with its value written on it.

import { css, html, LitElement, nothing, unsafeCSS } from "lit";
import uPlot from "uplot";
import sheet from "uplot/dist/uPlot.min.css?inline";
import { api } from "../api";
import { city, type News } from "../city";
import type { Limit } from "../events";
import { clock, measured, t, words } from "../language";
import { LOOKS } from "../severity";
import type { Observation } from "../types";
import { Watching } from "../watching";

const RANGES_S = [900, 3600, 6 * 3600, 24 * 3600];
const SPAN_S_MIN = 120;
const POINTS = 600;
const HEIGHT_PX = 190;
const REFRESH_GAP_MS = 1000;
const FRESH_MS_MIN = 60_000;

export class HaechiChart extends LitElement {
  static override properties = {
    gateway: {},
    datastream: {},
    heading: {},
    limits: { attribute: false },
    _range: { state: true },
    _problem: { state: true },
    _rows: { state: true },
  };
  declare gateway: string;
  declare datastream: string;
  declare heading: string;
  declare limits: readonly Limit[];
  declare _range: number;
  declare _problem: string;
  declare _rows: Observation[];

  static override styles = [
    unsafeCSS(sheet),
    css`
      :host {
        display: block;
      }

      .head {
        display: flex;
        align-items: baseline;
        gap: 0.75rem;
        margin-bottom: 0.4rem;
        flex-wrap: wrap;
      }

      .head h3 {
        margin: 0;
        font-size: 0.95rem;
        font-weight: 600;
        color: var(--soft);
      }

      .head .now {
        font-size: 1.25rem;
        font-weight: 650;
        font-variant-numeric: tabular-nums;
      }

      .head .at {
        color: var(--soft);
        font-size: 0.85rem;
        font-variant-numeric: tabular-nums;
      }

      .head .now.old {
        color: var(--soft);
        font-weight: 500;
      }

      .head .at.old {
        color: var(--warn);
      }

      .ranges {
        margin-left: auto;
        display: flex;
        gap: 2px;
        border: 0;
        padding: 0;
      }

      .ranges button {
        font: inherit;
        font-size: 0.8rem;
        min-height: 28px;
        white-space: nowrap;
        padding: 2px 9px;
        color: var(--soft);
        background: var(--raised);
        border: 1px solid var(--line);
        border-radius: 5px;
        cursor: pointer;
      }

      .ranges button[aria-pressed="true"] {
        color: var(--ground);
        background: var(--accent);
        border-color: var(--accent);
      }

      .none {
        color: var(--soft);
        padding: 1.5rem 0;
        text-align: center;
      }

      .u-legend {
        display: none;
      }
    `,
  ];

  #plot: uPlot | null = null;
  #unit = "";
  /** Undefined until it is known. */
  #period_s: number | null | undefined = undefined;
  #asked = 0;
  #again = false;
  #busy = false;
  #resize = new ResizeObserver(() => this.#fit());

  constructor() {
    super();
    this.limits = [];
    this.heading = "";
    this._range = RANGES_S[0] as number;
    this._problem = "";
    this._rows = [];
    new Watching(this, (news) => this.#heed(news));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("gateway") || changed.has("datastream") || changed.has("_range")) {
      if (!changed.has("_range")) {
        this._rows = [];
        this.#period_s = undefined;
        void this.#learnPeriod();
      }
      void this.#load();
    }
  }

  override render(): unknown {
    return html`
      <div class="head">
        <h3>${this.heading || this.datastream}</h3>
        ${this.#now()}
        <div class="ranges" role="group" aria-label=${t("chart.range")}>
          ${RANGES_S.map(
            (range) =>
              html`<button aria-pressed=${range === this._range} @click=${() => (this._range = range)}>
                ${range < 3600 ? t("chart.minutes", { count: range / 60 }) : t("chart.hours", { count: range / 3600 })}
              </button>`,
          )}
        </div>
      </div>
      ${this._problem ? html`<p class="none">${t("chart.failed", { reason: this._problem })}</p>` : nothing}
      ${!this._rows.length && !this._problem ? html`<p class="none">${t("chart.empty")}</p>` : nothing}
      <div class="plot" role="img" aria-label=${this.#description()} ?hidden=${!this._rows.length}></div>
    `;
  }

  override updated(): void {
    this.#draw();
  }

  /** The newest value that can be believed; grey, with its time, as soon as it may no longer be so. */
  #now(): unknown {
    const newest = this._rows.findLast((row) => row.quality !== "bad");
    if (!newest) return nothing;
    const shown = measured(newest.value, this.#unit);
    const period_ms = (this.#period_s ?? 0) * 1000;
    const bucket_ms = (this._range * 1000) / POINTS;
    const fresh_ms = Math.max(FRESH_MS_MIN, 3 * period_ms, 2 * bucket_ms);
    if (this.#period_s === null || city.now - Date.parse(newest.time) <= fresh_ms)
      return html`<span class="now">${shown}</span><span class="at">${clock(newest.time, true)}</span>`;
    return html`<span class="now old">${shown}</span>
      <span class="at old">${t("chart.no_value_since", { time: clock(newest.time, true) })}</span>`;
  }

  /** How often a value is due; null for a datastream whose values come when something happens. */
  async #learnPeriod(): Promise<void> {
    const [gateway, datastream] = [this.gateway, this.datastream];
    const known = await api.datastreams(gateway, datastream.split(".")[0] ?? "").catch(() => []);
    if (gateway !== this.gateway || datastream !== this.datastream) return;
    this.#period_s = known.find((one) => one.id === datastream)?.period_s ?? null;
    this.requestUpdate();
  }

  #heed(news: News): void {
    if (news.kind === "loaded") void this.#load();
    if (news.kind !== "observations") return;
    if (news.hint.more || news.hint.gateways.includes(this.gateway)) void this.#load(true);
  }

  /** Read the series; only its newest part where the rest is here already. */
  async #load(follow = false): Promise<void> {
    if (!this.gateway || !this.datastream) return;
    if (this.#busy) {
      this.#again ||= !follow;
      return;
    }
    if (follow && Date.now() - this.#asked < REFRESH_GAP_MS * 0.8) return;
    this.#busy = true;
    this.#asked = Date.now();
    const [gateway, datastream, range] = [this.gateway, this.datastream, this._range];
    try {
      const start = city.now - range * 1000;
      const newest = this._rows.at(-1);
      const rest = follow && newest ? Date.parse(newest.time) + 1 : start;
      const answer = await api.observations(gateway, datastream, new Date(Math.max(start, rest)), POINTS);
      if (gateway !== this.gateway || datastream !== this.datastream || range !== this._range) this.#again = true;
      else {
        const rows = answer.items.filter((row) => row.time);
        const kept = follow ? this._rows.filter((row) => Date.parse(row.time) >= start) : [];
        this._rows = [...kept, ...rows].slice(-4 * POINTS);
        this.#unit = answer.unit ?? "";
        this._problem = "";
        // Many single values have gathered behind a thinned-out past: read the whole anew, once.
        if (follow && this._rows.length > 2 * POINTS) this.#again = true;
      }
    } catch (error) {
      this._problem = (error as Error).message;
    } finally {
      this.#busy = false;
      if (this.#again) {
        this.#again = false;
        void this.#load();
      }
    }
  }

  #data(): uPlot.AlignedData {
    const rows = this._rows;
    const at = rows.map((row) => Date.parse(row.time) / 1000);
    const number = (given: unknown): number | null => (typeof given === "number" ? given : null);
    const of = (row: Observation): number | null =>
      row.quality === "bad" ? null : typeof row.value === "boolean" ? Number(row.value) : number(row.value);
    return [at, rows.map(of), rows.map((row) => row.minimum ?? of(row)), rows.map((row) => row.maximum ?? of(row))];
  }

  #draw(): void {
    const place = this.renderRoot.querySelector<HTMLElement>(".plot");
    if (!place || !this._rows.length) {
      this.#plot?.destroy();
      this.#plot = null;
      return;
    }
    if (this.#plot && this.#plot.root.parentElement === place) this.#plot.setData(this.#data());
    else {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(place.clientWidth || this.clientWidth), this.#data(), place);
    }
  }

  #fit(): void {
    const width = this.clientWidth;
    if (this.#plot && width) this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  #options(width: number): uPlot.Options {
    const font = '12px "Noto Sans", "Noto Sans CJK KR", system-ui, sans-serif';
    const axis = { stroke: "#aebccb", font, grid: { stroke: "#243040", width: 1 }, ticks: { stroke: "#2b3846", width: 1 } };
    return {
      width,
      height: HEIGHT_PX,
      padding: [10, 14, 0, 0],
      cursor: { y: false, points: { size: 7 } },
      legend: { show: false },
      scales: {
        x: { range: () => [this.#start(), city.now / 1000] },
        y: { range: (_plot, low, high) => this.#span(low, high) },
      },
      axes: [
        { ...axis, values: (_plot, at) => at.map((second) => this.#tick(second)), space: 80 },
        { ...axis, size: 52, values: (_plot, ticks) => evenly(ticks) },
      ],
      series: [
        {},
        { stroke: "#7fd1c7", width: 2, fill: "rgba(127, 209, 199, 0.10)", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
      ],
      bands: [{ series: [3, 2], fill: "rgba(127, 209, 199, 0.25)" }],
      hooks: { draw: [(plot) => this.#drawLimits(plot)] },
    };
  }

  /** Where the time shown begins: no earlier than the values do, so that a young series fills the chart. */
  #start(): number {
    const now = city.now / 1000;
    const first = Date.parse(this._rows[0]?.time ?? "") / 1000 || now;
    return Math.max(now - this._range, Math.min(first, now - SPAN_S_MIN));
  }

  /** The limits are always in sight, and so is some air. */
  #span(low: number, high: number): [number, number] {
    const values = [low, high, ...this.limits.map((limit) => limit.value)].filter((one) => Number.isFinite(one));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const air = (most - least || Math.abs(most) || 1) * 0.1;
    return [least >= 0 && least - air < 0 ? 0 : least - air, most + air];
  }

  #tick(second: number): string {
    return clock(new Date(second * 1000), this._range <= 900 && second % 60 !== 0);
  }

  #drawLimits(plot: uPlot): void {
    const pixels = devicePixelRatio;
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `${12 * pixels}px "Noto Sans", "Noto Sans CJK KR", system-ui, sans-serif`;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    for (const limit of this.limits) {
      const y = Math.round(plot.valToPos(limit.value, "y", true)) + 0.5;
      const look = LOOKS[limit.severity];
      ctx.strokeStyle = look.colour;
      ctx.fillStyle = look.colour;
      ctx.lineWidth = 1.5 * pixels;
      ctx.setLineDash([7 * pixels, 5 * pixels]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.fillText(
        `${look.number} ${t(`severity.${limit.severity}`)} ${measured(limit.value, this.#unit)}`,
        bbox.left + 6 * pixels,
        y - 2 * pixels,
      );
    }
    ctx.restore();
  }

  #description(): string {
    const numbers = this._rows.filter((row) => row.quality !== "bad").map((row) => row.value).filter((one): one is number => typeof one === "number");
    if (!numbers.length) return this.heading;
    return t("chart.description", {
      name: this.heading,
      now: measured(numbers.at(-1) as number, this.#unit),
      low: measured(numbers.reduce((one, other) => Math.min(one, other)), this.#unit),
      high: measured(numbers.reduce((one, other) => Math.max(one, other)), this.#unit),
    });
  }
}

/** The numbers of an axis, all with the digits that the finest of them needs. */
function evenly(ticks: readonly number[]): string[] {
  const digits = [0, 1, 2].find((few) => ticks.every((tick) => Math.abs(tick - Number(tick.toFixed(few))) < 1e-9)) ?? 3;
  const format = new Intl.NumberFormat(words.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return ticks.map((tick) => format.format(tick));
}

customElements.define("haechi-chart", HaechiChart);
