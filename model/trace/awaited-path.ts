// The critical path within one span: at each moment, the span that everything above it waited for.
// In: a span and a period of it. Out: segments of that span and its descendants, latest first, which cover the period exactly.
// Bounds: an explicit stack; each child is looked at once. Rule: going back from the end, the child that ended last before the point reached
// is what was awaited (jaeger's rule, but with "not after" in place of "before": children that follow each other at the same tick are one chain).
import type { Waiting } from "./awaited.ts";
import { childrenOf, type Forest } from "./forest.ts";

/** A period in which one span was what everybody waited for; nanoseconds after the trace's epoch. */
export interface PathSegment {
  readonly span: number;
  readonly fromNs: number;
  readonly toNs: number;
  /** Another child ended at the very same time as the one that was followed down to here. */
  readonly isAmbiguous: boolean;
}

/** What the walk reads. */
export interface PathTimes {
  readonly forest: Forest;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly waiting: readonly Waiting[];
}

interface Frame {
  readonly span: number;
  readonly fromNs: number;
  readonly toNs: number;
  /** Awaited children, latest end first. */
  readonly children: readonly number[];
  readonly isAmbiguous: boolean;
  next: number;
  at: number;
}

/**
 * Appends the path of `span` from its start to `atNs` to `out`, latest segment first. Where that is before the span's end, what ran
 * across that moment was not awaited there.
 */
export function appendAwaitedPath(times: PathTimes, span: number, atNs: number, out: PathSegment[]): void {
  const whole = openFrame(times, span, times.startNs[span] ?? 0, times.endNs[span] ?? 0, false);
  whole.at = Math.min(atNs, whole.toNs);
  const stack: Frame[] = [whole];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const inner = nextAwaited(times, frame);
    const until = inner === null ? frame.fromNs : inner.toNs;
    if (frame.at > until) {
      out.push({ span: frame.span, fromNs: until, toNs: frame.at, isAmbiguous: frame.isAmbiguous });
    }
    if (inner === null) {
      stack.pop();
      continue;
    }
    frame.at = inner.fromNs;
    stack.push(inner);
  }
}

function openFrame(times: PathTimes, span: number, fromNs: number, toNs: number, isAmbiguous: boolean): Frame {
  const { forest, waiting, startNs, endNs } = times;
  const children: number[] = [];
  for (const child of childrenOf(forest, span)) if (waiting[child] !== "detached") children.push(child);
  children.sort((a, b) => (endNs[b] ?? 0) - (endNs[a] ?? 0) || (startNs[a] ?? 0) - (startNs[b] ?? 0) || a - b);
  return { span, fromNs, toNs, children, isAmbiguous, next: 0, at: toNs };
}

/** The frame of the child that was awaited last before `frame.at`; null when there is none. */
function nextAwaited(times: PathTimes, frame: Frame): Frame | null {
  const { startNs, endNs } = times;
  while (frame.next < frame.children.length) {
    const child = frame.children[frame.next++] ?? 0;
    // Later than the point reached: it ran beside what was awaited, and also beside all that comes before.
    const toNs = Math.min(endNs[child] ?? 0, frame.toNs);
    if (toNs > frame.at) continue;
    const fromNs = Math.max(startNs[child] ?? 0, frame.fromNs);
    if (fromNs >= toNs) continue;
    const rival = frame.children[frame.next];
    const isTie =
      rival !== undefined &&
      endNs[rival] === endNs[child] &&
      Math.max(startNs[rival] ?? 0, frame.fromNs) < Math.min(endNs[rival] ?? 0, frame.toNs);
    return openFrame(times, child, fromNs, toNs, isTie);
  }
  return null;
}
