// Zoom and pan by mouse, wheel, touch and buttons.
// In: the map's element, what should be in view. Out: the viewport in a ref (gestures must not wait for React), and gestures.
// How: the map fits itself until the person moves it; a new subject fits again; a refresh never moves anything.
// Bounds: pointers are tracked up to two (pinch).
import { type RefObject, useCallback, useEffect, useRef } from "react";
import { type Box, fitBox, panBy, type Room, showPoint, type Viewport, zoomAt } from "./viewport.ts";

/** The viewport and the ways to change it. */
export interface ViewportControl {
  readonly view: RefObject<Viewport>;
  readonly zoom: (factor: number) => void;
  readonly fit: () => void;
  readonly reveal: (x: number, y: number) => void;
}

const PADDING = 34;
/** The buttons at the bottom of the map. */
const FOOT = 34;

/** Handles gestures on `element`; calls `onMove` after every change and `onPress` for a click that did not drag. */
export function useViewport(
  element: RefObject<HTMLElement | null>,
  room: Room | null,
  target: Box | null,
  subject: string,
  onMove: () => void,
  onPress: (screenX: number, screenY: number) => void,
): ViewportControl {
  const view = useRef<Viewport>({ zoom: 1, x: 0, y: 0 });
  const isTouched = useRef(false);
  const fitted = useRef("");
  const latest = useRef({ room, target, onMove, onPress });
  latest.current = { room, target, onMove, onPress };

  const fit = useCallback(() => {
    const { room: size, target: box } = latest.current;
    if (size === null || box === null) return;
    view.current = fitBox(box, size, Math.min(PADDING, size.width / 14), FOOT);
    isTouched.current = false;
    latest.current.onMove();
  }, []);
  const zoom = useCallback((factor: number) => {
    const size = latest.current.room;
    if (size === null) return;
    isTouched.current = true;
    view.current = zoomAt(view.current, factor, size.width / 2, size.height / 2);
    latest.current.onMove();
  }, []);
  const reveal = useCallback((x: number, y: number) => {
    const size = latest.current.room;
    if (size === null) return;
    const next = showPoint(view.current, x, y, size, Math.min(90, size.width / 4));
    if (next.x === view.current.x && next.y === view.current.y) return;
    isTouched.current = true;
    view.current = next;
    latest.current.onMove();
  }, []);

  const hasTarget = target !== null;
  useEffect(() => {
    if (room === null || !hasTarget) return;
    const isNew = fitted.current !== subject;
    fitted.current = subject;
    if (isNew || !isTouched.current) fit();
  }, [subject, room, hasTarget, target, fit]);

  useEffect(() => {
    const on = element.current;
    if (on === null) return;
    const pointers = new Map<number, { x: number; y: number }>();
    let travelled = 0;
    const local = (event: { clientX: number; clientY: number }): { x: number; y: number } => {
      const box = on.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      pointers.set(event.pointerId, local(event));
      travelled = 0;
    };
    const move = (event: PointerEvent): void => {
      const before = pointers.get(event.pointerId);
      if (before === undefined) return;
      const now = local(event);
      const [first, second] = [...pointers.values()];
      if (first !== undefined && second !== undefined) {
        const other = before === first ? second : first;
        const was = Math.hypot(before.x - other.x, before.y - other.y);
        const is = Math.hypot(now.x - other.x, now.y - other.y);
        if (was > 0) view.current = zoomAt(view.current, is / was, (now.x + other.x) / 2, (now.y + other.y) / 2);
      } else {
        view.current = panBy(view.current, now.x - before.x, now.y - before.y);
      }
      travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      pointers.set(event.pointerId, now);
      if (travelled > 4) {
        isTouched.current = true;
        if (!on.hasPointerCapture(event.pointerId)) on.setPointerCapture(event.pointerId);
      }
      latest.current.onMove();
    };
    const up = (event: PointerEvent): void => {
      const at = pointers.get(event.pointerId);
      pointers.delete(event.pointerId);
      if (at !== undefined && event.type === "pointerup" && travelled <= 4) latest.current.onPress(at.x, at.y);
    };
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { x, y } = local(event);
      const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      isTouched.current = true;
      view.current = zoomAt(view.current, Math.exp(-Math.max(-240, Math.min(240, pixels)) * 0.0016), x, y);
      latest.current.onMove();
    };
    on.addEventListener("pointerdown", down);
    on.addEventListener("pointermove", move);
    on.addEventListener("pointerup", up);
    on.addEventListener("pointercancel", up);
    // Not passive: the page must not scroll while the map zooms.
    on.addEventListener("wheel", wheel, { passive: false });
    return () => {
      on.removeEventListener("pointerdown", down);
      on.removeEventListener("pointermove", move);
      on.removeEventListener("pointerup", up);
      on.removeEventListener("pointercancel", up);
      on.removeEventListener("wheel", wheel);
    };
  }, [element]);

  return { view, zoom, fit, reveal };
}
