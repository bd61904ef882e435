// The latency histogram that adds up: 96 logarithmic buckets over 0.2 ms .. 62 s.
// In: durations in nanoseconds, or counts read from storage. Out: quantiles in milliseconds.
// Bounds: relative error ≤ sqrt(GROWTH) - 1 = 7 % inside the range; the first bucket holds all below 0.2 ms, the last all above 62 s.

/** Number of buckets in every stored histogram. */
export const HISTOGRAM_BUCKETS = 96;
/** Upper bound of bucket 0, nanoseconds. `storage/queries` and migrations use the same two numbers. */
export const HISTOGRAM_FLOOR_NS = 200_000;
/** Ratio of neighbouring bucket bounds. */
export const HISTOGRAM_GROWTH = 1.144;

const LOG_GROWTH = Math.log(HISTOGRAM_GROWTH);

/** Bucket index of a duration in nanoseconds. */
export function bucketOf(durationNs: number): number {
  if (!(durationNs >= HISTOGRAM_FLOOR_NS)) return 0;
  const index = Math.floor(Math.log(durationNs / HISTOGRAM_FLOOR_NS) / LOG_GROWTH) + 1;
  return Math.min(HISTOGRAM_BUCKETS - 1, index);
}

/** Lower bound of a bucket in milliseconds. */
export function bucketLowerMs(index: number): number {
  return index <= 0 ? 0 : (HISTOGRAM_FLOOR_NS / 1e6) * HISTOGRAM_GROWTH ** (index - 1);
}

/** Adds `more` into `total` and returns `total`; a missing or short array counts as zeros. */
export function addHistogram(total: number[], more: readonly number[]): number[] {
  for (let i = 0; i < more.length; i++) total[i] = (total[i] ?? 0) + (more[i] ?? 0);
  return total;
}

/** Number of observations in a histogram. */
export function histogramCount(counts: readonly number[]): number {
  let sum = 0;
  for (const n of counts) sum += n;
  return sum;
}

/** Index of the bucket in which the q-quantile (0..1) of `total` observations lies. */
export function quantileIndex(counts: readonly number[], total: number, q: number): number {
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] ?? 0;
    if (seen >= q * total) return i;
  }
  return counts.length - 1;
}

/** Number of observations in the buckets above `index`. */
export function tailAbove(counts: readonly number[], index: number): number {
  let sum = 0;
  for (let i = index + 1; i < counts.length; i++) sum += counts[i] ?? 0;
  return sum;
}

/** The q-quantile (0..1) in milliseconds, geometrically interpolated inside its bucket; null when empty. */
export function quantileMs(counts: readonly number[], q: number): number | null {
  const total = histogramCount(counts);
  if (total === 0) return null;
  const wanted = Math.max(q * total, Number.MIN_VALUE);
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    const n = counts[i] ?? 0;
    if (n > 0 && seen + n >= wanted) {
      const share = (wanted - seen) / n;
      if (i === 0) return (HISTOGRAM_FLOOR_NS / 1e6) * share;
      return bucketLowerMs(i) * HISTOGRAM_GROWTH ** share;
    }
    seen += n;
  }
  return bucketLowerMs(counts.length);
}

/** The counts without those of `less`, never below 0. */
export function lessHistogram(counts: readonly number[], less: readonly number[]): number[] {
  return counts.map((count, i) => Math.max(0, count - (less[i] ?? 0)));
}

/** How people call a quantile: p50, p99, p99.9. */
export function quantileName(quantile: number): string {
  return `p${Number((quantile * 100).toFixed(1))}`;
}
