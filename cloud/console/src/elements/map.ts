// The map: one icon for each situation, quiet signs for devices with their state, names of places.

import { css, html, LitElement, unsafeCSS } from "lit";
import { AttributionControl, LngLatBounds, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
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

      .maplibregl-ctrl-attrib,
      .maplibregl-ctrl-attrib.maplibregl-compact {
        background: rgb(13 18 24 / 85%);
        color: var(--soft);
      }

      .maplibregl-ctrl-attrib a {
        color: var(--soft);
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
  #drawn = "";

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

  override updated(): void {
    this.#draw();
  }

  /** Bring a situation into sight. */
  show(one: Situation): void {
    if (one.longitude === null || one.latitude === null || !this.#map) return;
    const zoom = Math.max(this.#map.getZoom(), 14);
    this.#map.easeTo({ center: [one.longitude, one.latitude], zoom, animate: !CALM_MOTION.matches });
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
    map.addControl(new Home(() => this.#fit()), "top-right");
    map.addControl(new ScaleControl({ maxWidth: 140, unit: "metric" }), "bottom-left");
    if (basemap.url) void this.#attribute(basemap.url);
    drawImages(map);
    map.on("load", () => {
      this.#ready = true;
      this.#draw();
      this.#graticule();
    });
    map.on("moveend", () => this.#graticule());
    map.on("click", "situations", (event) => {
      const id = event.features?.[0]?.properties["id"] as string | undefined;
      if (id) this.dispatchEvent(new CustomEvent<string>("choose", { detail: id, bubbles: true, composed: true }));
    });
    map.on("mouseenter", "situations", () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", "situations", () => (map.getCanvas().style.cursor = ""));
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

  #fit(): void {
    const bounds = new LngLatBounds();
    for (const one of [...city.places.values(), ...city.things.values()]) bounds.extend([one.longitude, one.latitude]);
    for (const one of city.situations.values()) {
      if (one.open && one.longitude !== null && one.latitude !== null) bounds.extend([one.longitude, one.latitude]);
    }
    if (!bounds.isEmpty()) this.#map?.fitBounds(bounds, { ...FIT, animate: this.#fitted && !CALM_MOTION.matches });
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
      this.#fit();
      this.#fitted = true;
    }
    const layers = { situations: this.#situations(), devices: devices(), places: places() };
    const drawn = JSON.stringify(layers);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    for (const [name, features] of Object.entries(layers)) {
      map.getSource<GeoJSONSource>(name)?.setData({ type: "FeatureCollection", features });
    }
  }

  #situations(): GeoJSON.Feature[] {
    const shown = [...city.cleared, ...city.active.reverse()];
    const slot = side();
    return shown.flatMap((one) => {
      if (one.longitude === null || one.latitude === null) return [];
      const state = !one.open ? "over" : one.acknowledged ? "seen" : "new";
      const chosen = one.id === this.selected;
      return point(one.longitude, one.latitude, {
        id: one.id,
        image: situationImage(one.severity, words.icon(one.matter), state, chosen),
        order: (chosen ? 100 : 0) + (one.open ? 10 : 0) + 5 - rank(one.severity),
        slot: slot(one.longitude, one.latitude),
      });
    });
  }
}

function devices(): GeoJSON.Feature[] {
  const slot = side();
  return [...city.things.values()].map((thing) => {
    const gateway = city.gateways.get(thing.gateway);
    const component = gateway?.components.find((one) => one.id === thing.id);
    const well = !component || component.state === "running";
    const state = gateway && !gateway.online ? "off" : well ? "ok" : component.state === "failed" ? "off" : "trouble";
    return point(thing.longitude, thing.latitude, {
      id: `${thing.gateway}/${thing.id}`,
      image: deviceImage(glyphOfThing(thing.kind), state),
      slot: slot(thing.longitude, thing.latitude),
    });
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
