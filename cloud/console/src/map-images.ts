// The map's pictures, drawn on this machine: situations in every severity and matter, devices in every state.

import type { Map as MapLibre } from "maplibre-gl";
import { LOOKS } from "./severity";
import { glyphOf, GLYPHS } from "./symbols";
import type { Severity } from "./types";

const RATIO = 2;
const INK = "#10161d";

/** Where the drawing sits in each shape, as [x, y, scale]. */
const ROOM: Record<Severity, [number, number, number]> = {
  extreme: [10, 10, 1.167],
  severe: [13, 18.5, 0.917],
  moderate: [12, 12, 1],
  minor: [11, 11, 1.083],
  unknown: [10, 10, 1.167],
};

/** Name of a situation's picture: `situation/severity/icon/new|seen|over[/chosen]`. */
export function situationImage(severity: Severity, icon: string, state: "new" | "seen" | "over", chosen: boolean): string {
  return `situation/${severity}/${glyphOf(icon)}/${state}/${chosen ? "chosen" : ""}`;
}

/** Name of a device's picture: `device/glyph/ok|trouble|off`. */
export function deviceImage(glyph: string, state: "ok" | "trouble" | "off"): string {
  return `device/${glyph}/${state}`;
}

/** Draw the pictures that are not there yet. Called before the features that show them, so that none is ever missing. */
export function drawImages(map: MapLibre, names: Iterable<string>): void {
  for (const name of new Set(names)) {
    if (map.hasImage(name)) continue;
    const [kind, first, second, third, fourth] = name.split("/");
    if (kind === "situation") {
      const picture = situation(first as Severity, second ?? "other", third ?? "seen", fourth === "chosen");
      map.addImage(name, picture, { pixelRatio: RATIO });
    } else map.addImage(name, device(first ?? "device", second ?? "ok"), { pixelRatio: RATIO });
  }
}

function canvas(width: number, height: number, draw: (context: OffscreenCanvasRenderingContext2D) => void): ImageData {
  const context = new OffscreenCanvas(width * RATIO, height * RATIO).getContext("2d") as OffscreenCanvasRenderingContext2D;
  context.scale(RATIO, RATIO);
  context.lineJoin = "round";
  context.lineCap = "round";
  draw(context);
  return context.getImageData(0, 0, width * RATIO, height * RATIO);
}

/** 56 × 58: the symbol above, its foot on the place. */
function situation(severity: Severity, glyph: string, state: string, chosen: boolean): ImageData {
  const look = LOOKS[severity];
  const over = state === "over";
  return canvas(56, 58, (context) => {
    context.strokeStyle = "#ffffff";
    context.lineWidth = 2.5;
    context.beginPath();
    context.moveTo(26, 50);
    context.lineTo(26, 57);
    context.stroke();
    context.translate(5, 8);
    context.scale(0.875, 0.875);
    const shape = new Path2D(look.shape);
    // White around what nobody has acknowledged, dark around the rest; wider and pale where it is chosen.
    if (chosen) {
      context.strokeStyle = "#9fd8ff";
      context.lineWidth = 11;
      context.stroke(shape);
    }
    context.strokeStyle = state === "new" ? "#ffffff" : INK;
    context.lineWidth = 6;
    context.stroke(shape);
    context.fillStyle = over ? INK : look.colour;
    context.fill(shape);
    if (over) {
      context.setLineDash([5, 4]);
      context.strokeStyle = look.colour;
      context.lineWidth = 2.5;
      context.stroke(shape);
      context.setLineDash([]);
    }
    const [x, y, scale] = ROOM[severity];
    context.save();
    context.translate(x, y);
    context.scale(scale, scale);
    context.strokeStyle = over ? look.colour : INK;
    context.lineWidth = 2.4;
    context.stroke(new Path2D(GLYPHS[glyph] ?? GLYPHS["other"]));
    context.restore();
    context.beginPath();
    context.arc(44, 4, 10, 0, 2 * Math.PI);
    context.fillStyle = INK;
    context.fill();
    context.strokeStyle = look.colour;
    context.lineWidth = 2;
    context.stroke();
    context.fillStyle = "#ffffff";
    context.font = '700 15px "Noto Sans", system-ui, sans-serif';
    context.textAlign = "center";
    context.fillText(String(look.number), 44, 9.3);
  });
}

/** 26 × 26: a quiet round sign, crossed out where the device is silent. */
function device(glyph: string, state: string): ImageData {
  const colour = { ok: "#8fb8c9", trouble: "#ffb868", off: "#ff8a83" }[state] ?? "#8fb8c9";
  return canvas(28, 28, (context) => {
    context.beginPath();
    context.arc(14, 14, 11.5, 0, 2 * Math.PI);
    context.fillStyle = "#17212b";
    context.fill();
    context.strokeStyle = colour;
    context.lineWidth = state === "ok" ? 1.5 : 2.5;
    context.stroke();
    context.save();
    context.translate(6.2, 6.2);
    context.scale(0.65, 0.65);
    context.lineWidth = 2.2;
    context.stroke(new Path2D(GLYPHS[glyph] ?? GLYPHS["device"]));
    context.restore();
    if (state === "off") {
      context.lineWidth = 2.5;
      context.beginPath();
      context.moveTo(6, 22);
      context.lineTo(22, 6);
      context.stroke();
    }
  });
}
