// What an edge's figures rest on: spans, access logs and mesh metrics report of the same calls, one row a source, and one is believed.
// In: the rows of one edge (storage/graph-reads.ts; the statements of the analyzer follow the same rule). Out: one ledger and its basis.
// Rule: a source can lose calls (sampling, filters, loss) but none invents them, so a side's basis is the source that saw most of it; of
// sources within 2 % of that one, spans come before access logs before metrics. Sources are never added to each other.
// A source that tells of no success where another does is filtered for errors (Istio's access log filter): it is no basis of a side, as
// its calls are failures alone; the ratio of a sample is then truer. Its flags still count.
// Bounds: pure; a handful of rows an edge.
import { HISTOGRAM_GROWTH, addHistogram, histogramCount, quantileMs } from "./histogram.ts";

/** Where rows of the ledger come from, in the order of preference among sources that saw the same. */
export const LEDGER_SOURCES = ["spans", "access_logs", "metrics"] as const;
export type LedgerSource = (typeof LEDGER_SOURCES)[number];

/** What one side of an edge saw; `ns` is the sum of the durations counted in `histogram` (model/histogram.ts; [] = none measured). */
export interface LedgerSide {
  readonly calls: number;
  readonly failed: number;
  readonly degraded: number;
  readonly cancelled: number;
  readonly ns: number;
  readonly histogram: readonly number[];
}

/** What is known of an edge beside the counts of its sides; 0 where the source does not tell. */
export interface LedgerExtras {
  readonly neverArrived: number;
  readonly originFailed: number;
  readonly gapNs: number;
  readonly proxyNs: number;
  readonly retries: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly securedCalls: number;
  readonly plainCalls: number;
  readonly flags: Readonly<Record<string, number>>;
}

/** Nothing known beside the counts. */
export const NO_EXTRAS: LedgerExtras = {
  neverArrived: 0,
  originFailed: 0,
  gapNs: 0,
  proxyNs: 0,
  retries: 0,
  requestBytes: 0,
  responseBytes: 0,
  securedCalls: 0,
  plainCalls: 0,
  flags: {},
};

/** One source's account of an edge. Several rows of one source (protocols, buckets) add up. */
export interface LedgerRow extends LedgerExtras {
  readonly source: LedgerSource;
  readonly caller: LedgerSide;
  readonly callee: LedgerSide;
}

/**
 * The account that is believed. Counts of a side are its basis' own; `ns` and `histogram` are of the source whose durations are believed
 * (`latencyBasis`, the callee's where both sides have one), so a mean is ns over the histogram's count. Gaps are a sum over `gapCalls`
 * calls of one source (0 = not known). Retries, bytes, security and flags are the basis' where it tells of any, else of the source
 * that tells most. `latencyRelativeError` (0..1) is the greater of both sides', null where it cannot be said. `samplingRatio` is span
 * calls over the basis' calls, null where there are no spans or nothing to compare them with.
 */
export interface ChosenLedger extends LedgerExtras {
  readonly caller: LedgerSide;
  readonly callee: LedgerSide;
  readonly callerBasis: LedgerSource | null;
  readonly calleeBasis: LedgerSource | null;
  readonly latencyBasis: LedgerSource | null;
  readonly latencyRelativeError: number | null;
  readonly samplingRatio: number | null;
  readonly gapCalls: number;
}

/** Sources whose calls differ by no more than this are taken to have seen the same (0..1). */
export const LEDGER_TOLERANCE = 0.02;
// Enough durations for a tail that means something.
const ENOUGH_DURATIONS = 100;
// A sample whose median lies further off than this was chosen by latency (tail sampling).
const BIASED_MEDIAN_RATIO = 1.5;
// Istio's default bounds in milliseconds; between two of them nothing is known of a metric's durations.
const ISTIO_BOUNDS_MS = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000];
/** A side that saw nothing. */
export const NO_SIDE: LedgerSide = { calls: 0, failed: 0, degraded: 0, cancelled: 0, ns: 0, histogram: [] };

type SideName = "caller" | "callee";

/** Chooses what is believed of one edge; [] gives a ledger of zeros without a basis. */
export function chooseLedger(rows: readonly LedgerRow[]): ChosenLedger {
  const bySource = LEDGER_SOURCES.flatMap((source) => {
    const own = rows.filter((row) => row.source === source);
    return own.length === 0 ? [] : [own.reduce(addRows)];
  });
  const callerBasis = basisOf(bySource, "caller");
  const calleeBasis = basisOf(bySource, "callee");
  const callerLatency = latencyOf(bySource, "caller", callerBasis);
  const calleeLatency = latencyOf(bySource, "callee", calleeBasis);
  const main = callerBasis ?? calleeBasis;
  const gap = callerLatency ?? calleeLatency;
  return {
    caller: chosenSide(callerBasis, callerLatency, "caller"),
    callee: chosenSide(calleeBasis, calleeLatency, "callee"),
    callerBasis: callerBasis?.source ?? null,
    calleeBasis: calleeBasis?.source ?? null,
    latencyBasis: (calleeLatency ?? callerLatency)?.source ?? null,
    latencyRelativeError: greaterError(callerLatency, calleeLatency),
    samplingRatio: samplingRatioOf(bySource, callerBasis === null ? "callee" : "caller", main),
    neverArrived: callerBasis?.neverArrived ?? 0,
    originFailed: callerBasis?.originFailed ?? 0,
    gapNs: gap?.gapNs ?? 0,
    proxyNs: gap?.proxyNs ?? 0,
    gapCalls: gap === null || gap.gapNs === 0 ? 0 : gap.caller.calls,
    retries: telling(bySource, main, (row) => row.retries)?.retries ?? 0,
    ...bytesOf(telling(bySource, main, (row) => row.requestBytes + row.responseBytes)),
    ...securityOf(telling(bySource, main, (row) => row.securedCalls + row.plainCalls)),
    flags: telling(bySource, main, flagCount)?.flags ?? {},
  };
}

/** Calls of a side that ended well. */
function successes(side: LedgerSide): number {
  return side.calls - side.failed - side.degraded - side.cancelled;
}

/** The row whose counts of a side are believed. Rows come in the order of preference. */
function basisOf(rows: readonly LedgerRow[], side: SideName): LedgerRow | null {
  const seen = rows.filter((row) => row[side].calls > 0);
  // One failure in fifty is within the tolerance: then a source of failures alone has seen nearly all.
  const withSuccess = seen.some((row) => successes(row[side]) > LEDGER_TOLERANCE * row[side].calls);
  const whole = withSuccess ? seen.filter((row) => successes(row[side]) > 0) : seen;
  const most = Math.max(...whole.map((row) => row[side].calls));
  return whole.find((row) => row[side].calls >= (1 - LEDGER_TOLERANCE) * most) ?? null;
}

/** The row whose durations of a side are believed: the finest that has enough and is not a biased sample, else the one with most. */
function latencyOf(rows: readonly LedgerRow[], side: SideName, basis: LedgerRow | null): LedgerRow | null {
  const timed = rows.filter((row) => histogramCount(row[side].histogram) > 0);
  const most = Math.max(...timed.map((row) => histogramCount(row[side].histogram)));
  const enough = Math.min(ENOUGH_DURATIONS, (1 - LEDGER_TOLERANCE) * most);
  const good = timed.find(
    (row) => histogramCount(row[side].histogram) >= enough && !isBiased(row[side], basis?.[side] ?? NO_SIDE),
  );
  return good ?? timed.find((row) => histogramCount(row[side].histogram) === most) ?? null;
}

/** Whether a sample was taken by outcome or by latency rather than by chance. */
function isBiased(sample: LedgerSide, whole: LedgerSide): boolean {
  if (sample.calls === 0 || sample.calls >= (1 - LEDGER_TOLERANCE) * whole.calls) return false;
  const expected = whole.failed / whole.calls;
  const spread = 3 * Math.sqrt((expected * (1 - expected)) / sample.calls);
  if (Math.abs(sample.failed / sample.calls - expected) > LEDGER_TOLERANCE + spread) return true;
  const [own, other] = [quantileMs(sample.histogram, 0.5), quantileMs(whole.histogram, 0.5)];
  if (own === null || other === null || own === 0 || other === 0) return false;
  const allowed = BIASED_MEDIAN_RATIO * (1 + (spreadError(whole.histogram) ?? 0));
  return Math.max(own / other, other / own) > allowed;
}

function chosenSide(basis: LedgerRow | null, latency: LedgerRow | null, side: SideName): LedgerSide {
  const { calls, failed, degraded, cancelled } = basis?.[side] ?? NO_SIDE;
  const { ns, histogram } = latency?.[side] ?? NO_SIDE;
  return { calls, failed, degraded, cancelled, ns, histogram };
}

function greaterError(caller: LedgerRow | null, callee: LedgerRow | null): number | null {
  const errors = [errorOf(caller, "caller"), errorOf(callee, "callee")].filter((error) => error !== undefined);
  if (errors.length === 0 || errors.includes(null)) return null;
  return Math.max(...errors.map((error) => error ?? 0));
}

function errorOf(row: LedgerRow | null, side: SideName): number | null | undefined {
  if (row === null) return undefined;
  return row.source === "metrics" ? spreadError(row[side].histogram) : widthError(HISTOGRAM_GROWTH);
}

/** Error of a bucket's middle against its bounds, relative to the true value, for bounds a ratio apart. */
function widthError(ratio: number): number {
  return (ratio - 1) / (ratio + 1);
}

/** The widest error of the Istio buckets that hold the median and the 95th and 99th percentile; null when empty or beyond the last. */
function spreadError(histogram: readonly number[]): number | null {
  let widest: number | null = null;
  for (const q of [0.5, 0.95, 0.99]) {
    const at = quantileMs(histogram, q);
    const index = at === null ? -1 : ISTIO_BOUNDS_MS.findIndex((bound) => at <= bound);
    const upper = ISTIO_BOUNDS_MS[index];
    if (upper === undefined) return null;
    const lower = ISTIO_BOUNDS_MS[index - 1] ?? 0;
    widest = Math.max(widest ?? 0, (upper - lower) / (upper + lower));
  }
  return widest;
}

function samplingRatioOf(rows: readonly LedgerRow[], side: SideName, basis: LedgerRow | null): number | null {
  const spans = rows.find((row) => row.source === "spans");
  if (spans === undefined || basis === null || rows.length < 2) return null;
  return spans[side].calls / basis[side].calls;
}

/** The basis where it tells of something, else the row that tells most. */
function telling(
  rows: readonly LedgerRow[],
  basis: LedgerRow | null,
  amount: (row: LedgerRow) => number,
): LedgerRow | null {
  if (basis !== null && amount(basis) > 0) return basis;
  const most = Math.max(0, ...rows.map(amount));
  return rows.find((row) => most > 0 && amount(row) === most) ?? null;
}

function flagCount(row: LedgerRow): number {
  return Object.values(row.flags).reduce((sum, count) => sum + count, 0);
}

function bytesOf(row: LedgerRow | null): Pick<LedgerExtras, "requestBytes" | "responseBytes"> {
  return { requestBytes: row?.requestBytes ?? 0, responseBytes: row?.responseBytes ?? 0 };
}

function securityOf(row: LedgerRow | null): Pick<LedgerExtras, "securedCalls" | "plainCalls"> {
  return { securedCalls: row?.securedCalls ?? 0, plainCalls: row?.plainCalls ?? 0 };
}

function addSides(a: LedgerSide, b: LedgerSide): LedgerSide {
  return {
    calls: a.calls + b.calls,
    failed: a.failed + b.failed,
    degraded: a.degraded + b.degraded,
    cancelled: a.cancelled + b.cancelled,
    ns: a.ns + b.ns,
    histogram: addHistogram([...a.histogram], b.histogram),
  };
}

/** Adds two rows of one source. */
function addRows(a: LedgerRow, b: LedgerRow): LedgerRow {
  const flags: Record<string, number> = { ...a.flags };
  for (const [flag, count] of Object.entries(b.flags)) flags[flag] = (flags[flag] ?? 0) + count;
  return {
    source: a.source,
    caller: addSides(a.caller, b.caller),
    callee: addSides(a.callee, b.callee),
    neverArrived: a.neverArrived + b.neverArrived,
    originFailed: a.originFailed + b.originFailed,
    gapNs: a.gapNs + b.gapNs,
    proxyNs: a.proxyNs + b.proxyNs,
    retries: a.retries + b.retries,
    requestBytes: a.requestBytes + b.requestBytes,
    responseBytes: a.responseBytes + b.responseBytes,
    securedCalls: a.securedCalls + b.securedCalls,
    plainCalls: a.plainCalls + b.plainCalls,
    flags,
  };
}
