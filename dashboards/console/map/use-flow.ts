// Moves the dots along the lines that matter, and rests whenever it can.
// In: how many lines move, and how to paint a phase. Out: frames.
// Bounds: no frame while nothing moves, the page or the map is out of sight, or the reader prefers reduced motion;
// at most 30 frames a second, for dots do not need more.
import { type RefObject, useEffect, useRef } from "react";

const FRAME_MS = 33;
const LAP_MS = 1400;

/** Runs `paint(phase)` (phase 0..1) as long as `isMoving` and somebody can see `element`. */
export function useFlow(
  element: RefObject<HTMLElement | null>,
  isMoving: boolean,
  paint: (phase: number) => void,
): void {
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const on = element.current;
    if (on === null || !isMoving) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let frame = 0;
    let isInView = true;
    let last = 0;
    const tick = (now: number): void => {
      frame = requestAnimationFrame(tick);
      if (now - last < FRAME_MS) return;
      last = now;
      latest.current((now % LAP_MS) / LAP_MS);
    };
    const decide = (): void => {
      cancelAnimationFrame(frame);
      frame = 0;
      if (isInView && !document.hidden && !still.matches) frame = requestAnimationFrame(tick);
      else latest.current(0.5);
    };
    const watcher = new IntersectionObserver((entries) => {
      isInView = entries.at(-1)?.isIntersecting ?? true;
      decide();
    });
    watcher.observe(on);
    document.addEventListener("visibilitychange", decide);
    still.addEventListener("change", decide);
    decide();
    return () => {
      cancelAnimationFrame(frame);
      watcher.disconnect();
      document.removeEventListener("visibilitychange", decide);
      still.removeEventListener("change", decide);
    };
  }, [element, isMoving]);
}
