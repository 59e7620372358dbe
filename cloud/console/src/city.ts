// What this screen knows of the city, and whether that is still true. Loaded once, then kept by the change feed.
//
// The feed is opened first and the lists are loaded after it said where it stands, with changes held back meanwhile,
// so that nothing falls between the two. The server's heartbeat proves that the feed is read; without it the screen
// says since when it is stale, because a frozen screen looks just like a calm city.

import { address, api } from "./api";
import { words } from "./language";
import { rank, SEVERITIES } from "./severity";
import type {
  CityEvent,
  Command,
  DeadLetter,
  Deed,
  Evidence,
  Gateway,
  Health,
  Heartbeat,
  Loss,
  ObservationsHint,
  Page,
  Place,
  Severity,
  Situation,
  Thing,
} from "./types";

const STALE_AFTER_MS = 12_000;
const DATA_STALE_AFTER_MS = 60_000;
const REOPEN_AFTER_MS = 3_000;
const PAST_MS = 12 * 3_600_000;
const PAST_MAX = 300;
const DESCRIBE_AFTER_MS = 2_000;
/** From so many gateways on, all things are read at once. */
const DESCRIBE_EACH_MAX = 20;
const MISSING_MAX = 1_000;

export type Connection = "connecting" | "live" | "stale";
export type News =
  | { kind: "opened" | "worsened" | "cleared"; situation: Situation }
  | { kind: "event"; event: CityEvent }
  | { kind: "evidence"; evidence: Evidence }
  | { kind: "deed"; deed: Deed }
  | { kind: "observations"; hint: ObservationsHint }
  /** Everything was read anew: what was followed piece by piece may have a gap. */
  | { kind: "loaded" };

/** Reports of what is missing, oldest first: as many as a screen needs, and whether there are more. */
export class Reports<Item> {
  readonly #items = new Map<string | number, Item>();
  more = false;

  get size(): number {
    return this.#items.size;
  }

  /** The newest, newest first. */
  newest(count: number): Item[] {
    return [...this.#items.values()].slice(-count).reverse();
  }

  load(page: Page<Item>, key: (item: Item) => string | number): void {
    replace(this.#items, [...page.items].reverse(), key);
    this.more = page.next !== null;
  }

  add(key: string | number, item: Item): void {
    this.#items.set(key, item);
    const oldest = this.#items.keys().next();
    if (this.#items.size > MISSING_MAX && !oldest.done) {
      this.#items.delete(oldest.value);
      this.more = true;
    }
  }
}

export class City extends EventTarget {
  readonly situations = new Map<string, Situation>();
  readonly gateways = new Map<string, Gateway>();
  readonly places = new Map<string, Place>();
  readonly things = new Map<string, Thing>();
  readonly losses = new Reports<Loss>();
  readonly letters = new Reports<DeadLetter>();
  /** What was done here, and by whom. */
  readonly deeds = new Reports<Deed>();
  /** Commands of which anything was heard since this page was opened, as they stand. */
  readonly commands = new Map<string, Command>();
  health: Health | null = null;
  connection: Connection = "connecting";
  loaded = false;
  /** Why the server refuses to be followed, in its own words. */
  refusal = "";
  /** When the newest data came from any gateway, by the server's clock. */
  dataAt: Date | null = null;

  #heardAt = 0;
  #clockOffset = 0;
  #source: EventSource | null = null;
  #lastId = "";
  #held: (() => void)[] | null = [];
  #told = false;
  /** Numbers the readings of everything: only the newest counts, however late an older one answers. */
  #loads = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #described = new Set<string>();
  /** Rises when situations, or else gateways, things or places change. */
  readonly revision = { situations: 0, devices: 0 };

  start(): void {
    this.#open();
    setInterval(() => this.#watch(), 1000);
  }

  /** Now, by the server's clock. */
  get now(): number {
    return Date.now() + this.#clockOffset;
  }

  /** When the server was last heard. */
  get heardAt(): Date | null {
    return this.#heardAt ? new Date(this.#heardAt) : null;
  }

  /** Whether the server lives but the gateways are silent. */
  get dataStale(): boolean {
    return this.gateways.size > 0 && this.dataAt !== null && this.now - this.dataAt.getTime() > DATA_STALE_AFTER_MS;
  }

  get active(): Situation[] {
    return [...this.situations.values()].filter((one) => one.open && !this.isShelved(one)).sort(worstThenNewest);
  }

  /** Open, but nobody is to be called for a while. */
  get shelved(): Situation[] {
    return [...this.situations.values()].filter((one) => one.open && this.isShelved(one)).sort(worstThenNewest);
  }

  isShelved(one: Situation): boolean {
    return one.shelved_until !== null && Date.parse(one.shelved_until) > this.now;
  }

  /** Over, but nobody has said yet that they saw it. */
  get cleared(): Situation[] {
    return [...this.situations.values()].filter((one) => !one.open && !one.acknowledged).sort(newestEnd);
  }

  get past(): Situation[] {
    return [...this.situations.values()].filter((one) => !one.open && one.acknowledged).sort(newestEnd);
  }

  counts(): Map<Severity, number> {
    const counts = new Map<Severity, number>(SEVERITIES.map((severity) => [severity, 0]));
    for (const one of this.active) {
      counts.set(one.severity, (counts.get(one.severity) ?? 0) + 1);
    }
    return counts;
  }

  /** Take an answer to a question, unless the feed has already brought something newer. */
  offer(situation: Situation): void {
    const known = this.situations.get(situation.id);
    if (!known || Date.parse(known.updated_at) <= Date.parse(situation.updated_at)) this.put(situation);
  }

  /** Take what the feed says: it comes in the order of the commits, whatever any clock says. */
  put(situation: Situation): void {
    const before = this.situations.get(situation.id);
    this.situations.set(situation.id, situation);
    this.#compare(before, situation);
    this.#forget();
    this.revision.situations += 1;
    this.#tell();
  }

  #compare(before: Situation | undefined, situation: Situation): void {
    const isNew = situation.open && (!before?.open || (situation.active && !before.active));
    if (isNew) this.#announce({ kind: "opened", situation });
    else if (situation.open && before && rank(situation.severity) < rank(before.severity))
      this.#announce({ kind: "worsened", situation });
    else if (!situation.open && before?.open) this.#announce({ kind: "cleared", situation });
  }

  #open(): void {
    this.#source?.close();
    const source = new EventSource(address("/changes", this.#lastId ? { after: this.#lastId } : {}));
    this.#source = source;
    const on = <Body>(name: string, act: (body: Body) => void): void =>
      source.addEventListener(name, (message: MessageEvent<string>) => {
        this.#hear(message.lastEventId);
        act(JSON.parse(message.data) as Body);
      });
    on("ready", () => this.#loadAnew());
    on("reset", () => this.#loadAnew());
    on<Heartbeat>("heartbeat", (beat) => this.#beat(beat));
    on<Situation>("situation", (one) => this.#apply(() => this.put(one)));
    on<Gateway>("gateway", (one) => this.#apply(() => this.#putGateway(one)));
    on<{ gateway: string }>("described", ({ gateway }) => this.#apply(() => this.#noteDescribed(gateway)));
    on<Loss>("loss", (one) => this.#apply(() => this.losses.add(one.id, one)));
    on<DeadLetter>("dead_letter", (one) => this.#apply(() => this.letters.add(one.id, one)));
    on<Command>("command", (one) => this.#apply(() => this.follow(one)));
    on<Deed>("audit", (deed) => this.#apply(() => this.#putDeed(deed)));
    on<CityEvent>("event", (event) => this.#apply(() => this.#announce({ kind: "event", event })));
    on<Evidence>("evidence", (evidence) => this.#apply(() => this.#announce({ kind: "evidence", evidence })));
    on<ObservationsHint>("observations", (hint) => this.#announce({ kind: "observations", hint }));
    source.onerror = () => {
      if (this.connection === "live") this.#become("stale");
      if (source.readyState === EventSource.CLOSED) {
        // Refused (a status other than 200): the browser gives up, we do not.
        void this.#askWhy();
        setTimeout(() => this.#source === source && this.#open(), REOPEN_AFTER_MS);
      }
    };
  }

  /** The browser does not say why it was refused; the same server, asked plainly, does. */
  async #askWhy(): Promise<void> {
    try {
      await api.health();
      this.refusal = "";
    } catch (error) {
      this.refusal = (error as Error).message;
    }
    this.#tell();
  }

  /** What was held back is older than what will be read now. */
  #loadAnew(): void {
    this.#held = [];
    void this.#load();
  }

  async #load(): Promise<void> {
    this.#held ??= [];
    this.#loads += 1;
    const number = this.#loads;
    clearTimeout(this.#retry);
    try {
      const since = new Date(this.now - PAST_MS);
      const [catalogue, open, closed, unacknowledged, gateways, losses, letters, deeds, health] = await Promise.all([
        api.catalogue(),
        api.open(),
        api.closed(since),
        api.unacknowledged(),
        api.gateways(),
        api.losses(),
        api.letters(),
        api.audit(),
        api.health(),
      ]);
      await this.#describe();
      if (number !== this.#loads) return;
      words.learn(catalogue);
      const before = this.loaded ? new Map(this.situations) : null;
      replace(this.situations, [...closed, ...unacknowledged, ...open], (one) => one.id);
      replace(this.gateways, gateways, (one) => one.id);
      this.losses.load(losses, (one) => one.id);
      this.letters.load(letters, (one) => one.id);
      this.deeds.load(deeds, (one) => one.id);
      this.health = health;
      this.loaded = true;
      this.refusal = "";
      this.revision.situations += 1;
      this.revision.devices += 1;
      if (before) for (const one of this.situations.values()) this.#compare(before.get(one.id), one);
      const held = this.#held ?? [];
      this.#held = null;
      for (const act of held) act();
      this.#announce({ kind: "loaded" });
      this.#become("live");
    } catch {
      if (number !== this.#loads) return;
      // The feed stands but the lists could not be read: what is on the screen stays marked as not live.
      this.#become(this.loaded ? "stale" : "connecting");
      this.#retry = setTimeout(() => void this.#load(), REOPEN_AFTER_MS);
    }
    this.#tell();
  }

  async #describe(): Promise<void> {
    this.#described.clear();
    const [places, things] = await Promise.all([api.places(), api.things()]);
    replace(this.places, places, (one) => one.id);
    replace(this.things, things, thingKey);
    this.revision.devices += 1;
  }

  /** Read again what a gateway has described; many that do so at once, as after a power cut, in one go. */
  #noteDescribed(gateway: string): void {
    if (!this.#described.size) setTimeout(() => void this.#describeAgain().catch(() => undefined), DESCRIBE_AFTER_MS);
    this.#described.add(gateway);
  }

  async #describeAgain(): Promise<void> {
    const gateways = [...this.#described];
    this.#described.clear();
    if (gateways.length > DESCRIBE_EACH_MAX) await this.#describe();
    else {
      const [places, ...things] = await Promise.all([api.places(), ...gateways.map((one) => api.thingsOf(one))]);
      replace(this.places, places, (one) => one.id);
      for (const [key, one] of this.things) if (gateways.includes(one.gateway)) this.things.delete(key);
      for (const one of things.flat()) this.things.set(thingKey(one), one);
      this.revision.devices += 1;
    }
    this.#tell();
  }

  #apply(act: () => void): void {
    if (this.#held) this.#held.push(act);
    else act();
    this.#tell();
  }

  /** Follow a command from now on. */
  follow(command: Command): void {
    if (this.commands.get(command.id)?.settled_at && !command.settled_at) return; // the feed was faster than the answer
    this.commands.delete(command.id);
    this.commands.set(command.id, command);
    const oldest = this.commands.keys().next();
    if (this.commands.size > MISSING_MAX && !oldest.done) this.commands.delete(oldest.value);
    this.#tell();
  }

  /** The newest command to an actuator of which anything was heard. */
  lastCommand(gateway: string, device: string, actuator: string): Command | undefined {
    return [...this.commands.values()]
      .filter((one) => one.gateway === gateway && one.device === device && one.actuator === actuator)
      .sort((one, other) => Date.parse(other.given_at) - Date.parse(one.given_at))[0];
  }

  /** What became of the newest wish for a clip of an event. */
  lastClip(event: string): Command | undefined {
    return [...this.commands.values()]
      .filter((one) => one.name === "clip" && one.event === event)
      .sort((one, other) => Date.parse(other.given_at) - Date.parse(one.given_at))[0];
  }

  #putDeed(deed: Deed): void {
    this.deeds.add(deed.id, deed);
    this.#announce({ kind: "deed", deed });
  }

  #putGateway(gateway: Gateway): void {
    this.gateways.set(gateway.id, gateway);
    this.revision.devices += 1;
  }

  #beat(beat: Heartbeat): void {
    this.#clockOffset = Date.parse(beat.at) - Date.now();
    this.dataAt = beat.data_at ? new Date(beat.data_at) : null;
    if (this.#held === null) this.#become("live");
    if (beat.state !== (this.health?.state ?? "ok") || beat.state !== "ok") {
      void api.health().then(
        (health) => {
          this.health = health;
          this.#tell();
        },
        () => undefined,
      );
    }
    this.#tell();
  }

  #hear(id: string): void {
    this.#heardAt = Date.now();
    if (id) this.#lastId = id;
  }

  #watch(): void {
    const silent = Date.now() - this.#heardAt > STALE_AFTER_MS;
    if (silent && this.connection === "live") this.#become("stale");
    // A connection that is open and mute (a frozen link) never reports an error by itself.
    if (silent && Date.now() - this.#heardAt > 2 * STALE_AFTER_MS && this.#source?.readyState === EventSource.OPEN) {
      this.#open();
    }
    this.#tell();
  }

  #become(connection: Connection): void {
    this.connection = connection;
    this.#tell();
  }

  #forget(): void {
    const over = [...this.situations.values()].filter((one) => !one.open).sort(newestEnd);
    for (const one of over.slice(PAST_MAX)) this.situations.delete(one.id);
    for (const one of over) {
      if (one.acknowledged && this.now - Date.parse(one.updated_at) > PAST_MS) this.situations.delete(one.id);
    }
  }

  #announce(news: News): void {
    this.dispatchEvent(new CustomEvent<News>("news", { detail: news }));
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    setTimeout(() => {
      this.#told = false;
      this.dispatchEvent(new Event("change"));
    }, 30);
  }
}

function worstThenNewest(one: Situation, other: Situation): number {
  return (
    rank(one.severity) - rank(other.severity) ||
    Number(one.acknowledged) - Number(other.acknowledged) ||
    Date.parse(other.opened_at) - Date.parse(one.opened_at)
  );
}

function newestEnd(one: Situation, other: Situation): number {
  return Date.parse(other.cleared_at ?? other.updated_at) - Date.parse(one.cleared_at ?? one.updated_at);
}

function thingKey(one: Thing): string {
  return `${one.gateway}/${one.id}`;
}

function replace<Key, Item>(map: Map<Key, Item>, items: readonly Item[], key: (item: Item) => Key): void {
  map.clear();
  for (const item of items) map.set(key(item), item);
}

export const city = new City();
