// Paints the calls: lines, arrows, and figures on the lines that matter.
// In: a scene, a viewport, what stands out. Out: pixels.
// Bounds: lines are grouped by look, so that the canvas changes its state a dozen times for a thousand of them.
import type { Emphasis, MapWords } from "./emphasis.ts";
import type { LabelBox, LabelRoom } from "./labels.ts";
import { paintPill } from "./paint-text.ts";
import type { Palette } from "./palette.ts";
import type { Scene, SceneEdge } from "./scene.ts";
import type { Viewport } from "./viewport.ts";

/** Paints all lines that are seen. */
export function paintLines(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  view: Viewport,
  pixelRatio: number,
  emphasis: Emphasis,
  palette: Palette,
  isSeen: (box: SceneEdge["bounds"]) => boolean,
): void {
  const scale = view.zoom * pixelRatio;
  ctx.setTransform(scale, 0, 0, scale, view.x * pixelRatio, view.y * pixelRatio);
  const looks = new Map<string, SceneEdge[]>();
  for (const line of scene.edges) {
    if (!isSeen(line.bounds)) continue;
    const { edge } = line;
    const isTouched = [emphasis.selected, emphasis.hovered].some(
      (id) => id !== null && (edge.source === id || edge.target === id),
    );
    const isBlamed = emphasis.blamed.has(edge.id);
    const isDim = emphasis.focus !== null && !emphasis.focus.edges.has(edge.id) && !isTouched;
    const isBad = edge.health === "FAILING" || edge.health === "DEGRADED";
    const kind = isBlamed ? "4blame" : isDim ? "0dim" : isTouched ? "3touch" : isBad ? `2${edge.health}` : "1plain";
    const width = Math.min(4, 1.1 + Math.log10(1 + Math.max(0, edge.requestsPerSecond ?? 0)) * 0.75);
    const key = `${kind}|${Math.round(width * 2) / 2}|${edge.health === "FAILING" ? "broken" : ""}`;
    const same = looks.get(key);
    if (same === undefined) looks.set(key, [line]);
    else same.push(line);
  }
  const thinnest = 0.9 / view.zoom;
  for (const [key, lines] of [...looks].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const [kind = "", widthText = "1", broken = ""] = key.split("|");
    const look = kind.slice(1);
    const color =
      look === "blame"
        ? palette.blame
        : look === "touch"
          ? palette.accent
          : look === "FAILING" || look === "DEGRADED"
            ? palette.health[look]
            : palette.line;
    ctx.globalAlpha = look === "dim" ? 0.4 : 1;
    ctx.strokeStyle = ctx.fillStyle = color;
    ctx.lineWidth = Math.max(thinnest, Number(widthText) + (look === "blame" ? 1.2 : 0));
    ctx.setLineDash(broken === "" ? [] : [7, 5]);
    for (const { path } of lines) ctx.stroke(path);
    ctx.setLineDash([]);
    if (view.zoom < 0.3) continue;
    ctx.beginPath();
    const size = 6 + ctx.lineWidth;
    for (const { samples } of lines) {
      const n = samples.length;
      const [x, y] = [samples[n - 2]!, samples[n - 1]!];
      const angle = Math.atan2(y - samples[n - 3]!, x - samples[n - 4]!);
      ctx.moveTo(x, y);
      ctx.lineTo(x - size * Math.cos(angle - 0.42), y - size * Math.sin(angle - 0.42));
      ctx.lineTo(x - size * Math.cos(angle + 0.42), y - size * Math.sin(angle + 0.42));
    }
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

/** Writes figures on the lines that matter, as far as they fit; returns where, in screen pixels. */
export function paintLineLabels(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  view: Viewport,
  emphasis: Emphasis,
  palette: Palette,
  words: MapWords,
  labels: LabelRoom,
): LabelBox[] {
  const taken: LabelBox[] = [];
  if (view.zoom < 0.5) return taken;
  const lines = new Set<SceneEdge>();
  for (const id of [emphasis.hovered, emphasis.selected]) {
    if (id !== null) for (const line of scene.linesOf.get(id) ?? []) lines.add(line);
  }
  for (const line of scene.edges) if (emphasis.blamed.has(line.edge.id)) lines.add(line);
  ctx.font = `550 10.5px ${palette.font}`;
  for (const line of lines) {
    const text = words.edge(line.edge);
    if (text === "") continue;
    const width = ctx.measureText(text).width + 12;
    const x = line.middle[0] * view.zoom + view.x - width / 2;
    const y = line.middle[1] * view.zoom + view.y - 8.5;
    const box = { x, y, width, height: 17 };
    if (!labels.take(box)) continue;
    taken.push(box);
    const isBlamed = emphasis.blamed.has(line.edge.id);
    paintPill(ctx, text, x, y, palette.surface, isBlamed ? palette.blame : palette.text, palette.border);
  }
  return taken;
}
