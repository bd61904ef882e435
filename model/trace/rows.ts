// Rows of the waterfall, a page at a time.
// In: a view, folded or unfolded hops, a range of rows. Out: rows in the order in which they are shown, each with its spans.
// Bounds: as many rows as were asked for; nothing is made for the others.
import type { Waiting } from "./awaited.ts";
import { describeHop, type HopFacts } from "./hop-facts.ts";
import { spansOfHop } from "./hops.ts";
import type { Relation } from "./parents.ts";
import type { TraceSpan } from "./span.ts";
import type { HopForest, TraceView } from "./view.ts";

/** One span of a row; times are nanoseconds after the trace's shown start, `rawStartNs` as recorded. */
export interface RowSpan {
  readonly span: TraceSpan;
  readonly startNs: number;
  readonly rawStartNs: number;
  readonly correctionNs: number;
  readonly exclusiveNs: number;
  readonly criticalNs: number;
}

/** One row. `index` counts rows as they are shown; `waitNs`: how long after its cause's end it began, null when it did not wait. */
export interface TraceRow extends HopFacts {
  readonly index: number;
  readonly parentIndex: number | null;
  readonly depth: number;
  readonly childCount: number;
  readonly relation: Relation;
  readonly waiting: Waiting;
  readonly startNs: number;
  readonly durationNs: number;
  readonly exclusiveNs: number;
  readonly criticalNs: number;
  readonly waitNs: number | null;
  readonly isFailureOrigin: boolean;
  readonly spans: readonly RowSpan[];
}

/** Rows `offset` to `offset + count` of a waterfall. */
export function traceRows(view: TraceView, hops: HopForest, offset: number, count: number): TraceRow[] {
  const { forest } = hops;
  const indexOf = new Int32Array(hops.count);
  forest.preorder.forEach((hop, index) => (indexOf[hop] = index));
  const origins = new Set(view.origins.map(({ span }) => span));
  return Array.from(forest.preorder.subarray(offset, offset + count), (hop, i) => {
    const members = spansOfHop(hops, hop);
    const head = members[0] ?? 0;
    const up = view.forest.parent[head] ?? -1;
    const late = up < 0 ? 0 : (view.times.startNs[head] ?? 0) - (view.times.endNs[up] ?? 0);
    const above = forest.parent[hop] ?? -1;
    const sum = (column: Float64Array): number => members.reduce((total, span) => total + (column[span] ?? 0), 0);
    return {
      ...describeHop(members.map((span) => view.distinct.spans[span] as TraceSpan)),
      index: offset + i,
      parentIndex: above < 0 ? null : (indexOf[above] ?? 0),
      depth: forest.depth[hop] ?? 0,
      childCount: (forest.first[hop + 1] ?? 0) - (forest.first[hop] ?? 0),
      relation: view.parents.relation[head] ?? "root",
      waiting: view.waiting[head] ?? "detached",
      startNs: (hops.startNs[hop] ?? 0) - view.fromNs,
      durationNs: (hops.endNs[hop] ?? 0) - (hops.startNs[hop] ?? 0),
      exclusiveNs: sum(view.exclusiveNs),
      criticalNs: sum(view.criticalNs),
      waitNs: late > 0 ? late : null,
      isFailureOrigin: members.some((span) => origins.has(span)),
      spans: members.map((span) => rowSpan(view, span)),
    };
  });
}

function rowSpan(view: TraceView, span: number): RowSpan {
  return {
    span: view.distinct.spans[span] as TraceSpan,
    startNs: (view.times.startNs[span] ?? 0) - view.fromNs,
    rawStartNs: (view.distinct.startNs[span] ?? 0) - view.fromNs,
    correctionNs: view.times.correctionNs[span] ?? 0,
    exclusiveNs: view.exclusiveNs[span] ?? 0,
    criticalNs: view.criticalNs[span] ?? 0,
  };
}
