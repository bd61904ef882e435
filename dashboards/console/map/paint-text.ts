// Text, pills and shapes on a canvas, in screen pixels.
// In: a context, text, a place. Out: pixels.
// Bounds: shapes are parsed once; what fits is decided in fit-text.
import type { Health } from "../api/types.ts";
import { HEALTH_MARKS, HEALTH_SHAPES, HOLLOW } from "./glyphs.ts";
import type { Palette } from "./palette.ts";

const shapes = new Map<string, Path2D>();

/** The path of a shape text. */
export function shapeOf(text: string): Path2D {
  let shape = shapes.get(text);
  if (shape === undefined) {
    shape = new Path2D(text);
    shapes.set(text, shape);
  }
  return shape;
}

/** Paints a status shape with its centre at a point; `size` is its width in pixels. */
export function paintHealth(
  ctx: CanvasRenderingContext2D,
  health: Health,
  x: number,
  y: number,
  size: number,
  palette: Palette,
): void {
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 16, size / 16);
  ctx.lineCap = "round";
  if (HOLLOW.has(health)) {
    ctx.strokeStyle = palette.health[health];
    ctx.lineWidth = 1.8;
    if (health === "UNKNOWN") ctx.setLineDash([2, 3]);
    ctx.stroke(shapeOf(HEALTH_SHAPES[health]));
  } else {
    ctx.fillStyle = palette.health[health];
    ctx.fill(shapeOf(HEALTH_SHAPES[health]));
    if (HEALTH_MARKS[health] !== "") {
      ctx.strokeStyle = palette.surface;
      ctx.lineWidth = 1.9;
      ctx.stroke(shapeOf(HEALTH_MARKS[health]));
    }
  }
  ctx.restore();
}

/** Paints a pill with text; it is as wide as the text and 17 pixels high. */
export function paintPill(
  ctx: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  fill: string,
  ink: string,
  edge: string | null,
): void {
  const width = ctx.measureText(text).width + 12;
  ctx.beginPath();
  ctx.roundRect(x, y, width, 17, 8.5);
  ctx.fillStyle = fill;
  ctx.fill();
  if (edge !== null) {
    ctx.strokeStyle = edge;
    ctx.lineWidth = 1;
    ctx.stroke();
  }
  ctx.fillStyle = ink;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillText(text, x + 6, y + 9);
}
