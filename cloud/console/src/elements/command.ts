// Commanding a device: what, for how long, why; then a look at it in words; then what becomes of it, as it comes.

import { css, html, LitElement, nothing } from "lit";
import { api } from "../api";
import { city } from "../city";
import { actuator, measured, number, stateOf, t } from "../language";
import type { Actuator, Command, CommandOrder, Scalar } from "../types";
import { Watching } from "../watching";
import { controls } from "./controls";

const VALID_S = [10, 30, 60, 300];
const VALID_S_FIRST = 30;
const REASON_MAX = 500;

type Step = "closed" | "fill" | "check" | "follow";

export class HaechiCommand extends LitElement {
  static override properties = {
    _step: { state: true },
    _problem: { state: true },
    _command: { state: true },
    _order: { state: true },
  };
  declare _step: Step;
  declare _problem: string;
  /** As the cloud has taken it; null while it is on its way there. */
  declare _command: Command | null;
  declare _order: CommandOrder | null;

  #gateway = "";
  #actuator: Actuator | null = null;

  static override styles = [
    controls,
    css`
      .what {
        font-size: 1.15rem;
        font-weight: 650;
        margin: 0;
      }
      .hint {
        color: var(--soft);
        font-size: 0.9rem;
        margin: 0;
      }
      ol {
        list-style: none;
        display: flex;
        flex-wrap: wrap;
        gap: 0.3rem 0.8rem;
        margin: 0.2rem 0;
        padding: 0;
      }
      ol li + li::before {
        content: "→ ";
        color: var(--soft);
      }
      ol li:last-child {
        font-weight: 700;
      }
      .done {
        color: var(--good);
      }
      .refused,
      .expired,
      .unknown {
        color: var(--warn);
      }
    `,
  ];

  constructor() {
    super();
    this._step = "closed";
    this._problem = "";
    this._command = null;
    this._order = null;
    new Watching(this);
  }

  /** Ask what to tell an actuator. */
  ask(gateway: string, one: Actuator): void {
    this.#gateway = gateway;
    this.#actuator = one;
    this._problem = "";
    this._command = null;
    this._order = null;
    this._step = "fill";
  }

  override updated(changed: Map<string, unknown>): void {
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    // What had the focus is gone with its step; without it Escape would close what lies below the dialog.
    else if (dialog && changed.has("_step")) dialog.querySelector<HTMLElement>("[autofocus], input, textarea")?.focus();
  }

  override render(): unknown {
    const one = this.#actuator;
    if (this._step === "closed" || !one) return nothing;
    return html`<dialog aria-label=${t("actuators.command_of", this.#gaps(one))} @close=${() => (this._step = "closed")}>
      ${this._step === "fill" ? this.#fill(one) : this._step === "check" ? this.#check(one) : this.#follow(one)}
    </dialog>`;
  }

  #fill(one: Actuator): unknown {
    const known = this._order;
    const lasting = one.on_s_max < 60 ? one.on_s_max : 60;
    return html`<form @submit=${(event: SubmitEvent) => this.#filled(event, one)}>
      <h3>${t("actuators.command_of", this.#gaps(one))}</h3>
      ${this.#value(one, known?.value)}
      <label>
        ${t("command.on_s", { most: number(one.on_s_max) })}
        <input name="on_s" type="number" min="1" max=${one.on_s_max} step="any" required .value=${String(known?.on_s ?? lasting)} />
      </label>
      <label>
        ${t("command.valid_s")}
        <select name="valid_s">
          ${VALID_S.map(
            (seconds) => html`<option value=${seconds} ?selected=${seconds === (known?.valid_s ?? VALID_S_FIRST)}>
              ${t("command.seconds", { count: number(seconds) })}
            </option>`,
          )}
        </select>
      </label>
      <label>
        ${t("ask.reason")}
        <textarea name="reason" required maxlength=${REASON_MAX} .value=${known?.reason ?? ""}></textarea>
      </label>
      <div class="actions">
        <button class="main">${t("command.continue")}</button>
        <button type="button" @click=${this.#close}>${t("ask.cancel")}</button>
      </div>
    </form>`;
  }

  #value(one: Actuator, known: Scalar | undefined): unknown {
    if (one.kind === "switch") {
      // What it is not in now, so that the usual wish needs no click.
      const wanted = known ?? one.state !== true;
      return html`<fieldset>
        <legend>${t("command.value")}</legend>
        ${[true, false].map(
          (value) => html`<label>
            <input type="radio" name="value" value=${String(value)} required ?checked=${value === wanted} />
            ${stateOf(value, "")}
          </label>`,
        )}
      </fieldset>`;
    }
    if (one.kind === "text") {
      return html`<label>
        ${t("command.text", { count: one.characters_max })}
        <input name="value" maxlength=${one.characters_max} .value=${String(known ?? one.state ?? "")} />
      </label>`;
    }
    const gaps = { low: measured(one.minimum, one.unit), high: measured(one.maximum, one.unit) };
    const now = known ?? one.state ?? one.fail_safe;
    return html`<label>
      ${t("command.level", gaps)}
      <input name="value" type="number" min=${one.minimum} max=${one.maximum} step="any" required .value=${String(now)} />
    </label>`;
  }

  #filled(event: SubmitEvent, one: Actuator): void {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const written = String(given.get("value") ?? "");
    const value = one.kind === "switch" ? written === "true" : one.kind === "level" ? Number(written) : written;
    this._order = {
      device: one.device,
      actuator: one.name,
      value,
      on_s: Number(given.get("on_s")),
      valid_s: Number(given.get("valid_s")),
      reason: String(given.get("reason")),
    };
    this._step = "check";
  }

  #check(one: Actuator): unknown {
    const order = this._order;
    if (!order) return nothing;
    const value = stateOf(order.value, one.unit);
    const lasting =
      order.value === one.fail_safe
        ? ""
        : t("command.lasting", { seconds: number(order.on_s ?? one.on_s_max, 1), state: stateOf(one.fail_safe, one.unit) });
    return html`<form @submit=${this.#send}>
      <h3>${t("command.confirm")}</h3>
      <p class="what">${t("command.what", { ...this.#gaps(one), value })}</p>
      ${lasting ? html`<p>${lasting}</p>` : nothing}
      <p class="hint">${order.reason}</p>
      <p class="hint">${t("command.again")}</p>
      <div class="actions">
        <button class="grave" autofocus>${t("command.send")}</button>
        <button type="button" @click=${() => (this._step = "fill")}>${t("ask.back")}</button>
        <button type="button" @click=${this.#close}>${t("ask.cancel")}</button>
      </div>
    </form>`;
  }

  #send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const order = this._order;
    if (!order) return;
    this._step = "follow";
    try {
      this._command = await api.command(this.#gateway, order);
      city.follow(this._command);
    } catch (error) {
      this._problem = (error as Error).message;
    }
  };

  #follow(one: Actuator): unknown {
    const order = this._order;
    const now = this._command && (city.commands.get(this._command.id) ?? this._command);
    const way = ["asked", ...(now ? ["sent"] : []), ...(now && now.state !== "sent" ? [now.state] : [])] as const;
    return html`<form @submit=${(event: SubmitEvent) => event.preventDefault()}>
      <h3>${t("command.what", { ...this.#gaps(one), value: order ? stateOf(order.value, one.unit) : "" })}</h3>
      ${this._problem
        ? html`<p class="problem" role="alert">${t("command.failed", { reason: this._problem })}</p>`
        : html`<ol aria-live="polite">
            ${way.map((state) => html`<li class=${state}>${t(`command.state.${state}` as "command.state.sent")}</li>`)}
          </ol>`}
      ${now?.detail ? html`<p class=${now.state}>${now.detail}</p>` : nothing}
      <div class="actions">
        <button type="button" autofocus @click=${this.#close}>${t("detail.close")}</button>
        ${this._problem ? html`<button type="button" @click=${this.#again}>${t("ask.back")}</button>` : nothing}
      </div>
    </form>`;
  }

  #again = (): void => {
    this._problem = "";
    this._step = "fill";
  };

  #close = (): void => this.renderRoot.querySelector("dialog")?.close();

  #gaps(one: Actuator): { actuator: string; device: string } {
    const device = city.things.get(`${this.#gateway}/${one.device}`)?.name ?? one.device;
    return { actuator: actuator(one.name), device };
  }
}

customElements.define("haechi-command", HaechiCommand);
