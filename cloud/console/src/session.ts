// Who uses this screen, and what they may. The server decides; this only spares people buttons that it would refuse.

import { api, door } from "./api";
import type { Role, Session } from "./types";

const ROLES: readonly Role[] = ["viewer", "operator", "commander", "admin"];

class Me extends EventTarget {
  #session: Session | null = null;

  constructor() {
    super();
    door.addEventListener("out", () => this.#become({ name: null, role: null }));
  }

  /** Whether the server has said who this is. */
  get known(): boolean {
    return this.#session !== null;
  }

  /** Whether somebody has to sign in first. */
  get out(): boolean {
    return this.#session?.name === null;
  }

  /** Of the account; empty where there are no accounts. */
  get name(): string {
    return this.#session?.name ?? "";
  }

  get role(): Role | null {
    return this.#session?.role ?? null;
  }

  may(role: Role): boolean {
    return this.role !== null && ROLES.indexOf(this.role) >= ROLES.indexOf(role);
  }

  /** Ask the server who this is. */
  async find(): Promise<void> {
    this.#become(await api.session());
  }

  async signIn(name: string, password: string): Promise<void> {
    await api.signIn(name, password);
    location.reload(); // nothing of whoever was here before stays on the screen
  }

  async signOut(): Promise<void> {
    await api.signOut();
    location.reload();
  }

  #become(session: Session): void {
    this.#session = session;
    this.dispatchEvent(new Event("change"));
  }
}

export const me = new Me();
