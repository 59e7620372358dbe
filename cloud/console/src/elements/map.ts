// The map: one icon for each situation, quiet signs for devices with their state, names of places.

import { css, html, LitElement, unsafeCSS } from "lit";
import { AttributionControl, LngLatBounds, Map as MapLibre, NavigationControl, Popup, ScaleControl, setWorkerUrl } from "maplibre-gl";
import type { GeoJSONSource, IControl } from "maplibre-gl";
import sheet from "maplibre-gl/dist/maplibre-gl.css?inline";
import worker from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { api } from "../api";
import { city } from "../city";
import { t, words } from "../language";
import { deviceImage, drawImages, situationImage } from "../map-images";
import { graticule, mapStyle } from "../map-style";
import { rank } from "../severity";
import { glyphOfThing } from "../symbols";
import type { Situation } from "../types";
import { Watching } from "../watching";

// Without this MapLibre looks for its worker beside its own module, which the bundler has moved.
setWorkerUrl(worker);

const CALM_MOTION = matchMedia("(prefers-reduced-motion: reduce)");
const DEVICES_GAP_MS = 900;
const FIT = { padding: { top: 90, bottom: 60, left: 70, right: 70 }, maxZoom: 15 };

export class HaechiMap extends LitElement {
  static override properties = { selected: {}, _failed: { state: true } };
  declare selected: string;
  declare _failed: boolean;

  static override styles = [
    unsafeCSS(sheet),
    css`
      :host,
      .canvas {
        display: block;
        position: relative;
        width: 100%;
        height: 100%;
      }

      .maplibregl-ctrl-group {
        background: var(--raised);
        border: 1px solid var(--line);
        box-shadow: none;
      }

      .maplibregl-ctrl-group button {
        width: 34px;
        height: 34px;
      }

      .maplibregl-ctrl-group button + button {
        border-top-color: var(--line);
      }

      .maplibregl-ctrl-group button .maplibregl-ctrl-icon {
        filter: invert(1);
      }

      .maplibregl-ctrl button.home {
        color: #000;
        font-size: 18px;
        filter: invert(1);
      }

      .maplibregl-ctrl-scale {
        background: rgb(13 18 24 / 75%);
        border-color: var(--soft);
        color: var(--soft);
      }

      .maplibregl-ctrl.maplibregl-ctrl-attrib {
        background: rgb(13 18 24 / 85%);
        color: var(--soft);
      }

      .maplibregl-popup-content {
        background: var(--raised);
        color: var(--text);
        border: 1px solid var(--line);
        border-radius: 7px;
        padding: 6px 10px;
        font: inherit;
        font-size: 0.9rem;
        box-shadow: none;
      }

      .maplibregl-popup-tip {
        display: none;
      }

      .maplibregl-popup-content small {
        display: block;
        color: var(--soft);
        font-size: 0.85rem;
      }

      .maplibregl-canvas:focus-visible {
        outline-offset: -4px;
      }

      .failed {
        padding: 2rem;
        color: var(--soft);
      }
    `,
  ];

  #map: MapLibre | null = null;
  #ready = false;
  #fitted = false;
  /** Whether the operator has chosen what to look at; until then everything stays in sight. */
  #moved = false;
  /** What the layers were drawn of, so that a tick of the clock draws nothing. */
  #drawn = { situations: "", devices: "" };
  #devicesAt = 0;

  constructor() {
    super();
    this.selected = "";
    this._failed = false;
    new Watching(this);
  }

  override render(): unknown {
    if (this._failed) return html`<p class="failed">${t("map.failed")}</p>`;
    return html`<div class="canvas" role="region" aria-label=${t("map.label")}></div>`;
  }

  override firstUpdated(): void {
    void this.#start();
  }

  override updated(changed: Map<string, unknown>): void {
    this.#draw();
    if (changed.has("selected") && this.selected) this.#reveal();
  }

  /** Bring a situation into sight. */
  show(one: Situation): void {
    if (one.longitude === null || one.latitude === null || !this.#map) return;
    const zoom = Math.max(this.#map.getZoom(), 14);
    this.#moved = true;
    this.#map.easeTo({ center: [one.longitude, one.latitude], zoom, animate: !CALM_MOTION.matches });
  }

  /** Bring what was chosen into sight, once the map has its new size; leave the map alone where it is in sight. */
  #reveal(): void {
    requestAnimationFrame(() => {
      const one = city.situations.get(this.selected);
      if (!this.#map || one?.longitude == null || one.latitude == null) return;
      this.#map.resize();
      if (!this.#map.getBounds().contains([one.longitude, one.latitude])) {
        this.#map.easeTo({ center: [one.longitude, one.latitude], animate: !CALM_MOTION.matches });
      }
    });
  }

  async #start(): Promise<void> {
    const basemap = await api.basemap().catch(() => ({ url: null }));
    const container = this.renderRoot.querySelector<HTMLElement>(".canvas");
    if (!container) return;
    try {
      this.#map = new MapLibre({
        container,
        style: mapStyle(basemap.url && new URL(basemap.url, location.href).href),
        center: [127.385, 36.35],
        zoom: 10,
        attributionControl: false,
        dragRotate: false,
        pitchWithRotate: false,
        rollEnabled: false,
        fadeDuration: CALM_MOTION.matches ? 0 : 200,
      });
    } catch {
      this._failed = true;
      return;
    }
    const map = this.#map;
    map.touchZoomRotate.disableRotation();
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new Home(() => this.#fit(true)), "top-right");
    map.addControl(new ScaleControl({ maxWidth: 140, unit: "metric" }), "bottom-left");
    if (basemap.url) void this.#attribute(basemap.url);
    map.on("load", () => {
      this.#ready = true;
      this.#draw();
      this.#graticule();
    });
    map.on("moveend", (event) => {
      this.#moved ||= "originalEvent" in event && event.originalEvent !== undefined;
      this.#graticule();
    });
    map.on("resize", () => this.#moved || this.#fit(false));
    map.on("click", "situations", (event) => {
      const id = event.features?.[0]?.properties["id"] as string | undefined;
      if (id) this.dispatchEvent(new CustomEvent<string>("choose", { detail: id, bubbles: true, composed: true }));
    });
    for (const layer of ["situations", "devices"]) this.#explain(map, layer);
  }

  /** Say what a sign means while the pointer is on it. */
  #explain(map: MapLibre, layer: string): void {
    const popup = new Popup({ closeButton: false, closeOnClick: false, offset: 14, anchor: "left" });
    map.on("mousemove", layer, (event) => {
      const properties = event.features?.[0]?.properties;
      if (!properties) return;
      map.getCanvas().style.cursor = layer === "situations" ? "pointer" : "default";
      const text = document.createElement("div");
      const more = document.createElement("small");
      text.textContent = String(properties["name"]);
      more.textContent = String(properties["state"]);
      text.append(more);
      popup.setLngLat(event.lngLat).setDOMContent(text).addTo(map);
    });
    map.on("mouseleave", layer, () => {
      map.getCanvas().style.cursor = "";
      popup.remove();
    });
  }

  /** Say whose data the base map is; the file says so in its member `attribution`. */
  async #attribute(url: string): Promise<void> {
    const file = (await (await fetch(url)).json().catch(() => ({}))) as { attribution?: string };
    if (file.attribution) {
      const text = document.createElement("span");
      text.textContent = file.attribution;
      this.#map?.addControl(new AttributionControl({ compact: false, customAttribution: text.innerHTML }), "bottom-right");
    }
  }

  #fit(animate: boolean): void {
    this.#moved = false;
    const bounds = new LngLatBounds();
    for (const one of [...city.places.values(), ...city.things.values()]) bounds.extend([one.longitude, one.latitude]);
    for (const one of city.situations.values()) {
      if (one.open && one.longitude !== null && one.latitude !== null) bounds.extend([one.longitude, one.latitude]);
    }
    if (!bounds.isEmpty()) this.#map?.fitBounds(bounds, { ...FIT, animate: animate && !CALM_MOTION.matches });
  }

  #graticule(): void {
    const bounds = this.#map?.getBounds();
    if (!bounds || !this.#ready) return;
    const lines = graticule(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth());
    this.#map?.getSource<GeoJSONSource>("graticule")?.setData(lines);
  }

  #draw(): void {
    const map = this.#map;
    if (!map || !this.#ready || !city.loaded) return;
    if (!this.#fitted && (city.places.size || city.things.size || city.situations.size)) {
      this.#fitted = true;
      this.#fit(false);
    }
    const { situations, devices: devices_ } = city.revision;
    const shown = `${situations} ${city.shelved.length} ${this.selected} ${words.language}`;
    if (shown !== this.#drawn.situations) {
      this.#drawn.situations = shown;
      this.#show("situations", this.#situations());
    }
    // A thousand gateways say every second how they are; the map need not follow each at once.
    const stand = `${devices_} ${words.language}`;
    if (stand !== this.#drawn.devices && performance.now() - this.#devicesAt > DEVICES_GAP_MS) {
      this.#drawn.devices = stand;
      this.#devicesAt = performance.now();
      this.#show("devices", devices());
      this.#show("places", places());
    }
  }

  #show(layer: string, features: GeoJSON.Feature[]): void {
    if (!this.#map) return;
    const images = features.map((feature) => feature.properties?.["image"] as string | undefined);
    drawImages(this.#map, images.filter((image) => image !== undefined));
    this.#map.getSource<GeoJSONSource>(layer)?.setData({ type: "FeatureCollection", features });
  }

  #situations(): GeoJSON.Feature[] {
    const slot = side();
    return [...city.active, ...city.shelved, ...city.cleared].flatMap((one) => {
      if (one.longitude === null || one.latitude === null) return [];
      const state = !one.open ? "over" : one.acknowledged || city.isShelved(one) ? "seen" : "new";
      const chosen = one.id === this.selected;
      return point(one.longitude, one.latitude, {
        id: one.id,
        name: words.type(one.headline),
        state: `${one.open ? t(`severity.${one.severity}`) : t("queue.cleared_badge")} · ${one.place_name || one.place}`,
        image: situationImage(one.severity, words.icon(one.matter), state, chosen),
        order: (chosen ? 100 : 0) + (one.open ? 10 : 0) + 5 - rank(one.severity),
        slot: slot(one.longitude, one.latitude),
      });
    });
  }
}

/** Gateways stand with the first of their things, because they have no position of their own. */
function devices(): GeoJSON.Feature[] {
  const slot = side();
  const seated = new Set<string>();
  return [...city.things.values()].flatMap((thing) => {
    const gateway = city.gateways.get(thing.gateway);
    const component = gateway?.components.find((one) => one.id === thing.id);
    const offline = gateway !== undefined && !gateway.online;
    const condition = offline || component?.state === "failed" ? "off" : !component || component.state === "running" ? "ok" : "trouble";
    const signs = [
      {
        name: thing.name,
        state: offline ? t("devices.offline") : component ? t(`state.${component.state}`) : thing.kind,
        image: deviceImage(glyphOfThing(thing.kind), condition),
      },
    ];
    if (gateway && !seated.has(gateway.id)) {
      seated.add(gateway.id);
      signs.push({
        name: gateway.id,
        state: t(offline ? "devices.offline" : "devices.online"),
        image: deviceImage("gateway", offline ? "off" : gateway.problems.length ? "trouble" : "ok"),
      });
    }
    return signs.map((sign) =>
      point(thing.longitude, thing.latitude, { ...sign, slot: slot(thing.longitude, thing.latitude) }),
    );
  });
}

function places(): GeoJSON.Feature[] {
  return [...city.places.values()].map((place) => point(place.longitude, place.latitude, { name: place.name }));
}

function point(longitude: number, latitude: number, properties: Record<string, unknown>): GeoJSON.Feature {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates: [longitude, latitude] } };
}

/** Counts what stands at the same spot (to about ten metres). */
function side(): (longitude: number, latitude: number) => number {
  const taken = new Map<string, number>();
  return (longitude, latitude) => {
    const spot = `${longitude.toFixed(4)} ${latitude.toFixed(4)}`;
    const slot = taken.get(spot) ?? 0;
    taken.set(spot, slot + 1);
    return Math.min(slot, 7);
  };
}

class Home implements IControl {
  readonly #act: () => void;
  readonly #element = document.createElement("div");

  constructor(act: () => void) {
    this.#act = act;
  }

  onAdd(): HTMLElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "home";
    button.textContent = "⌂";
    const name = (): void => {
      button.title = t("map.home");
      button.setAttribute("aria-label", t("map.home"));
    };
    name();
    words.addEventListener("change", name);
    button.addEventListener("click", this.#act);
    this.#element.className = "maplibregl-ctrl maplibregl-ctrl-group";
    this.#element.append(button);
    return this.#element;
  }

  onRemove(): void {
    this.#element.remove();
  }
}

customElements.define("haechi-map", HaechiMap);
