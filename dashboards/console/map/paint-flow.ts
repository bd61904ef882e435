// Paints the dots that run along lines, on a canvas of their own.
// In: lines, a viewport, a phase. Out: pixels.
// Bounds: a few dots a line; the map itself is not painted again.
import type { LabelBox } from "./labels.ts";
import type { SceneEdge } from "./scene.ts";
import type { Room, Viewport } from "./viewport.ts";

/** Paints dots that run along lines; `phase` (0..1) is how far they are between two marks. */
export function paintFlow(
  ctx: CanvasRenderingContext2D,
  lines: readonly SceneEdge[],
  view: Viewport,
  room: Room,
  pixelRatio: number,
  phase: number,
  color: (line: SceneEdge) => string,
  labels: readonly LabelBox[],
): void {
  ctx.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  ctx.clearRect(0, 0, room.width, room.height);
  const radius = Math.max(2, 3.6 * Math.min(1, view.zoom));
  for (const line of lines) {
    const last = line.samples.length / 2 - 1;
    const marks = Math.max(1, Math.round(last / 7));
    ctx.fillStyle = color(line);
    for (let mark = 0; mark < marks; mark++) {
      const at = ((mark + phase) / marks) * last;
      const i = Math.min(last - 1, Math.floor(at));
      const part = at - i;
      const x = line.samples[i * 2]! * (1 - part) + line.samples[i * 2 + 2]! * part;
      const y = line.samples[i * 2 + 1]! * (1 - part) + line.samples[i * 2 + 3]! * part;
      const [sx, sy] = [x * view.zoom + view.x, y * view.zoom + view.y];
      const isCovered = labels.some(
        (box) => sx > box.x - 3 && sx < box.x + box.width + 3 && sy > box.y - 3 && sy < box.y + box.height + 3,
      );
      if (isCovered) continue;
      ctx.beginPath();
      ctx.arc(sx, sy, radius, 0, Math.PI * 2);
      ctx.fill();
    }
  }
}
