// Which part of the map is on the screen.
// In: a viewport and a gesture. Out: the next viewport. World pixels are those at zoom 1.
// Bounds: pure; zoom stays within MIN_ZOOM and MAX_ZOOM.

const MIN_ZOOM = 0.04;
const MAX_ZOOM = 2;

/** Screen = world × zoom + offset. */
export interface Viewport {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}
/** A rectangle in world pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
/** The canvas, CSS pixels. */
export interface Room {
  readonly width: number;
  readonly height: number;
}

/** Shows a whole box in the middle of the room, never larger than `maxZoom`; `foot` pixels at the bottom stay free. */
export function fitBox(box: Box, room: Room, padding: number, foot = 0, maxZoom = 1.15): Viewport {
  const wide = (room.width - padding * 2) / Math.max(1, box.width);
  const high = (room.height - foot - padding * 2) / Math.max(1, box.height);
  const zoom = Math.min(maxZoom, Math.max(MIN_ZOOM, Math.min(wide, high)));
  return {
    zoom,
    x: room.width / 2 - (box.x + box.width / 2) * zoom,
    y: (room.height - foot) / 2 - (box.y + box.height / 2) * zoom,
  };
}

/** Zooms by a factor; the point of the screen stays where it is. */
export function zoomAt(view: Viewport, factor: number, screenX: number, screenY: number): Viewport {
  const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, view.zoom * factor));
  const by = zoom / view.zoom;
  return { zoom, x: screenX - (screenX - view.x) * by, y: screenY - (screenY - view.y) * by };
}

/** Moves the map by screen pixels. */
export function panBy(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

/** Moves the map no more than needed for a world point to be on the screen, `margin` pixels from the border. */
export function showPoint(view: Viewport, x: number, y: number, room: Room, margin: number): Viewport {
  const sx = x * view.zoom + view.x;
  const sy = y * view.zoom + view.y;
  const into = (at: number, size: number): number => Math.min(size - margin, Math.max(margin, at)) - at;
  return panBy(view, into(sx, room.width), into(sy, room.height));
}

/** The smallest box around boxes; null without any. */
export function surround(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) return null;
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** The way of an arrow key. */
export type ArrowWay = "left" | "right" | "up" | "down";

/** The place to go to from a place by an arrow key: near, and rather straight ahead than aside; null when there is none. */
export function nextPlace(
  places: readonly { readonly id: string; readonly x: number; readonly y: number }[],
  from: { readonly x: number; readonly y: number },
  key: ArrowWay,
): string | null {
  const [ux, uy] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[key] as [number, number];
  let best: string | null = null;
  let least = Infinity;
  for (const place of places) {
    const dx = place.x - from.x;
    const dy = place.y - from.y;
    const ahead = dx * ux + dy * uy;
    const aside = Math.abs(dx * uy) + Math.abs(dy * ux);
    if (ahead <= 1 || aside > ahead * 2.5) continue;
    const cost = ahead + aside * 2;
    if (cost < least) {
      least = cost;
      best = place.id;
    }
  }
  return best;
}
