// One figure of one series against its baseline: failures and latency, each with a p-value, an effect, and what stopped it.
// In: requests, failures and durations of a bucket or window, the baseline. Out: a judgement, also where nothing deviates.
// Bounds: pure; too few requests or too small an effect is no anomaly, however small its p-value.
// Method: the failures, and the requests slower than the baseline's median, p90, p99 and p99.9, are compared with the baseline's ratios. The
//   p-value is the larger of two: a Chernoff bound on the binomial tail after correcting for overdispersion between buckets, and the tail
//   where the ratio itself wanders (drift.ts). The first knows bursts within a bucket, the second series that were never steady.
import { quantileIndex, quantileMs, tailAbove } from "../model/histogram.ts";
import type { Indicator } from "../model/localization.ts";
import type { Baseline } from "./baseline.ts";
import { averagedSpread, driftTailLog10, spreadOf } from "./drift.ts";
import type { Point } from "./history.ts";
import { dispersion, effectiveSize, upperTailLog10 } from "./statistics.ts";

/** Limits of the detectors; every effect must pass its own before a p-value counts. */
export const DETECT_LIMITS = {
  minCalls: 15,
  minFailed: 3,
  minErrorRatioRise: 0.02,
  errorDispersionFloor: 0.002,
  latencyDispersionFloor: 0.01,
  /** Requests of a latency test that must lie above the quantile. */
  minSlow: 3,
  /** A p-value above 10^this says nothing. */
  maxLog10P: -1,
  /**
   * The least ratio and rise (ms) of each tested quantile, and the least share of requests above it beyond the usual. The last one asks for
   * requests slower than nearly any before: a few in a hundred that hang are no drift of the p99, and need not be half of all to be harm.
   */
  latency: [
    { quantile: 0.5, minRatio: 1.3, minRiseMs: 3, minShare: 0 },
    { quantile: 0.9, minRatio: 1.5, minRiseMs: 10, minShare: 0 },
    { quantile: 0.99, minRatio: 2, minRiseMs: 40, minShare: 0 },
    { quantile: 0.999, minRatio: 3, minRiseMs: 100, minShare: 0.02 },
  ],
} as const;

/** Which condition was not met; null: all were, it is an anomaly. */
export type Gate = "TOO_FEW_HITS" | "EFFECT_TOO_SMALL" | "NOT_SIGNIFICANT";

/** A figure that was compared; `log10P` ≤ 0 (0 where the p-value was not worked out), `observed` and `expected` in `unit`. */
export interface Judgement {
  readonly indicator: Indicator;
  readonly log10P: number;
  readonly observed: number;
  readonly expected: number;
  readonly unit: "ratio" | "ms";
  /** Which quantile deviates, for LATENCY; null otherwise. */
  readonly quantile: number | null;
  /** Number of requests beyond what the baseline leads to expect. */
  readonly excessCalls: number;
  readonly stoppedBy: Gate | null;
}

/**
 * How alike the requests of one window are, at the least (few requests of a quiet service are often one user's), and over how many buckets
 * their wandering averages out; 1 where it is not given.
 */
export interface Alikeness {
  readonly errors: number;
  readonly latency: number;
  readonly buckets?: number;
}

/** How alike the requests of ten seconds are, at the least. */
export const BUCKET_ALIKENESS: Alikeness = {
  errors: DETECT_LIMITS.errorDispersionFloor,
  latency: DETECT_LIMITS.latencyDispersionFloor,
};

interface Counted {
  readonly hits: number;
  readonly trials: number;
}

function pValue(
  { hits, trials: calls }: Counted,
  expected: number,
  past: readonly Counted[],
  floor: number,
  buckets = 1,
): number {
  const size = effectiveSize(calls, dispersion(past, floor));
  const byChance = upperTailLog10((hits / calls) * size, size, expected);
  // Most are stopped here; the second p-value costs more.
  if (byChance >= DETECT_LIMITS.maxLog10P) return byChance;
  const least = effectiveSize(calls, floor);
  const spread = averagedSpread(spreadOf(past), buckets, past.length);
  return Math.max(byChance, driftTailLog10((hits / calls) * least, least, expected, spread));
}

// One client that asks for what is not there refuses nobody else: refusals must rise more than failures.
const MIN_REFUSED = 8;
const MIN_REFUSED_RISE = 0.05;

/**
 * Refused requests (4xx and alike) against the baseline's, judged as failures are but for a larger effect: who is refused by a policy, a limit
 * or a missing route does not fail, and yet does not get what he asked for.
 */
export function judgeRefusals(point: Point, baseline: Baseline): Judgement {
  const past = baseline.points.map((p) => ({ ...p, failed: p.refused ?? 0 }));
  const usual = { ...baseline, points: past, failed: past.reduce((sum, p) => sum + p.failed, 0) };
  const refused = point.refused ?? 0;
  const judged = judgeErrors({ ...point, failed: refused }, usual);
  if (judged.stoppedBy !== null) return judged;
  if (refused < MIN_REFUSED) return { ...judged, stoppedBy: "TOO_FEW_HITS" };
  return judged.observed - judged.expected < MIN_REFUSED_RISE ? { ...judged, stoppedBy: "EFFECT_TOO_SMALL" } : judged;
}

/** Failures against the baseline's. */
export function judgeErrors(point: Point, baseline: Baseline, alike: Alikeness = BUCKET_ALIKENESS): Judgement {
  const expected = (baseline.failed + 0.5) / (baseline.calls + 1);
  const observed = point.calls === 0 ? 0 : point.failed / point.calls;
  const judgement = {
    indicator: "ERRORS" as const,
    log10P: 0,
    observed,
    expected: baseline.failed / baseline.calls,
    unit: "ratio" as const,
    quantile: null,
    excessCalls: point.failed - expected * point.calls,
  };
  if (observed - expected < DETECT_LIMITS.minErrorRatioRise) return { ...judgement, stoppedBy: "EFFECT_TOO_SMALL" };
  if (point.failed < DETECT_LIMITS.minFailed) return { ...judgement, stoppedBy: "TOO_FEW_HITS" };
  const past = baseline.points.map((p) => ({ hits: p.failed, trials: p.calls }));
  const log10P = pValue({ hits: point.failed, trials: point.calls }, expected, past, alike.errors, alike.buckets);
  return { ...judgement, log10P, stoppedBy: log10P < DETECT_LIMITS.maxLog10P ? null : "NOT_SIGNIFICANT" };
}

const GATE_ORDER: readonly (Gate | null)[] = ["EFFECT_TOO_SMALL", "TOO_FEW_HITS", "NOT_SIGNIFICANT", null];

/** Latency against the baseline's: of the tested quantiles the one that deviates most. */
export function judgeLatency(point: Point, baseline: Baseline, alike: Alikeness = BUCKET_ALIKENESS): Judgement {
  let best: Judgement | null = null;
  for (const tested of DETECT_LIMITS.latency) {
    const found = judgeQuantile(point, baseline, alike, tested);
    const further = best === null ? 1 : GATE_ORDER.indexOf(found.stoppedBy) - GATE_ORDER.indexOf(best.stoppedBy);
    if (best === null || further > 0 || (further === 0 && found.log10P < best.log10P)) best = found;
  }
  return best!;
}

function judgeQuantile(
  point: Point,
  baseline: Baseline,
  alike: Alikeness,
  { quantile, minRatio, minRiseMs, minShare }: (typeof DETECT_LIMITS.latency)[number],
): Judgement {
  const expected = quantileMs(baseline.hist, quantile) ?? 0;
  const observed = quantileMs(point.hist, quantile) ?? 0;
  const judgement = {
    indicator: "LATENCY" as const,
    log10P: 0,
    observed,
    expected,
    unit: "ms" as const,
    quantile,
    excessCalls: 0,
  };
  if (observed < expected * minRatio || observed - expected < minRiseMs)
    return { ...judgement, stoppedBy: "EFFECT_TOO_SMALL" };
  const index = quantileIndex(baseline.hist, baseline.calls, quantile);
  const slow = tailAbove(point.hist, index);
  if (slow < DETECT_LIMITS.minSlow) return { ...judgement, stoppedBy: "TOO_FEW_HITS" };
  const tail = (tailAbove(baseline.hist, index) + 0.5) / (baseline.calls + 1);
  if (slow / point.calls - tail < minShare) return { ...judgement, stoppedBy: "EFFECT_TOO_SMALL" };
  const past = baseline.points.map((p) => ({ hits: tailAbove(p.hist, index), trials: p.calls }));
  const p = pValue({ hits: slow, trials: point.calls }, tail, past, alike.latency, alike.buckets);
  // Several quantiles are tried: Bonferroni.
  const log10P = Math.min(0, p + Math.log10(DETECT_LIMITS.latency.length));
  const stoppedBy = log10P < DETECT_LIMITS.maxLog10P ? null : "NOT_SIGNIFICANT";
  return { ...judgement, log10P, excessCalls: slow - tail * point.calls, stoppedBy };
}
