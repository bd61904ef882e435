// What is normal for a series just now: its recent clean buckets, summed.
// In: a series, the bucket under test, and which buckets are tainted. Out: a baseline, or null when too little is known.
// Bounds: the last `maxBuckets` clean buckets before the one under test; at least MIN_BUCKETS of them and MIN_CALLS requests.
import { addHistogram } from "../model/histogram.ts";
import type { History, Point, Series } from "./history.ts";

// Fewest clean buckets that make a baseline (30 s).
const MIN_BUCKETS = 3;
const MIN_CALLS = 30;

/** Sums over the clean buckets; `points` are those buckets, newest first. */
export interface Baseline {
  readonly buckets: readonly number[];
  readonly points: readonly Point[];
  readonly calls: number;
  readonly failed: number;
  readonly hist: readonly number[];
}

/** Says whether a series' bucket must not teach what is normal (an anomaly, or part of an open incident). */
export type IsTainted = (series: Series, bucket: number) => boolean;

/** The baseline of a series for the test of `bucket`; null when fewer than three clean buckets or 30 requests are known. */
function learnBaseline(series: Series, bucket: number, isTainted: IsTainted, maxBuckets: number): Baseline | null {
  const known = [...series.points.keys()].filter((b) => b < bucket).sort((a, b) => b - a);
  const buckets: number[] = [];
  const points: Point[] = [];
  const hist: number[] = [];
  let calls = 0;
  let failed = 0;
  for (const b of known) {
    if (buckets.length >= maxBuckets) break;
    const point = series.points.get(b);
    if (point === undefined || point.calls === 0 || isTainted(series, b)) continue;
    buckets.push(b);
    points.push(point);
    addHistogram(hist, point.hist);
    calls += point.calls;
    failed += point.failed;
  }
  if (buckets.length < MIN_BUCKETS || calls < MIN_CALLS) return null;
  return { buckets, points, calls, failed, hist };
}

/** Baselines of every series that has a point in `bucket`, by series key; series without enough past are absent. */
export function learnBaselines(
  history: History,
  bucket: number,
  isTainted: IsTainted,
  maxBuckets: number,
): Map<string, Baseline> {
  const baselines = new Map<string, Baseline>();
  for (const series of history.series.values()) {
    if (!series.points.has(bucket)) continue;
    const baseline = learnBaseline(series, bucket, isTainted, maxBuckets);
    if (baseline !== null) baselines.set(series.key, baseline);
  }
  return baselines;
}
