// Asks why, before something is done that others will ask about.

import { css, html, LitElement, nothing } from "lit";
import { t } from "../language";
import { controls } from "./controls";

const REASON_MAX = 500;

export class HaechiAsk extends LitElement {
  static override properties = { heading: {}, action: {}, _open: { state: true } };
  declare heading: string;
  /** What the button that does it says. */
  declare action: string;
  declare _open: boolean;

  static override styles = [
    controls,
    css`
      :host {
        display: contents;
      }
      ::slotted(label) {
        display: grid;
        gap: 0.25rem;
        color: var(--soft);
        font-size: 0.9rem;
      }
    `,
  ];

  constructor() {
    super();
    this.heading = "";
    this.action = "";
    this._open = false;
  }

  /** Ask; the answer comes as the event "because" with the reason. */
  ask(): void {
    this._open = true;
  }

  override updated(): void {
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  override render(): unknown {
    if (!this._open) return nothing;
    return html`<dialog aria-label=${this.heading} @close=${() => (this._open = false)}>
      <form @submit=${this.#answer}>
        <h3>${this.heading}</h3>
        <slot></slot>
        <label>${t("ask.reason")}<textarea name="reason" required maxlength=${REASON_MAX} autofocus></textarea></label>
        <div class="actions">
          <button class="main">${this.action}</button>
          <button type="button" @click=${() => this.renderRoot.querySelector("dialog")?.close()}>${t("ask.cancel")}</button>
        </div>
      </form>
    </dialog>`;
  }

  #answer = (event: SubmitEvent): void => {
    event.preventDefault();
    const reason = String(new FormData(event.target as HTMLFormElement).get("reason"));
    this.renderRoot.querySelector("dialog")?.close();
    this.dispatchEvent(new CustomEvent<string>("because", { detail: reason }));
  };
}

customElements.define("haechi-ask", HaechiAsk);
