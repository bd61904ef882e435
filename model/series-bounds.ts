// The latency buckets of the Collector's connectors (servicegraph and spanmetrics alike), and our histogram spread over them.
// In: counts of the 96 buckets of model/histogram.ts. Out: counts of the 17 buckets that a scrape shows.
// Bounds: a bucket of ours that a bound cuts (14 % wide) is divided by the logarithm; whole numbers, whose sum is exact.
import { bucketLowerMs, histogramCount } from "./histogram.ts";

/** Upper bounds in milliseconds, inclusive; the last bucket has none. Source: servicegraphconnector and spanmetricsconnector, defaults. */
export const SERIES_BOUNDS_MS = [
  2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000,
] as const;

/** Counts of the buckets that SERIES_BOUNDS_MS bound, one more than bounds; the sum is the histogram's. */
export function spreadOverBounds(histogram: readonly number[]): number[] {
  const total = histogramCount(histogram);
  const atMost = SERIES_BOUNDS_MS.map((bound) => Math.round(countBelow(histogram, bound)));
  return [...atMost, total].map((count, i) => count - (i === 0 ? 0 : (atMost[i - 1] ?? 0)));
}

function countBelow(histogram: readonly number[], boundMs: number): number {
  let count = 0;
  for (const [i, inBucket] of histogram.entries()) {
    const lower = bucketLowerMs(i);
    // The last bucket has no upper bound and lies above all of ours.
    const upper = i === histogram.length - 1 ? Infinity : bucketLowerMs(i + 1);
    if (upper <= boundMs) count += inBucket;
    else if (lower < boundMs && lower > 0) count += (inBucket * Math.log(boundMs / lower)) / Math.log(upper / lower);
  }
  return count;
}
