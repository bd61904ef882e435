// Paints the map on a canvas.
// In: a scene, a viewport, what is emphasised, colours. Out: pixels; returns nothing.
// How: three degrees of detail by zoom: full cards, cards with a name, dots with labels that never cover each other.
// Bounds: only what is on the screen is painted; no allocation a node beyond its label; no state is kept between frames.
import { type Emphasis, importance, isDimmed, type MapWords } from "./emphasis.ts";
import { type LabelBox, makeLabelRoom } from "./labels.ts";
import { paintLineLabels, paintLines } from "./paint-lines.ts";
import { paintCard, paintDot, paintLabel, paintTags, screenBox } from "./paint-nodes.ts";
import type { Palette } from "./palette.ts";
import type { Scene } from "./scene.ts";
import type { Room, Viewport } from "./viewport.ts";

const DIM = 0.42;
/** From this zoom on, cards show figures. */
export const CARD_ZOOM = 0.72;

/** How much detail a zoom allows. */
export function detailAt(zoom: number): "card" | "name" | "dot" {
  return zoom >= CARD_ZOOM ? "card" : zoom >= 0.4 ? "name" : "dot";
}

/** Paints everything but the moving dots; returns the labels on lines, which the dots must not cover. */
export function paintMap(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  view: Viewport,
  room: Room,
  pixelRatio: number,
  emphasis: Emphasis,
  palette: Palette,
  words: MapWords,
): LabelBox[] {
  ctx.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  ctx.clearRect(0, 0, room.width, room.height);
  const world = {
    x: -view.x / view.zoom,
    y: -view.y / view.zoom,
    width: room.width / view.zoom,
    height: room.height / view.zoom,
  };
  const isSeen = (box: { x: number; y: number; width: number; height: number }): boolean =>
    box.x < world.x + world.width &&
    world.x < box.x + box.width &&
    box.y < world.y + world.height &&
    world.y < box.y + box.height;

  paintLines(ctx, scene, view, pixelRatio, emphasis, palette, isSeen);
  ctx.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  const seen = scene.nodes.filter(isSeen);
  const labels = makeLabelRoom();
  const detail = detailAt(view.zoom);
  for (const node of seen) labels.block(screenBox(node, view, detail === "dot" ? 7 : null));
  const ordered = seen.toSorted((a, b) => importance(a, emphasis) - importance(b, emphasis));
  for (const node of ordered) {
    ctx.globalAlpha = isDimmed(node, emphasis) ? DIM : 1;
    if (detail === "dot") paintDot(ctx, node, view, emphasis, palette);
    else paintCard(ctx, node, view, emphasis, palette, words, detail === "card");
  }
  ctx.globalAlpha = 1;
  for (const node of ordered.toReversed()) {
    if (detail !== "dot") paintTags(ctx, node, view, emphasis, palette, words, labels);
  }
  const taken = paintLineLabels(ctx, scene, view, emphasis, palette, words, labels);
  if (detail === "dot") {
    for (const node of ordered.toReversed()) paintLabel(ctx, node, view, emphasis, palette, labels);
  }
  return taken;
}
