// Paints the places: cards, dots, their tags and labels.
// In: a box of the scene, a viewport, what stands out. Out: pixels.
// Bounds: text stays inside its card; a label that would cover anything is left out.
import type { Emphasis, MapWords } from "./emphasis.ts";
import { isDimmed } from "./emphasis.ts";
import { KIND_SHAPES } from "./glyphs.ts";
import type { LabelBox, LabelRoom } from "./labels.ts";
import { cardName } from "./card-line.ts";
import { fitEnds, fitFigures, fitStart, type Measure } from "./fit-text.ts";
import { paintHealth, paintPill, shapeOf } from "./paint-text.ts";
import type { Palette } from "./palette.ts";
import type { SceneNode } from "./scene.ts";
import type { Viewport } from "./viewport.ts";

/** Where a box is on the screen; with `dot`, the square around its middle. */
export function screenBox(node: SceneNode, view: Viewport, dot: number | null): LabelBox {
  if (dot !== null) {
    const x = (node.x + node.width / 2) * view.zoom + view.x;
    const y = (node.y + node.height / 2) * view.zoom + view.y;
    return { x: x - dot, y: y - dot, width: dot * 2, height: dot * 2 };
  }
  return {
    x: node.x * view.zoom + view.x,
    y: node.y * view.zoom + view.y,
    width: node.width * view.zoom,
    height: node.height * view.zoom,
  };
}

/** Paints a card; `isFull` with its figures. */
export function paintCard(
  ctx: CanvasRenderingContext2D,
  scene: SceneNode,
  view: Viewport,
  emphasis: Emphasis,
  palette: Palette,
  words: MapWords,
  isFull: boolean,
): void {
  const { node } = scene;
  const { x, y, width, height } = screenBox(scene, view, null);
  const isCause = emphasis.cause.has(node.id);
  const isChosen = node.id === emphasis.selected;
  const radius = Math.min(9, 9 * view.zoom + 1);
  const alpha = ctx.globalAlpha;
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, radius);
  // The ground under a dimmed card hides the lines below it, as the card itself would.
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.ground;
  ctx.fill();
  ctx.globalAlpha = alpha;
  ctx.fillStyle = palette.tint[node.health];
  ctx.fill();
  const isBad = node.health === "FAILING" || node.health === "DEGRADED";
  ctx.strokeStyle = isChosen
    ? palette.accent
    : isCause
      ? palette.blame
      : isBad
        ? palette.health[node.health]
        : palette.border;
  ctx.lineWidth = isChosen || isCause ? 2.4 : node.id === emphasis.hovered ? 1.8 : 1.1;
  if (node.kind === "EXTERNAL" || node.kind === "UNKNOWN") ctx.setLineDash([5, 3]);
  ctx.stroke();
  ctx.setLineDash([]);
  if (node.kind === "GROUP") {
    ctx.beginPath();
    ctx.moveTo(x + radius, y + height + 3);
    ctx.lineTo(x + width - radius, y + height + 3);
    ctx.strokeStyle = palette.border;
    ctx.lineWidth = 1.4;
    ctx.stroke();
  }

  const glyph = Math.max(10, 14 * Math.min(1, view.zoom));
  const inset = Math.max(5, 10 * view.zoom);
  const nameSize = Math.max(10.5, 13 * Math.min(1.1, view.zoom));
  const nameY = isFull ? y + height * 0.35 : y + height / 2;
  paintHealth(ctx, node.health, x + inset + glyph / 2, nameY, glyph, palette);
  const kindShape = KIND_SHAPES[node.kind];
  let right = x + width - inset;
  if (kindShape !== undefined && (isFull || width > 110)) {
    const size = Math.max(10, 13 * Math.min(1, view.zoom));
    ctx.save();
    ctx.translate(right - size, nameY - size / 2);
    ctx.scale(size / 16, size / 16);
    ctx.strokeStyle = palette.dim;
    ctx.lineWidth = 1.3;
    ctx.stroke(shapeOf(kindShape));
    ctx.restore();
    right -= size + 4;
  }
  const left = x + inset + glyph + Math.max(4, 7 * view.zoom);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillStyle = palette.text;
  ctx.font = `600 ${nameSize}px ${palette.font}`;
  const room = right - left;
  ctx.fillText(fitName(ctx, node, isFull, room), left, nameY + 0.5);
  if (!isFull) return;
  ctx.fillStyle = isBad ? palette.health[node.health] : palette.dim;
  ctx.font = `${isBad ? 600 : 500} ${Math.max(9.5, 11 * Math.min(1.1, view.zoom))}px ${palette.font}`;
  const figures = fitFigures(measureIn(ctx), words.figures(node), x + width - inset - left);
  ctx.fillText(figures, left, y + height * 0.7 + 0.5);
}

function measureIn(ctx: CanvasRenderingContext2D): Measure {
  return (text) => ctx.measureText(text).width;
}

function fitName(ctx: CanvasRenderingContext2D, node: SceneNode["node"], withDetail: boolean, room: number): string {
  const name = cardName(node);
  const text = node.detail === "" || !withDetail ? name : `${name} · ${node.detail}`;
  const fit = node.kind === "INSTANCE" || node.kind === "OPERATION" ? fitEnds : fitStart;
  return fit(measureIn(ctx), text, room);
}

/** Paints the tags of the cause and the symptom. */
export function paintTags(
  ctx: CanvasRenderingContext2D,
  scene: SceneNode,
  view: Viewport,
  emphasis: Emphasis,
  palette: Palette,
  words: MapWords,
  labels: LabelRoom,
): void {
  const isCause = emphasis.cause.has(scene.node.id);
  if (!isCause && !emphasis.symptom.has(scene.node.id)) return;
  const box = screenBox(scene, view, null);
  ctx.font = `650 10.5px ${palette.font}`;
  const text = isCause ? words.cause : words.symptom;
  const width = ctx.measureText(text).width + 12;
  const x = box.x + box.width - width - 8;
  // On a small card the tag would cover the name.
  const y = box.y - (view.zoom < 0.85 ? 13 : 9);
  labels.block({ x, y, width, height: 17 });
  if (isCause) paintPill(ctx, text, x, y, palette.blame, palette.onBlame, null);
  else paintPill(ctx, text, x, y, palette.surface, palette.blame, palette.blame);
}

/** Paints a place as its status shape alone. */
export function paintDot(
  ctx: CanvasRenderingContext2D,
  scene: SceneNode,
  view: Viewport,
  emphasis: Emphasis,
  palette: Palette,
): void {
  const { node } = scene;
  const x = (scene.x + scene.width / 2) * view.zoom + view.x;
  const y = (scene.y + scene.height / 2) * view.zoom + view.y;
  const isMarked = emphasis.cause.has(node.id) || node.id === emphasis.selected;
  const size = Math.max(6, Math.min(13, 34 * view.zoom)) + (isMarked ? 3 : 0);
  if (isMarked) {
    ctx.beginPath();
    ctx.arc(x, y, size * 0.85, 0, Math.PI * 2);
    ctx.strokeStyle = node.id === emphasis.selected ? palette.accent : palette.blame;
    ctx.lineWidth = 1.8;
    ctx.stroke();
  }
  paintHealth(ctx, node.health, x, y, size, palette);
}

/** Writes the name under a dot when there is room. */
export function paintLabel(
  ctx: CanvasRenderingContext2D,
  scene: SceneNode,
  view: Viewport,
  emphasis: Emphasis,
  palette: Palette,
  labels: LabelRoom,
): void {
  if (isDimmed(scene, emphasis)) return;
  const { node } = scene;
  const isMarked = emphasis.focus?.nodes.has(node.id) === true || node.id === emphasis.selected;
  ctx.font = `${isMarked ? 650 : 500} 10.5px ${palette.font}`;
  const text = fitName(ctx, node, false, 120);
  const width = ctx.measureText(text).width + 4;
  const x = (scene.x + scene.width / 2) * view.zoom + view.x - width / 2;
  const y = (scene.y + scene.height / 2) * view.zoom + view.y + 8;
  if (!labels.take({ x, y, width, height: 14 })) return;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.lineWidth = 3;
  ctx.strokeStyle = palette.ground;
  ctx.strokeText(text, x + 2, y + 7);
  ctx.fillStyle = palette.text;
  ctx.fillText(text, x + 2, y + 7);
}
