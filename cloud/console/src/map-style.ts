// The map's own style: dark and quiet, so that only situations have colour. It draws a base map from one GeoJSON file
// where the cloud has one, and a graticule always; nothing is fetched from another machine, and letters come from this
// machine's fonts.
//
// A base map's features may say `kind`: `water`, `green`, `building`, `road`, `street`, `rail`, `waterway`, `district`,
// `boundary` (or none), and `name`. Its member `attribution` says whose data it is, and is shown.

import type { ExpressionSpecification, FilterSpecification, StyleSpecification } from "maplibre-gl";

export const FONT = ["Noto Sans CJK KR"];

const kind = (...names: string[]): ExpressionSpecification => ["in", ["get", "kind"], ["literal", names]];
const lines: ExpressionSpecification = ["==", ["geometry-type"], "LineString"];
const areas: ExpressionSpecification = ["==", ["geometry-type"], "Polygon"];
const points: ExpressionSpecification = ["==", ["geometry-type"], "Point"];
const both = (one: ExpressionSpecification, other: ExpressionSpecification): FilterSpecification => ["all", one, other];
const plain: ExpressionSpecification = ["!", kind("water", "green", "building", "district")];

/** Smaller where a whole city is in sight, so that many alarms stay apart. */
const SIZE: ExpressionSpecification = ["interpolate", ["linear"], ["zoom"], 9, 0.55, 11.5, 0.75, 13.5, 1];

const empty = { type: "FeatureCollection" as const, features: [] };

export function mapStyle(basemap: string | null): StyleSpecification {
  return {
    version: 8,
    sources: {
      base: { type: "geojson", data: basemap ?? empty },
      graticule: { type: "geojson", data: empty },
      places: { type: "geojson", data: empty },
      devices: { type: "geojson", data: empty },
      situations: { type: "geojson", data: empty },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": "#10171f" } },
      { id: "area", type: "fill", source: "base", filter: both(areas, plain), paint: { "fill-color": "#162029" } },
      { id: "green", type: "fill", source: "base", filter: both(areas, kind("green")), paint: { "fill-color": "#15251f" } },
      { id: "water", type: "fill", source: "base", filter: both(areas, kind("water")), paint: { "fill-color": "#16324a" } },
      { id: "building", type: "fill", source: "base", minzoom: 14, filter: both(areas, kind("building")), paint: { "fill-color": "#1b2630" } },
      { id: "graticule", type: "line", source: "graticule", paint: { "line-color": "#1e2a35", "line-width": 1 } },
      {
        id: "boundary",
        type: "line",
        source: "base",
        filter: both(areas, plain),
        paint: { "line-color": "#33475a", "line-width": ["interpolate", ["linear"], ["zoom"], 9, 0.6, 14, 1.4] },
      },
      {
        id: "district",
        type: "line",
        source: "base",
        filter: both(areas, kind("district")),
        paint: { "line-color": "#4d6880", "line-width": ["interpolate", ["linear"], ["zoom"], 9, 1.2, 14, 2.6] },
      },
      {
        id: "waterway",
        type: "line",
        source: "base",
        filter: both(lines, kind("waterway", "water")),
        paint: { "line-color": "#1f4766", "line-width": ["interpolate", ["linear"], ["zoom"], 10, 1, 16, 6] },
      },
      {
        id: "street",
        type: "line",
        source: "base",
        filter: both(lines, ["!", kind("waterway", "water", "rail")]),
        layout: { "line-cap": "round", "line-join": "round" },
        paint: {
          "line-color": ["case", kind("road"), "#3a4a5b", "#26333f"],
          "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 10, 0.4, 14, 1.5, 18, 9],
        },
      },
      { id: "rail", type: "line", source: "base", filter: both(lines, kind("rail")), paint: { "line-color": "#4a4f5e", "line-width": 1.2, "line-dasharray": [4, 2] } },
      {
        id: "base-name",
        type: "symbol",
        source: "base",
        filter: ["all", ["has", "name"], ["!", kind("district")], ["any", areas, points]],
        layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": ["interpolate", ["linear"], ["zoom"], 10, 11, 15, 14], "text-padding": 12 },
        paint: { "text-color": "#7f92a5", "text-halo-color": "#10171f", "text-halo-width": 1.2 },
      },
      {
        id: "graticule-name",
        type: "symbol",
        source: "graticule",
        layout: { "symbol-placement": "line", "symbol-spacing": 700, "text-field": ["get", "name"], "text-font": FONT, "text-size": 11 },
        paint: { "text-color": "#708396", "text-halo-color": "#10171f", "text-halo-width": 1.2 },
      },
      {
        id: "devices",
        type: "symbol",
        source: "devices",
        layout: { "icon-image": ["get", "image"], "icon-size": SIZE, "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-offset": slots(27, 0) },
      },
      {
        id: "places",
        type: "symbol",
        source: "places",
        layout: {
          "text-field": ["get", "name"],
          "text-font": FONT,
          "text-size": 13.5,
          "text-anchor": "top",
          "text-offset": [0, 1.1],
          "text-max-width": 12,
          "text-optional": true,
        },
        paint: { "text-color": "#d5dfe8", "text-halo-color": "#0d1218", "text-halo-width": 1.8 },
      },
      {
        id: "situations",
        type: "symbol",
        source: "situations",
        layout: {
          "icon-image": ["get", "image"],
          "icon-size": SIZE,
          "icon-anchor": "bottom",
          "icon-offset": slots(48, -11),
          "icon-allow-overlap": true,
          "icon-ignore-placement": true,
          "symbol-sort-key": ["get", "order"],
        },
      },
    ],
  };
}

/** What stands at the same place stands side by side. */
function slots(step: number, y: number): ExpressionSpecification {
  const cases = [1, 2, 3, 4, 5, 6, 7].flatMap((slot) => [slot, ["literal", [slot * step, y]]]);
  return ["match", ["get", "slot"], ...cases, ["literal", [0, y]]] as unknown as ExpressionSpecification;
}

/** Lines of latitude and longitude for what is in sight, about six each way, with their degrees written on them. */
export function graticule(west: number, south: number, east: number, north: number): GeoJSON.FeatureCollection {
  const steps = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
  const step = steps.find((one) => (east - west) / one >= 5) ?? 0.0005;
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const features: GeoJSON.Feature[] = [];
  const line = (name: string, coordinates: number[][]): void => {
    features.push({ type: "Feature", properties: { name }, geometry: { type: "LineString", coordinates } });
  };
  for (let x = Math.floor(west / step); x <= Math.ceil(east / step); x++) {
    const at = x * step;
    line(`${Math.abs(at).toFixed(digits)}°${at < 0 ? "W" : "E"}`, [[at, Math.max(-85, south - 1)], [at, Math.min(85, north + 1)]]);
  }
  for (let y = Math.floor(south / step); y <= Math.ceil(north / step); y++) {
    const at = y * step;
    line(`${Math.abs(at).toFixed(digits)}°${at < 0 ? "S" : "N"}`, [[west - 1, at], [east + 1, at]]);
  }
  return { type: "FeatureCollection", features };
}
