// Clocks that disagree: what the calls between two hosts allow their offset to be, and a correction where they do not allow none.
// In: spans with parents and raw times. Out: one offset a clock (to be added to its spans), each with its reason; raw times stay as they are.
// Bounds: nothing is touched while raw times are possible; corrections are up to MAX_CORRECTION_NS. One offset a clock and trace, so that what
// happened within one host keeps its order (jaeger moves every span for itself; jaegertracing/jaeger#961, #1459 tell why people distrust it).
import type { DistinctSpans } from "./distinct-spans.ts";
import type { Parents } from "./parents.ts";
import type { TraceSpan } from "./span.ts";

/** Clocks tick in µs (Envoy) or ms (browsers, some SDKs): times that are wrong by less than a tick are no sign of anything. */
const TICKS_NS: readonly bigint[] = [1_000_000n, 1_000n];

/** Beyond this no correction is made: such a clock is broken, and a person must see it. */
const MAX_CORRECTION_NS = 300e9;

/** What was found between the clock of a caller and that of its callee. */
export interface ClockCorrection {
  /** Spans whose clocks these are: the first call that tells of them. */
  readonly callerSpan: number;
  readonly calleeSpan: number;
  /** Added to the callee's times; 0 when beyond the bound. */
  readonly correctionNs: number;
  /** Half of what the calls leave open; null when they give no upper bound. */
  readonly uncertaintyNs: number | null;
  readonly calls: number;
  /** The calls contradict each other: only causality was restored. */
  readonly isAmbiguous: boolean;
  readonly isBeyondBound: boolean;
}

/** Corrected times by span, nanoseconds after the trace's epoch. */
export interface CorrectedTimes {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly correctionNs: Float64Array;
  readonly corrections: readonly ClockCorrection[];
}

/** What the calls from one clock to another allow the offset of the second to be: at least `low`, at most `high`. */
interface Allowed {
  low: number;
  high: number;
  /** A callee began after its caller had its answer. */
  tooLate: boolean;
  tickNs: number;
  calls: number;
  callerSpan: number;
  calleeSpan: number;
}

/** Corrects the clocks of a trace. */
export function correctClocks(distinct: DistinctSpans, parents: Parents): CorrectedTimes {
  const { spans, startNs, endNs } = distinct;
  const { parent } = parents;
  // Nearly every trace is possible as it is: no clock need be looked at then.
  const isPossible = spans.every((span, i) => {
    const up = parent[i] ?? -1;
    return up < 0 || ((startNs[i] ?? 0) >= (startNs[up] ?? 0) && !isTooLate(distinct, up, i, span));
  });
  if (isPossible) return { startNs, endNs, correctionNs: new Float64Array(spans.length), corrections: [] };
  const clock = clocksOf(spans);
  const pairs = new Map<number, Allowed>();
  spans.forEach((child, i) => {
    const up = parent[i] ?? -1;
    if (up < 0 || clock[up] === clock[i]) return;
    const key = pairKey(clock, up, i);
    let allowed = pairs.get(key);
    if (allowed === undefined) {
      allowed = { low: -Infinity, high: Infinity, tooLate: false, tickNs: 0, calls: 0, callerSpan: up, calleeSpan: i };
      pairs.set(key, allowed);
    }
    const caller = spans[up] as TraceSpan;
    allowed.calls += 1;
    allowed.tickNs = Math.max(allowed.tickNs, tickOf(caller), tickOf(child));
    allowed.low = Math.max(allowed.low, (startNs[up] ?? 0) - (startNs[i] ?? 0));
    if (!isAnswered(caller, child)) return;
    allowed.high = Math.min(allowed.high, (endNs[up] ?? 0) - (endNs[i] ?? 0));
    if (isTooLate(distinct, up, i, child)) allowed.tooLate = true;
  });
  return applyOffsets(distinct, parents, clock, pairs);
}

// Only a caller that had its answer bounds its callee: one that gave up does not.
function isAnswered(caller: TraceSpan, callee: TraceSpan): boolean {
  return (
    caller.kind === "Client" &&
    callee.kind === "Server" &&
    caller.outcome !== "failed" &&
    caller.outcome !== "cancelled"
  );
}

function isTooLate({ spans, startNs, endNs }: DistinctSpans, caller: number, callee: number, span: TraceSpan): boolean {
  return (startNs[callee] ?? 0) > (endNs[caller] ?? 0) && isAnswered(spans[caller] as TraceSpan, span);
}

function applyOffsets(
  { spans, startNs, endNs }: DistinctSpans,
  { parent }: Parents,
  clock: readonly number[],
  pairs: ReadonlyMap<number, Allowed>,
): CorrectedTimes {
  const offsets = new Map<number, number>();
  const corrections: ClockCorrection[] = [];
  for (const i of parentsFirst(parent)) {
    const own = clock[i] ?? 0;
    if (offsets.has(own)) continue;
    const up = parent[i] ?? -1;
    const above = up < 0 ? undefined : pairs.get(pairKey(clock, up, i));
    if (above === undefined) {
      offsets.set(own, 0);
      continue;
    }
    const found = judge(above, pairs.get(pairKey(clock, i, up)));
    if (found.correctionNs !== 0 || found.isBeyondBound) corrections.push(found);
    offsets.set(own, (offsets.get(clock[up] ?? 0) ?? 0) + found.correctionNs);
  }
  const correctionNs = Float64Array.from(spans, (_, i) => offsets.get(clock[i] ?? 0) ?? 0);
  return {
    startNs: startNs.map((at, i) => at + (correctionNs[i] ?? 0)),
    endNs: endNs.map((at, i) => at + (correctionNs[i] ?? 0)),
    correctionNs,
    corrections,
  };
}

function tickOf({ startNs }: TraceSpan): number {
  return Number(TICKS_NS.find((tick) => startNs % tick === 0n) ?? 1_000n);
}

// There are no more clocks than spans: the key is exact far below 2^53.
function pairKey(clock: readonly number[], from: number, to: number): number {
  return (clock[from] ?? 0) * clock.length + (clock[to] ?? 0);
}

function judge(there: Allowed, back: Allowed | undefined): ClockCorrection {
  const low = Math.max(there.low, back === undefined ? -Infinity : -back.high);
  const high = Math.min(there.high, back === undefined ? Infinity : -back.low);
  // A callee that began before its caller, or after the answer: no order of events explains that. One that merely ends late may be
  // asynchronous, and its times stay.
  const isTooEarly = low > there.tickNs && (there.low > there.tickNs || back?.tooLate === true);
  const isTooLateHere = high < -there.tickNs && (there.tooLate || (back !== undefined && back.low > back.tickNs));
  const isImpossible = isTooEarly || isTooLateHere;
  const isAmbiguous = low > high;
  let offset = 0;
  if (isImpossible) {
    offset = isAmbiguous || high === Infinity ? Math.max(low, 0) : (low + high) / 2;
  }
  offset = Math.round(offset);
  const isBeyondBound = Math.abs(offset) > MAX_CORRECTION_NS;
  return {
    callerSpan: there.callerSpan,
    calleeSpan: there.calleeSpan,
    correctionNs: isBeyondBound ? 0 : offset,
    uncertaintyNs: isAmbiguous || !Number.isFinite(high - low) ? null : (high - low) / 2,
    calls: there.calls + (back?.calls ?? 0),
    isAmbiguous,
    isBeyondBound,
  };
}

/** A number a clock: that of the node, else of the instance, else of the service. A sidecar that does not know its node has its pod's. */
function clocksOf(spans: readonly TraceSpan[]): number[] {
  const nodes = new Map<string, string>();
  for (const { cluster, instance, node } of spans) {
    if (instance !== "" && node !== "") nodes.set(`${cluster}/${instance}`, node);
  }
  const numbers = new Map<string, number>();
  return spans.map(({ cluster, namespace, service, instance, node }) => {
    const known = node || (instance === "" ? "" : nodes.get(`${cluster}/${instance}`)) || "";
    const name =
      known !== ""
        ? `node ${cluster}/${known}`
        : instance !== ""
          ? `instance ${cluster}/${instance}`
          : `service ${cluster}/${namespace}/${service}`;
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  });
}

/** All spans, each after its parent: the depth of each by walks that stop where one has been. */
function parentsFirst(parent: Int32Array): number[] {
  const depth = new Int32Array(parent.length).fill(-1);
  const path: number[] = [];
  const byDepth: number[][] = [];
  for (let i = 0; i < parent.length; i++) {
    let at = i;
    while (at >= 0 && depth[at] === -1) {
      path.push(at);
      at = parent[at] ?? -1;
    }
    let level = at < 0 ? -1 : (depth[at] ?? -1);
    for (let node = path.pop(); node !== undefined; node = path.pop()) depth[node] = ++level;
  }
  depth.forEach((level, i) => (byDepth[level] ??= []).push(i));
  return byDepth.flat();
}
