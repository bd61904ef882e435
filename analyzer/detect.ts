// Which series of a bucket are not as they were: failures and latency, each with a p-value and an effect.
// In: the history, the bucket, the baselines. Out: anomalies, strongest first; never a bare boolean.
// Bounds: one pass over the series; too few requests or too small an effect is no anomaly, however small its p-value.
// Method: the bucket's failures, and its requests slower than the baseline's median, p90 and p99, are compared with the
//   baseline's ratios by a Chernoff bound on the binomial tail, after correcting for overdispersion between buckets.
import { quantileMs } from "../model/histogram.ts";
import type { Indicator } from "../model/localization.ts";
import type { Entity } from "../model/entity.ts";
import type { Baseline } from "./baseline.ts";
import type { History, Point, Series } from "./history.ts";
import { dispersion, effectiveSize, tailAbove, upperTailLog10 } from "./statistics.ts";

/** One deviating indicator of one series in one bucket; `log10P` ≤ 0, `observed` and `expected` in `unit`. */
export interface Anomaly {
  readonly seriesKey: string;
  readonly entity: Entity;
  readonly from: string;
  readonly to: string;
  readonly bucket: number;
  readonly indicator: Indicator;
  readonly log10P: number;
  readonly observed: number;
  readonly expected: number;
  /** "ratio" (0..1) for ERRORS, "ms" for LATENCY. */
  readonly unit: "ratio" | "ms";
  /** Which quantile deviates, for LATENCY; null otherwise. */
  readonly quantile: number | null;
  readonly calls: number;
  /** Number of requests beyond what the baseline leads to expect. */
  readonly excessCalls: number;
}

/** Limits of the detectors; every effect must pass its own before a p-value counts. */
export const DETECT_LIMITS = {
  minCalls: 15,
  minFailed: 3,
  minErrorRatioRise: 0.02,
  errorDispersionFloor: 0.002,
  latencyDispersionFloor: 0.01,
  /** The least ratio and rise (ms) of each tested quantile. */
  latency: [
    { quantile: 0.5, minRatio: 1.3, minRiseMs: 3 },
    { quantile: 0.9, minRatio: 1.5, minRiseMs: 10 },
    { quantile: 0.99, minRatio: 2, minRiseMs: 40 },
  ],
} as const;

function detectErrors(point: Point, baseline: Baseline) {
  const expected = (baseline.failed + 0.5) / (baseline.calls + 1);
  const observed = point.failed / point.calls;
  const { minFailed, minErrorRatioRise, errorDispersionFloor } = DETECT_LIMITS;
  if (point.failed < minFailed || observed - expected < minErrorRatioRise) return null;
  const rho = dispersion(
    baseline.points.map((p) => ({ hits: p.failed, trials: p.calls })),
    errorDispersionFloor,
  );
  const size = effectiveSize(point.calls, rho);
  return {
    indicator: "ERRORS" as const,
    log10P: upperTailLog10(observed * size, size, expected),
    observed,
    expected: baseline.failed / baseline.calls,
    unit: "ratio" as const,
    quantile: null,
    excessCalls: point.failed - expected * point.calls,
  };
}

/** Index of the histogram bucket in which the q-quantile lies. */
export function quantileIndex(counts: readonly number[], calls: number, q: number): number {
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] ?? 0;
    if (seen >= q * calls) return i;
  }
  return counts.length - 1;
}

function detectLatency(point: Point, baseline: Baseline) {
  let best: Omit<Anomaly, "seriesKey" | "entity" | "from" | "to" | "bucket" | "calls"> | null = null;
  for (const { quantile, minRatio, minRiseMs } of DETECT_LIMITS.latency) {
    const index = quantileIndex(baseline.hist, baseline.calls, quantile);
    const expected = quantileMs(baseline.hist, quantile) ?? 0;
    const observed = quantileMs(point.hist, quantile) ?? 0;
    if (observed < expected * minRatio || observed - expected < minRiseMs) continue;
    const slow = tailAbove(point.hist, index);
    if (slow < 3) continue;
    const tail = (tailAbove(baseline.hist, index) + 0.5) / (baseline.calls + 1);
    const rho = dispersion(
      baseline.points.map((p) => ({ hits: tailAbove(p.hist, index), trials: p.calls })),
      DETECT_LIMITS.latencyDispersionFloor,
    );
    const size = effectiveSize(point.calls, rho);
    // Three quantiles are tried: Bonferroni.
    const log10P = Math.min(0, upperTailLog10((slow / point.calls) * size, size, tail) + Math.log10(3));
    if (best === null || log10P < best.log10P) {
      const excessCalls = slow - tail * point.calls;
      const indicator = "LATENCY" as const;
      best = { indicator, log10P, observed, expected, unit: "ms", quantile, excessCalls };
    }
  }
  return best;
}

/** The deviations of one point from a baseline: failures and latency, where effect and p-value allow; empty when normal. */
export function comparePoint(point: Point, baseline: Baseline) {
  if (point.calls < DETECT_LIMITS.minCalls) return [];
  return [detectErrors(point, baseline), detectLatency(point, baseline)]
    .filter((found) => found !== null)
    .filter((found) => found.log10P < -1);
}

function detectSeries(series: Series, bucket: number, baseline: Baseline): Anomaly[] {
  const point = series.points.get(bucket);
  if (point === undefined) return [];
  const { key, entity, from, to } = series;
  const about = { seriesKey: key, entity, from, to, bucket, calls: point.calls };
  return comparePoint(point, baseline).map((found) => ({ ...about, ...found }));
}

/**
 * The anomalies of one bucket, strongest first; the series that could be judged (a baseline is known and there were enough
 * requests); and how many tests were made (for the correction of many tests).
 */
export function detectBucket(
  history: History,
  bucket: number,
  baselines: ReadonlyMap<string, Baseline>,
): { anomalies: Anomaly[]; judged: Set<string>; tests: number } {
  const anomalies: Anomaly[] = [];
  const judged = new Set<string>();
  for (const [key, baseline] of baselines) {
    const series = history.series.get(key);
    if (series === undefined) continue;
    anomalies.push(...detectSeries(series, bucket, baseline));
    if ((series.points.get(bucket)?.calls ?? 0) >= DETECT_LIMITS.minCalls) judged.add(key);
  }
  anomalies.sort((a, b) => a.log10P - b.log10P || (a.seriesKey < b.seriesKey ? -1 : 1));
  return { anomalies, judged, tests: baselines.size * 2 };
}

/** Strength of an anomaly after correcting for `tests` (Bonferroni): strong opens alone, moderate needs a second bucket. */
export function strengthOf(anomaly: Anomaly, tests: number): "strong" | "moderate" | "weak" {
  const corrected = anomaly.log10P + Math.log10(Math.max(1, tests));
  if (corrected <= -4) return "strong";
  return corrected <= -2 ? "moderate" : "weak";
}
