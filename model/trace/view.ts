// A trace as a person reads it: everything that the rules of this folder find, put together once.
// In: the spans of one trace as they are stored. Out: the view; rows, segments and services are taken from it.
// Bounds: MAX_TRACE_SPANS spans; figures are in columns, so that 50,000 spans stay within some ten MB. The same spans in any order, once or more
// often, give the same view.
import { judgeWaiting, type Waiting } from "./awaited.ts";
import { type CorrectedTimes, correctClocks } from "./clocks.ts";
import { type CriticalPath, findCriticalPath, type PathEnd } from "./critical-path.ts";
import { type DistinctSpans, distinctSpans } from "./distinct-spans.ts";
import { exclusiveTimes } from "./exclusive-time.ts";
import { type FailureOrigin, findFailureOrigins } from "./failure-origins.ts";
import { type Forest, growForest } from "./forest.ts";
import { foldHops, type Hops, unfoldedHops } from "./hops.ts";
import { findParents, type Parents } from "./parents.ts";
import { findSilences, type Silence } from "./silences.ts";
import { MAX_TRACE_SPANS, type TraceSpan } from "./span.ts";

/** Hops with their own forest: the rows of a waterfall. */
export interface HopForest extends Hops {
  readonly forest: Forest;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/** The view of one trace. Times are nanoseconds after `distinct.epochNs`; `times` are corrected, `distinct` has them as recorded. */
export interface TraceView {
  readonly traceId: string;
  readonly distinct: DistinctSpans;
  readonly isTruncated: boolean;
  readonly parents: Parents;
  readonly times: CorrectedTimes;
  readonly forest: Forest;
  readonly waiting: readonly Waiting[];
  readonly exclusiveNs: Float64Array;
  /** Time on the path to the response, by span. */
  readonly criticalNs: Float64Array;
  readonly responsePath: CriticalPath | null;
  readonly origins: readonly FailureOrigin[];
  readonly silences: readonly Silence[];
  readonly folded: HopForest;
  readonly fromNs: number;
  readonly toNs: number;
}

/** Builds the view; `isCut` tells that storage holds more spans than were read. */
export function buildTraceView(
  traceId: string,
  given: readonly TraceSpan[],
  isCut = false,
  maxSpans: number = MAX_TRACE_SPANS,
): TraceView {
  const distinct = distinctSpans(given, maxSpans);
  const { spans } = distinct;
  const parents = findParents(spans, traceId);
  const times = correctClocks(distinct, parents);
  const { startNs, endNs } = times;
  const forest = growForest(parents.parent, startNs);
  const waiting = judgeWaiting(spans, parents, startNs, endNs);
  const isTruncated = isCut || distinct.dropped > 0;
  const found = { distinct, isTruncated, parents, times, forest, waiting };
  const responsePath = tracePath(found, "RESPONSE");
  const criticalNs = new Float64Array(spans.length);
  for (const { span, fromNs, toNs } of responsePath?.segments ?? []) {
    criticalNs[span] = (criticalNs[span] ?? 0) + toNs - fromNs;
  }
  return {
    ...found,
    traceId,
    exclusiveNs: exclusiveTimes(forest, parents.relation, startNs, endNs),
    criticalNs,
    responsePath,
    origins: findFailureOrigins(spans, forest, parents.relation, endNs),
    silences: findSilences(forest, startNs, endNs),
    folded: withForest(foldHops(spans, forest, parents.relation), forest, times),
    fromNs: startNs.reduce((least, at) => Math.min(least, at), startNs[0] ?? 0),
    toNs: endNs.reduce((most, at) => Math.max(most, at), endNs[0] ?? 0),
  };
}

/** The critical path of a view; null for a trace without spans. */
export function tracePath(
  view: Pick<TraceView, "distinct" | "isTruncated" | "parents" | "times" | "forest" | "waiting">,
  until: PathEnd,
): CriticalPath | null {
  const { distinct, parents, times, forest, waiting, isTruncated } = view;
  return findCriticalPath(
    {
      forest,
      waiting,
      startNs: times.startNs,
      endNs: times.endNs,
      relation: parents.relation,
      linked: parents.linked,
      isConsumer: (span) => distinct.spans[span]?.kind === "Consumer",
      isClockCorrected: (span) => times.correctionNs[span] !== 0,
      isTruncated,
    },
    until,
  );
}

/** Every span a row of its own. */
export function unfold(view: TraceView): HopForest {
  return withForest(unfoldedHops(view.forest), view.forest, view.times);
}

function withForest(hops: Hops, spans: Forest, { startNs, endNs }: CorrectedTimes): HopForest {
  const parent = new Int32Array(hops.count);
  const start = new Float64Array(hops.count).fill(Infinity);
  const end = new Float64Array(hops.count).fill(-Infinity);
  spans.parent.forEach((_, span) => {
    const hop = hops.hopOf[span] ?? 0;
    start[hop] = Math.min(start[hop] ?? Infinity, startNs[span] ?? 0);
    end[hop] = Math.max(end[hop] ?? -Infinity, endNs[span] ?? 0);
  });
  for (let hop = 0; hop < hops.count; hop++) {
    const up = spans.parent[hops.head[hop] ?? 0] ?? -1;
    parent[hop] = up < 0 ? -1 : (hops.hopOf[up] ?? -1);
  }
  return { ...hops, forest: growForest(parent, start), startNs: start, endNs: end };
}
