// Asks the cloud; every request goes to the server that served this page, about the city that this page was opened for
// (`?tenant=`). A refusal becomes an error with its one line.

import type {
  Basemap,
  Catalogue,
  Command,
  CommandOrder,
  Datastream,
  DeadLetter,
  Deed,
  Gateway,
  Health,
  Loss,
  Observations,
  Page,
  Place,
  Session,
  Situation,
  SituationDetail,
  Thing,
} from "./types";

const ROOT = "/api/v1";
const TIMEOUT_MS = 10_000;
const TENANT = new URLSearchParams(location.search).get("tenant");

/** Where a question about this page's city goes. */
export function address(path: string, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...(TENANT ? { tenant: TENANT } : {}), ...parameters }).toString();
  return `${ROOT}${path}${query ? `?${query}` : ""}`;
}

/** Tells (with the event "out") that the server does not know who is asking any more. */
export const door = new EventTarget();

async function ask<Answer>(
  path: string,
  parameters: Record<string, string> = {},
  method = "GET",
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(address(path, parameters), {
    method,
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  if (!response.ok) {
    if (response.status === 401 && path !== "/session") door.dispatchEvent(new Event("out"));
    const problem = (await response.json().catch(() => null)) as { detail?: string } | null;
    throw new Error(problem?.detail ?? `${response.status} ${response.statusText}`);
  }
  return (await response.json()) as Answer;
}

async function all<Item>(path: string, parameters: Record<string, string>, cursor: string, most: number): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | null = null;
  do {
    const page: Page<Item> = await ask(path, next ? { ...parameters, [cursor]: next } : parameters);
    items.push(...page.items);
    next = page.next;
  } while (next && items.length < most);
  return items;
}

const post = <Answer>(path: string, body?: unknown): Promise<Answer> => ask(path, {}, "POST", body);

export const api = {
  session: () => ask<Session>("/session"),
  signIn: (name: string, password: string) => post<Session>("/session", { name, password }),
  signOut: () => ask<Session>("/session", {}, "DELETE"),
  audit: () => ask<Page<Deed>>("/audit", { limit: "100" }),
  auditOf: async (key: string) => (await ask<Page<Deed>>("/audit", { key, limit: "50" })).items,
  command: (gateway: string, order: CommandOrder) =>
    post<Command>(`/gateways/${encodeURIComponent(gateway)}/commands`, order),
  catalogue: () => ask<Catalogue>("/catalogue"),
  basemap: () => ask<Basemap>("/basemap"),
  health: () => ask<Health>("/health"),
  gateways: () => all<Gateway>("/gateways", { limit: "1000" }, "after", 10_000),
  places: () => all<Place>("/places", { limit: "5000" }, "after", 10_000),
  things: () => all<Thing>("/things", { limit: "5000" }, "after", 50_000),
  thingsOf: (gateway: string) => all<Thing>("/things", { gateway, limit: "5000" }, "after", 50_000),
  losses: () => ask<Page<Loss>>("/losses", { limit: "100" }),
  letters: () => ask<Page<DeadLetter>>("/dead-letters", { limit: "100" }),
  open: () => all<Situation>("/situations", { state: "open", limit: "500" }, "cursor", 2_000),
  closed: async (since: Date) =>
    (await ask<Page<Situation>>("/situations", { state: "closed", from: since.toISOString(), limit: "200" })).items,
  unacknowledged: async () =>
    (await ask<Page<Situation>>("/situations", { state: "closed", acknowledged: "false", limit: "200" })).items,
  situation: (id: string) => ask<SituationDetail>(`/situations/${encodeURIComponent(id)}`),
  acknowledge: (id: string) => post<Situation>(`/situations/${encodeURIComponent(id)}/acknowledge`),
  shelve: (id: string, for_s: number, reason: string) =>
    post<Situation>(`/situations/${encodeURIComponent(id)}/shelve`, { for_s, reason }),
  unshelve: (id: string) => post<Situation>(`/situations/${encodeURIComponent(id)}/unshelve`),
  close: (id: string, reason: string) => post<Situation>(`/situations/${encodeURIComponent(id)}/close`, { reason }),
  askForClip: (event: string) => post<Command>(`/events/${encodeURIComponent(event)}/clip`),
  datastreams: async (gateway: string, thing: string) =>
    (await ask<Page<Datastream>>("/datastreams", { gateway, thing })).items,
  observations: (gateway: string, datastream: string, from: Date, points: number) =>
    ask<Observations>("/observations", { gateway, datastream, from: from.toISOString(), points: String(points) }),
};
