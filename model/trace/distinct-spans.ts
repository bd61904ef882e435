// One row a span, in one order, whatever came: duplicates of at-least-once delivery go, and the order of arrival says nothing.
// In: spans of one trace in any order. Out: distinct spans by start, how many were repeated, how many are too many.
// Bounds: MAX_TRACE_SPANS. Two spans of one id that differ in kind or service stay two (Zipkin's client and server share an id).
import { MAX_TRACE_SPANS, type TraceSpan } from "./span.ts";

/** Distinct spans, earliest first, with the times that all rules count in. */
export interface DistinctSpans {
  readonly spans: readonly TraceSpan[];
  /** Unix time of the earliest start; 0 when there are none. */
  readonly epochNs: bigint;
  /** Nanoseconds after `epochNs`, as recorded. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly duplicates: number;
  readonly dropped: number;
}

/** Removes duplicates and sorts; of two copies that differ the longer one stays, as the other was cut short. */
export function distinctSpans(given: readonly TraceSpan[], maxSpans: number = MAX_TRACE_SPANS): DistinctSpans {
  const all: TraceSpan[] = [];
  const byId = new Map<string, number>();
  // Further spans of an id, for the few ids that several spans share.
  const shared = new Map<string, number[]>();
  for (const span of given) {
    const first = byId.get(span.spanId);
    if (first === undefined) {
      byId.set(span.spanId, all.push(span) - 1);
      continue;
    }
    const others = shared.get(span.spanId) ?? [first];
    const copy = others.find((i) => isCopy(all[i] as TraceSpan, span));
    if (copy === undefined) shared.set(span.spanId, [...others, all.push(span) - 1]);
    else if (compareCopies(span, all[copy] as TraceSpan) < 0) all[copy] = span;
  }
  let epochNs = all[0]?.startNs ?? 0n;
  for (const span of all) if (span.startNs < epochNs) epochNs = span.startNs;
  const offsets = Float64Array.from(all, ({ startNs }) => Number(startNs - epochNs));
  const order = Int32Array.from(all, (_, i) => i).sort(
    (a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0) || compareEqualStarts(all[a] as TraceSpan, all[b] as TraceSpan),
  );
  const kept = order.subarray(0, maxSpans);
  const spans = Array.from(kept, (i) => all[i] as TraceSpan);
  const startNs = Float64Array.from(kept, (i) => offsets[i] ?? 0);
  return {
    spans,
    epochNs,
    startNs,
    endNs: startNs.map((start, i) => start + Math.max(0, spans[i]?.durationNs ?? 0)),
    duplicates: given.length - all.length,
    dropped: all.length - spans.length,
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// The longer one first: of a call and its answer that start at the same tick the call is the outer one.
function compareEqualStarts(a: TraceSpan, b: TraceSpan): number {
  return (
    b.durationNs - a.durationNs ||
    compareText(a.spanId, b.spanId) ||
    compareText(a.kind, b.kind) ||
    compareText(a.service, b.service) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.cluster, b.cluster)
  );
}

function isCopy(a: TraceSpan, b: TraceSpan): boolean {
  return a.kind === b.kind && a.service === b.service && a.namespace === b.namespace && a.cluster === b.cluster;
}

function compareCopies(a: TraceSpan, b: TraceSpan): number {
  if (a === b) return 0;
  return b.durationNs - a.durationNs || Number(a.startNs - b.startNs) || compareText(textOf(a), textOf(b));
}

function textOf(span: TraceSpan): string {
  return JSON.stringify({ ...span, startNs: "" });
}
