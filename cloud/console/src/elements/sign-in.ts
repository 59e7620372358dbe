// The page before the page: who are you?

import { css, html, LitElement, nothing } from "lit";
import { LANGUAGES, type Language, t, words } from "../language";
import { me } from "../session";
import { Watching } from "../watching";
import { controls } from "./controls";

export class HaechiSignIn extends LitElement {
  static override properties = { _problem: { state: true }, _busy: { state: true } };
  declare _problem: string;
  declare _busy: boolean;

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        place-items: center;
        height: 100dvh;
        overflow: auto;
        background: var(--ground);
      }
      main {
        width: min(92vw, 340px);
        padding: 1.6rem;
        background: var(--panel);
        border: 1px solid var(--line);
        border-radius: 12px;
      }
      h1 {
        margin: 0 0 1rem;
        font-size: 1.3rem;
        color: var(--accent);
      }
      select {
        margin-top: 1.2rem;
        min-height: 32px;
        font-size: 0.9rem;
        border-color: var(--line);
      }
    `,
  ];

  constructor() {
    super();
    this._problem = "";
    this._busy = false;
    new Watching(this);
  }

  override render(): unknown {
    return html`<main>
      <h1>${t("title")}: ${t("session.title")}</h1>
      <form @submit=${this.#enter}>
        <label>${t("session.name")}<input name="name" autocomplete="username" required maxlength="64" autofocus /></label>
        <label>
          ${t("session.password")}
          <input name="password" type="password" autocomplete="current-password" required maxlength="256" />
        </label>
        ${this._problem ? html`<p class="problem" role="alert">${this._problem}</p>` : nothing}
        <button class="main" ?disabled=${this._busy}>${t("session.enter")}</button>
      </form>
      <select
        aria-label=${t("language")}
        @change=${(event: Event) => words.speak((event.target as HTMLSelectElement).value as Language)}
      >
        ${Object.entries(LANGUAGES).map(
          ([code, name]) => html`<option value=${code} lang=${code} ?selected=${code === words.language}>${name}</option>`,
        )}
      </select>
    </main>`;
  }

  #enter = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    this._busy = true;
    try {
      await me.signIn(String(given.get("name")), String(given.get("password")));
    } catch (error) {
      this._problem = (error as Error).message;
      this._busy = false;
    }
  };
}

customElements.define("haechi-sign-in", HaechiSignIn);
