// What is normal for a series just now: its recent clean buckets, summed.
// In: a series, the bucket under test, and which buckets are tainted. What another source told teaches nothing. Out: a baseline, or null when too little is known.
// Bounds: the last `maxBuckets` clean buckets before the one under test; at least MIN_BUCKETS of them and MIN_CALLS requests.
//   A fault that outlasts the history is compared with what was clean before it, for at most MAX_AGE_SECONDS.
import { addHistogram } from "../model/histogram.ts";
import type { History, Point, Series } from "./history.ts";

// Fewest clean buckets that make a baseline (30 s).
const MIN_BUCKETS = 3;
const MIN_CALLS = 30;
// A quiet series is taught by as many requests as a busy one, over a longer time; so is the window of windows.ts.
const QUIET_CALLS = 15;
const QUIET_TAUGHT_CALLS = 450;
// What has lasted a day is normal.
const MAX_AGE_SECONDS = 86_400;

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

/** The baseline of a series from the buckets `known`, newest first; null when fewer than three clean ones or 30 requests are known. */
function learnBaseline(
  series: Series,
  bucket: number,
  known: readonly number[],
  isTainted: IsTainted,
  maxBuckets: number,
): Baseline | null {
  const teaches = isToldAlike(series, bucket);
  // Buckets of a start or of injected faults teach only where there are too few others: where that is how it always is.
  const usual = sumClean(
    series,
    known,
    (point, b) => teaches(point) && point.isUnusual !== true && !isTainted(series, b),
    maxBuckets,
  );
  return (
    usual ??
    (hasUnusual(series)
      ? sumClean(series, known, (point, b) => teaches(point) && !isTainted(series, b), maxBuckets)
      : null)
  );
}

/** Whether a point was told by the same source as that of the bucket: where a mesh's metrics begin or end, all counts change and nothing is wrong. */
export function isToldAlike(series: Series, bucket: number): (point: Point) => boolean {
  const source = series.points.get(bucket)?.source;
  return (point) => point.source === source;
}

function hasUnusual(series: Series): boolean {
  for (const point of series.points.values()) if (point.isUnusual === true) return true;
  return false;
}

function sumClean(
  series: Series,
  known: readonly number[],
  isTaught: (point: Point, bucket: number) => boolean,
  maxBuckets: number,
): Baseline | null {
  const buckets: number[] = [];
  const points: Point[] = [];
  let calls = 0;
  let failed = 0;
  for (const b of known) {
    const isEnough = calls >= QUIET_CALLS * buckets.length || calls >= QUIET_TAUGHT_CALLS;
    if (buckets.length >= maxBuckets && isEnough) break;
    const point = series.points.get(b);
    if (point === undefined || point.calls === 0 || !isTaught(point, b)) continue;
    buckets.push(b);
    points.push(point);
    calls += point.calls;
    failed += point.failed;
  }
  if (buckets.length < MIN_BUCKETS || calls < MIN_CALLS) return null;
  const summed = sumHistograms(points, lastSummed.get(series));
  lastSummed.set(series, summed);
  return { buckets, points, calls, failed, hist: summed.hist };
}

interface Summed {
  readonly points: readonly Point[];
  readonly hist: readonly number[];
  /** True where all counts are whole, so that what is taken off again leaves no rest. */
  readonly isWhole: boolean;
}

const lastSummed = new WeakMap<Series, Summed>();

/**
 * The sum of the points' histograms, newest first. From one bucket to the next a baseline gains a point or two and loses as many, so the sum of
 * before is taken on: the histograms of all points are most of the memory that the analysis would have to look at.
 */
function sumHistograms(points: readonly Point[], last: Summed | undefined): Summed {
  const fresh = last === undefined ? -1 : points.indexOf(last.points[0]!);
  const kept = points.length - fresh;
  const goesOn =
    last !== undefined &&
    last.isWhole &&
    fresh !== -1 &&
    kept <= last.points.length &&
    fresh + last.points.length - kept < kept &&
    last.points.every((point, i) => i >= kept || point === points[fresh + i]);
  const hist = goesOn ? [...last.hist] : [];
  const added = goesOn ? points.slice(0, fresh) : points;
  for (const point of added) addHistogram(hist, point.hist);
  for (const point of goesOn ? last.points.slice(kept) : []) {
    for (let i = 0; i < point.hist.length; i++) hist[i]! -= point.hist[i]!;
  }
  const isWhole = added.every((point) => point.hist.every(Number.isInteger));
  return { points, hist, isWhole };
}

// The richest baseline since a series was last clean. Without it a fault would become normal when the history has passed it.
const remembered = new WeakMap<Series, Baseline>();

function isStillTrue(past: Baseline, series: Series, bucket: number, isTainted: IsTainted): boolean {
  const newest = past.buckets[0]!;
  if (past.points[0]!.source !== series.points.get(bucket)?.source) return false;
  if (newest >= bucket || bucket - newest > MAX_AGE_SECONDS) return false;
  // Late data may have replaced or tainted a point; one that is no longer in the history cannot change.
  return past.buckets.every((b, i) => {
    const point = series.points.get(b);
    return point === undefined || (point === past.points[i] && !isTainted(series, b));
  });
}

/** What was learned now, or the past baseline where it knows more and nothing clean has come since. */
function recallBaseline(
  series: Series,
  learned: Baseline | null,
  bucket: number,
  isTainted: IsTainted,
): Baseline | null {
  const past = remembered.get(series);
  if (past !== undefined && (learned === null || learned.buckets.length < past.buckets.length)) {
    const isNewer = learned !== null && learned.buckets[0]! > past.buckets[0]!;
    if (!isNewer && isStillTrue(past, series, bucket, isTainted)) return past;
  }
  if (learned === null) remembered.delete(series);
  else remembered.set(series, learned);
  return learned;
}

/** Baselines of every series that has a point in `bucket`, by series key; series without enough past are absent. */
export function learnBaselines(
  history: History,
  bucket: number,
  isTainted: IsTainted,
  maxBuckets: number,
): Map<string, Baseline> {
  const baselines = new Map<string, Baseline>();
  const known = [...history.buckets].filter((b) => b < bucket).sort((a, b) => b - a);
  for (const series of history.series.values()) {
    if (!series.points.has(bucket)) continue;
    const learned = learnBaseline(series, bucket, known, isTainted, maxBuckets);
    const baseline = recallBaseline(series, learned, bucket, isTainted);
    if (baseline !== null) baselines.set(series.key, baseline);
  }
  return baselines;
}
