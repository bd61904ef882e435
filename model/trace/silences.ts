// Times of a trace in which no span at all was active: a message waited, or spans are missing.
// In: (corrected) times and causes. Out: silences in order.
// Bounds: one pass over spans by start; only times between the first start and the last end.
import { type Forest, orderByStart } from "./forest.ts";

/** A silence; nanoseconds after the trace's epoch. */
export interface Silence {
  readonly fromNs: number;
  readonly toNs: number;
  /** The span that ended last before it, and the one that began after it. */
  readonly afterSpan: number;
  readonly beforeSpan: number;
  /** The span after it has its cause in this trace: something waited. Otherwise nothing is known of the time. */
  readonly isWait: boolean;
}

/** Finds the silences. */
export function findSilences(forest: Forest, startNs: Float64Array, endNs: Float64Array): Silence[] {
  const byStart = orderByStart(startNs);
  const silences: Silence[] = [];
  let last = byStart[0] ?? -1;
  for (const span of byStart) {
    const [fromNs, toNs] = [endNs[last] ?? 0, startNs[span] ?? 0];
    if (toNs > fromNs) {
      silences.push({ fromNs, toNs, afterSpan: last, beforeSpan: span, isWait: (forest.parent[span] ?? -1) >= 0 });
    }
    if ((endNs[span] ?? 0) > fromNs) last = span;
  }
  return silences;
}
