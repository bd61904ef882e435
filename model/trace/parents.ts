// Who began whom: the parent of each span, and why it is that one.
// In: distinct spans of one trace. Out: an index a span (-1: none) with the relation; never a cycle.
// Bounds: linear; walks up with marks, never recursively. Parents that are not there leave roots of their own, and are counted.
import { isCalleeSide, isCallerSide, isSameService, type TraceSpan } from "./span.ts";

/**
 * Why a span stands where it does. child: its parent is there; shared: its caller's span has the same id (Zipkin); link: no parent, but a link to
 * a span of this trace. Roots: root names no parent; orphan names one that is not there; cycle was its own ancestor.
 */
export type Relation = "root" | "child" | "shared" | "link" | "orphan" | "cycle";

/** Parents by index. */
export interface Parents {
  readonly parent: Int32Array;
  readonly relation: readonly Relation[];
  /** The span of this trace that a link names, -1: none. */
  readonly linked: Int32Array;
  /** Traces that links lead to, in order. */
  readonly linkedTraces: readonly string[];
  /** Ids that spans name as their parents, and that are not there. */
  readonly missing: number;
  readonly cycles: number;
}

/** Finds the parents of the spans of `traceId`. */
export function findParents(spans: readonly TraceSpan[], traceId: string): Parents {
  const ids = indexById(spans);
  const parent = new Int32Array(spans.length).fill(-1);
  const linked = new Int32Array(spans.length).fill(-1);
  const relation: Relation[] = [];
  const linkedTraces = new Set<string>();
  const missing = new Set<string>();
  spans.forEach((span, i) => {
    for (const link of span.links) {
      if (link.traceId !== traceId) linkedTraces.add(link.traceId);
      else if (linked[i] === -1) linked[i] = chooseSpan(spans, ids, link.spanId, i);
    }
    const caller = isCalleeSide(span) ? callerOfSameId(spans, ids, i) : -1;
    if (caller >= 0) {
      parent[i] = caller;
      relation.push("shared");
      return;
    }
    const found = span.parentSpanId === "" ? -1 : chooseSpan(spans, ids, span.parentSpanId, i);
    if (found >= 0) {
      parent[i] = found;
      relation.push("child");
      return;
    }
    const isCycle = span.parentSpanId !== "" && span.parentSpanId === span.spanId;
    if (span.parentSpanId !== "" && !isCycle) missing.add(span.parentSpanId);
    parent[i] = linked[i] ?? -1;
    relation.push(parent[i] !== -1 ? "link" : isCycle ? "cycle" : span.parentSpanId === "" ? "root" : "orphan");
  });
  const cycles = breakCycles(parent, relation);
  return {
    parent,
    relation,
    linked,
    linkedTraces: [...linkedTraces].sort(),
    missing: missing.size,
    cycles:
      cycles + relation.filter((word, i) => word === "cycle" && spans[i]?.parentSpanId === spans[i]?.spanId).length,
  };
}

/** Spans by id; several may share one. */
interface IdIndex {
  readonly first: ReadonlyMap<string, number>;
  /** The next span of the same id, -1: none. */
  readonly next: Int32Array;
}

function indexById(spans: readonly TraceSpan[]): IdIndex {
  const first = new Map<string, number>();
  const next = new Int32Array(spans.length).fill(-1);
  for (let i = spans.length - 1; i >= 0; i--) {
    const { spanId } = spans[i] as TraceSpan;
    next[i] = first.get(spanId) ?? -1;
    first.set(spanId, i);
  }
  return { first, next };
}

function callerOfSameId(spans: readonly TraceSpan[], ids: IdIndex, span: number): number {
  for (let i = ids.first.get((spans[span] as TraceSpan).spanId) ?? -1; i >= 0; i = ids.next[i] ?? -1) {
    if (i !== span && isCallerSide(spans[i] as TraceSpan)) return i;
  }
  return -1;
}

// Where a client and a server share an id, work inside the server names that id: the server is meant.
function chooseSpan(spans: readonly TraceSpan[], ids: IdIndex, spanId: string, child: number): number {
  let best = -1;
  let bestRank = -1;
  for (let i = ids.first.get(spanId) ?? -1; i >= 0; i = ids.next[i] ?? -1) {
    if (i === child) continue;
    const span = spans[i] as TraceSpan;
    const rank = (isSameService(span, spans[child] as TraceSpan) ? 2 : 0) + (isCalleeSide(span) ? 1 : 0);
    if (rank <= bestRank) continue;
    best = i;
    bestRank = rank;
  }
  return best;
}

/** Takes the parent from the earliest span of every cycle; returns how many there were. */
function breakCycles(parent: Int32Array, relation: Relation[]): number {
  // 0: not seen; otherwise the walk that saw it. Meeting a mark of one's own walk is a cycle.
  const seenBy = new Int32Array(parent.length);
  let cycles = 0;
  for (let i = 0; i < parent.length; i++) {
    let at = i;
    while (at >= 0 && seenBy[at] === 0) {
      seenBy[at] = i + 1;
      at = parent[at] ?? -1;
    }
    if (at < 0 || seenBy[at] !== i + 1) continue;
    let first = at;
    for (let next = parent[at] ?? -1; next !== at; next = parent[next] ?? at) first = Math.min(first, next);
    parent[first] = -1;
    relation[first] = "cycle";
    cycles += 1;
  }
  return cycles;
}
