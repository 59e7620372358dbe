// Lets an element follow the city, the language and who is signed in: it is drawn anew when one of them changes.

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { city, type News } from "./city";
import { words } from "./language";
import { me } from "./session";

export class Watching implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #heed: ((news: News) => void) | undefined;

  constructor(host: ReactiveControllerHost, heed?: (news: News) => void) {
    this.#host = host;
    this.#heed = heed;
    host.addController(this);
  }

  hostConnected(): void {
    city.addEventListener("change", this.#draw);
    words.addEventListener("change", this.#draw);
    me.addEventListener("change", this.#draw);
    city.addEventListener("news", this.#hear);
  }

  hostDisconnected(): void {
    city.removeEventListener("change", this.#draw);
    words.removeEventListener("change", this.#draw);
    me.removeEventListener("change", this.#draw);
    city.removeEventListener("news", this.#hear);
  }

  #draw = (): void => this.#host.requestUpdate();
  #hear = (event: Event): void => this.#heed?.((event as CustomEvent<News>).detail);
}
