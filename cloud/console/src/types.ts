// What the cloud answers (see /api/v1/openapi.json). Times are RFC 3339 in UTC, positions WGS 84 degrees.

export type Severity = "unknown" | "minor" | "moderate" | "severe" | "extreme";
export type Scalar = boolean | number | string;

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

export interface Place {
  id: string;
  name: string;
  latitude: number;
  longitude: number;
}

export interface Thing {
  gateway: string;
  id: string;
  name: string;
  kind: string;
  place: string;
  latitude: number;
  longitude: number;
  adapter: string;
}

export interface Component {
  id: string;
  kind: string;
  state: "starting" | "running" | "retrying" | "failed" | "stopped";
  detail: string;
  counters: Record<string, number>;
}

/** Something that a device may be told, and how it stands; a state of null means that nobody knows. */
export interface Actuator {
  device: string;
  name: string;
  kind: "switch" | "level" | "text";
  fail_safe: Scalar;
  on_s_max: number;
  minimum: number;
  maximum: number;
  unit: string;
  characters_max: number;
  state: Scalar | null;
  back_at: string | null;
}

export interface Gateway {
  id: string;
  online: boolean;
  last_seen_at: string | null;
  status_at: string | null;
  software: string;
  clock: string;
  outbox: { parcels: number; bytes: number; bytes_max: number; oldest_at: string | null } | null;
  components: Component[];
  problems: string[];
  actuators: Actuator[];
  observations: number;
  repeats: number;
  fenced: string | null;
}

export interface Datastream {
  gateway: string;
  id: string;
  thing: string;
  observed_property: string;
  unit: string;
  name: string;
  kind: "number" | "bool" | "text";
  period_s: number | null;
  latest: { time: string | null; value: Scalar; quality: string } | null;
}

export interface Observation {
  time: string;
  value: Scalar;
  quality: string;
  minimum: number | null;
  maximum: number | null;
}

export interface Observations {
  gateway: string;
  datastream: string;
  unit: string | null;
  from: string;
  to: string;
  items: Observation[];
}

export interface CityEvent {
  id: string;
  gateway: string;
  type: string;
  source: string;
  subject: string;
  time: string;
  phase: "raised" | "updated" | "cleared" | "occurred";
  condition: string;
  severity: Severity;
  place_name: string;
  restated: boolean;
  datastream: string;
  data: Record<string, Scalar>;
  evidence: string[];
  clip_missed: string;
  late: boolean;
  situation: string | null;
}

export interface Evidence {
  id: string;
  event: string;
  situation: string | null;
  gateway: string;
  source: string;
  time: string;
  media_type: string;
  width_px: number;
  height_px: number;
  pieces: number;
  pieces_here: number;
  stored_at: string | null;
  url: string;
}

export interface Situation {
  id: string;
  place: string;
  place_name: string;
  matter: string;
  latitude: number | null;
  longitude: number | null;
  open: boolean;
  active: boolean;
  acknowledged: boolean;
  shelved_until: string | null;
  severity: Severity;
  severity_max: Severity;
  headline: string;
  gateway: string;
  datastream: string;
  opened_at: string;
  updated_at: string;
  cleared_at: string | null;
  event_count: number;
}

export interface SituationDetail {
  situation: Situation;
  events: CityEvent[];
  evidence: Evidence[];
}

export type Role = "viewer" | "operator" | "commander" | "admin";

/** Who is asking: an empty name where there are no accounts, null where nobody is signed in. */
export interface Session {
  name: string | null;
  role: Role | null;
}

export interface CommandOrder {
  device: string;
  actuator: string;
  value: Scalar;
  on_s: number | null;
  valid_s: number;
  reason: string;
}

export interface Command {
  id: string;
  gateway: string;
  name: "actuate" | "clip";
  device: string;
  actuator: string;
  value: Scalar | null;
  event: string | null;
  on_s: number | null;
  given_by: string;
  reason: string;
  given_at: string;
  expires_at: string;
  state: "sent" | "done" | "refused" | "expired" | "unknown";
  detail: string;
  settled_at: string | null;
}

/** A row of the audit: who did what, when and why. */
export interface Deed {
  id: number;
  at: string;
  who: string;
  action: string;
  key: string;
  reason: string;
  detail: string;
  command: string | null;
  outcome: string;
  outcome_detail: string;
}

export interface Loss {
  id: string;
  gateway: string;
  cause: string;
  ranges: { epoch: string; first: number; last: number | null }[];
  first_at: string | null;
  last_at: string | null;
  observations: number | null;
  events: number | null;
  reported_at: string;
}

/** What could not be read or stored, kept whole. */
export interface DeadLetter {
  id: number;
  gateway: string;
  kind: "parcel" | "point" | "event" | "control";
  reason: string;
  received_at: string;
  times: number;
}

export interface Catalogue {
  types: { type: string; matter: string; icon: string; label: Record<string, string> }[];
  matters: Record<string, Record<string, string>>;
}

export interface Health {
  state: "ok" | "degraded" | "down";
  tenant: string;
  tenants: string[];
  parts: { name: string; state: "ok" | "degraded" | "down"; detail: string }[];
}

export interface Basemap {
  kind: "plain" | "geojson";
  url: string | null;
}

export interface Heartbeat {
  at: string;
  data_at: string | null;
  state: "ok" | "degraded" | "down";
}

export interface ObservationsHint {
  gateways: string[];
  more: boolean;
}
