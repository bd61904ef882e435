// What a span did itself: its duration without the time that its children cover.
// In: the forest of a trace with (corrected) times. Out: nanoseconds a span, and where a parent ended before its child.
// Bounds: linear; children's intervals are joined and clipped to their parent, so the figure is never negative and never more than the duration.
import { childrenOf, type Forest } from "./forest.ts";
import type { Relation } from "./parents.ts";

/** Exclusive nanoseconds by span. What a link leads to is not within its cause and covers nothing of it. */
export function exclusiveTimes(
  forest: Forest,
  relation: readonly Relation[],
  startNs: Float64Array,
  endNs: Float64Array,
): Float64Array {
  const exclusive = new Float64Array(startNs.length);
  for (let i = 0; i < exclusive.length; i++) {
    const end = endNs[i] ?? 0;
    let own = 0;
    // Up to here the span's time is accounted for.
    let at = startNs[i] ?? 0;
    for (const child of childrenOf(forest, i)) {
      if (relation[child] === "link") continue;
      const from = Math.min(startNs[child] ?? 0, end);
      if (from > at) own += from - at;
      at = Math.max(at, Math.min(endNs[child] ?? 0, end));
    }
    exclusive[i] = own + Math.max(0, end - at);
  }
  return exclusive;
}
