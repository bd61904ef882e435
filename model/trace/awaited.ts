// Which children a span waited for: only those can have made it slower.
// In: spans with parents and (corrected) times. Out: awaited or not, by closed rules.
// Bounds: linear. Telemetry does not say who waits; the rules read it from kinds and ends, and say where it is a guess.
import type { Parents } from "./parents.ts";
import type { TraceSpan } from "./span.ts";

/** A child may end this much after its parent and still have been awaited: ends are noted one after another, and clocks tick. */
const END_TOLERANCE_NS = 1e6;
const END_TOLERANCE_RATIO = 0.01;

/**
 * awaited: the parent could end only after it. clipped: awaited by its kind (a call), though it ended later: the caller gave up, the callee worked on
 * after its answer, or clocks differ. detached: nobody waited (a message, a link, work that outlived its parent or began after it).
 */
export type Waiting = "awaited" | "clipped" | "detached";

/** Judges every span as a child of its parent; roots are detached. */
export function judgeWaiting(
  spans: readonly TraceSpan[],
  { parent, relation }: Parents,
  startNs: Float64Array,
  endNs: Float64Array,
): Waiting[] {
  return spans.map((child, i): Waiting => {
    const up = parent[i] ?? -1;
    if (up < 0 || relation[i] === "link" || child.kind === "Consumer") return "detached";
    const [start, end, outerEnd] = [startNs[i] ?? 0, endNs[i] ?? 0, endNs[up] ?? 0];
    if (start > outerEnd || (start === outerEnd && end > start)) return "detached";
    if (end <= outerEnd) return "awaited";
    if (end - outerEnd <= Math.max(END_TOLERANCE_NS, (end - start) * END_TOLERANCE_RATIO)) return "awaited";
    return spans[up]?.kind === "Client" || child.kind === "Server" ? "clipped" : "detached";
  });
}
