// Requests that stay away, or come in floods: each service's and edge's rate against its own, and whether its callers explain it.
// In: the history, the bucket, which buckets are tainted, what is usual at this hour of day. Out: TRAFFIC anomalies; drops may open an
//   incident when they last and nothing upstream explains them, surges only accompany harm (they may have caused it, or only look so).
// Bounds: one pass; median and MAD of the logarithm over at most MODEL_BUCKETS buckets; a series with less than MIN_REQUESTS expected in
//   five minutes is not judged. Method: the likeliest joint explanation by a Poisson tail and a rate that wanders (as in drift.ts).
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import { isToldAlike } from "./baseline.ts";
import type { Anomaly } from "./detect.ts";
import { likeliestLog10, PRIOR_BUCKETS, SPREAD_PRIOR, type Spread } from "./drift.ts";
import type { History, Series } from "./history.ts";
import { WINDOWS } from "./windows.ts";
import { quantile } from "./statistics.ts";
import { witnessKey } from "./witness.ts";

/** Limits of the rate's detector. */
export const TRAFFIC_LIMITS = {
  /** Fewest buckets that teach a rate (2 min), and most of them (10 min). */
  minBuckets: 12,
  maxBuckets: 60,
  /** Requests that the window must lead to expect. */
  minRequests: 20,
  dropRatio: 0.5,
  surgeRatio: 2,
  /** Shares of the expected rate at which a drop is silence, and buckets that silence or any drop must last before it is a fault. */
  silentRatio: 0.05,
  silentBuckets: 3,
  dropBuckets: 6,
} as const;

/** What is usual for a series at this hour of day, requests in a bucket; null where the history does not reach. */
export type UsualRate = (series: Series) => number | null;

/** A series' rate: what it was, what was expected, both in the window. */
export interface RateJudgement {
  readonly observed: number;
  readonly expected: number;
  readonly windowBuckets: number;
  readonly log10P: number;
}

const median = (ascending: ArrayLike<number>): number => quantile(ascending, 0.5);

/** Median of the counts, and how their logarithm varies beyond chance (MAD); counts ascending or not. */
export function learnRate(counts: readonly number[]): { median: number; spread: Spread } {
  // Typed arrays sort by number without a comparison in JavaScript; there are thousands of series.
  const middle = median(Float64Array.from(counts).sort());
  const log = (n: number) => Math.log(n + 0.5);
  const logMiddle = log(middle);
  const mad = median(Float64Array.from(counts, (n) => Math.abs(log(n) - logMiddle)).sort());
  const excess = Math.max(0, (1.4826 * mad) ** 2 - 1 / (middle + 0.5));
  const worth = counts.length / 2;
  const variance = (PRIOR_BUCKETS * SPREAD_PRIOR.sd ** 2 + worth * excess) / (PRIOR_BUCKETS + worth);
  return { median: middle, spread: { sd: Math.sqrt(variance), df: SPREAD_PRIOR.df + worth } };
}

/** log10 of P(a count as far from `expected`) where the rate wanders; Chernoff's bound on the Poisson tail. */
export function rateTailLog10(observed: number, expected: number, spread: Spread): number {
  if (expected <= 0 || observed === expected) return 0;
  return likeliestLog10(Math.log(expected), Math.log(Math.max(observed, 0.5)), spread, (at) => {
    const rate = Math.exp(at);
    return observed === 0 ? rate : rate - observed + observed * Math.log(observed / rate);
  });
}

const callsAt = (series: Series, bucket: number): number => series.points.get(bucket)?.calls ?? 0;

/** What a series' rate is judged and tainted by. */
const rateKey = (seriesKey: string): string => witnessKey({ seriesKey, indicator: "TRAFFIC" });

/** The rate of one series in a bucket; null when too little is known. `known` are the history's buckets before it, newest first. */
export function judgeRate(
  series: Series,
  bucket: number,
  known: readonly number[],
  isTainted: (seriesKey: string, bucket: number) => boolean,
  usual: number | null,
): RateJudgement | null {
  let first = bucket;
  for (const b of series.points.keys()) first = Math.min(first, b);
  const taint = rateKey(series.key);
  const counts: number[] = [];
  // Of what told last; a source that ends with all others is silence.
  const last = [bucket, ...known].find((b) => series.points.has(b)) ?? bucket;
  const isAlike = isToldAlike(series, last);
  for (const b of known) {
    if (counts.length >= TRAFFIC_LIMITS.maxBuckets || b < first) break;
    const point = series.points.get(b);
    if (!isTainted(taint, b) && (point === undefined || isAlike(point))) counts.push(point?.calls ?? 0);
  }
  if (counts.length < TRAFFIC_LIMITS.minBuckets) return null;
  const { median: rate, spread } = learnRate(counts);
  const observedIn = (length: number): number => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += callsAt(series, bucket - i * BUCKET_SECONDS);
    return sum;
  };
  const windowBuckets = [1, ...WINDOWS].find((length) => length * rate >= TRAFFIC_LIMITS.minRequests);
  if (windowBuckets === undefined) return null;
  const observed = observedIn(windowBuckets);
  const recent = rate * windowBuckets;
  const hourly = usual === null ? recent : usual * windowBuckets;
  // What either the last minutes or the same hour of earlier days lead to expect is normal.
  const expected = observed < recent ? Math.min(recent, hourly) : Math.max(recent, hourly);
  return { observed, expected, windowBuckets, log10P: rateTailLog10(observed, expected, spread) };
}

/** Rates of one bucket: what deviates, what could be judged (by witnessKey), and how many tests were made. */
export function detectTraffic(
  history: History,
  bucket: number,
  isTainted: (seriesKey: string, bucket: number) => boolean,
  usualRate: UsualRate = () => null,
): { anomalies: Anomaly[]; judged: Set<string>; tests: number } {
  const known = [...history.buckets].filter((b) => b < bucket).toSorted((a, b) => b - a);
  const rates = new Map<string, RateJudgement>();
  for (const series of history.series.values()) {
    // An edge from unknown callers says what the service itself says.
    if (series.from.startsWith("unknown|")) continue;
    const rate = judgeRate(series, bucket, known, isTainted, usualRate(series));
    if (rate !== null) rates.set(series.key, rate);
  }
  const shares = shareByNode(history, rates);
  const anomalies: Anomaly[] = [];
  for (const [key, rate] of rates) {
    const series = history.series.get(key)!;
    const share = rate.observed / rate.expected;
    const isDrop = share <= TRAFFIC_LIMITS.dropRatio;
    if ((!isDrop && share < TRAFFIC_LIMITS.surgeRatio) || rate.log10P >= -2) continue;
    const { entity, from, to } = series;
    const about = { seriesKey: key, entity, from, to, bucket, indicator: "TRAFFIC" as const, quantile: null };
    const held = share <= TRAFFIC_LIMITS.silentRatio ? TRAFFIC_LIMITS.silentBuckets : TRAFFIC_LIMITS.dropBuckets;
    const opensAfter = isDrop && !isExplained(series, share, shares) ? held : null;
    anomalies.push({
      ...about,
      log10P: rate.log10P,
      observed: rate.observed,
      expected: rate.expected,
      unit: "requests",
      calls: Math.max(1, rate.observed),
      excessCalls: rate.observed - rate.expected,
      windowSeconds: rate.windowBuckets * BUCKET_SECONDS,
      opensAfter,
      isConfounder: !isDrop,
    });
  }
  anomalies.sort((a, b) => a.log10P - b.log10P || (a.seriesKey < b.seriesKey ? -1 : 1));
  return { anomalies, judged: new Set([...rates.keys()].map(rateKey)), tests: rates.size };
}

interface NodeShares {
  /** Observed over expected of what reaches a node, by node key. */
  readonly inbound: ReadonlyMap<string, number>;
  /** What its callers' rates lead to expect of it, over what is usual, as its callers see it. */
  readonly byCallers: ReadonlyMap<string, number>;
}

function shareByNode(history: History, rates: ReadonlyMap<string, RateJudgement>): NodeShares {
  const inbound = new Map<string, number>();
  const sums = new Map<string, { observed: number; expected: number }>();
  for (const [key, { observed, expected, windowBuckets }] of rates) {
    const { from, to } = history.series.get(key)!;
    if (from === to) {
      inbound.set(to, observed / expected);
      continue;
    }
    const sum = sums.get(to) ?? { observed: 0, expected: 0 };
    sums.set(to, {
      observed: sum.observed + observed / windowBuckets,
      expected: sum.expected + expected / windowBuckets,
    });
  }
  // A broker has no requests of its own: what its producers send.
  for (const [node, { observed, expected }] of sums) {
    if (!inbound.has(node)) inbound.set(node, observed / expected);
  }
  const led = new Map<string, { explained: number; expected: number }>();
  for (const [key, { expected, windowBuckets }] of rates) {
    const { from, to } = history.series.get(key)!;
    if (from === to) continue;
    const sum = led.get(to) ?? { explained: 0, expected: 0 };
    const usual = expected / windowBuckets;
    const share = Math.min(1, inbound.get(from) ?? 1);
    led.set(to, { explained: sum.explained + usual * share, expected: sum.expected + usual });
  }
  return {
    inbound,
    byCallers: new Map([...led].map(([node, { explained, expected }]) => [node, explained / expected])),
  };
}

/** True where the callers' own traffic fell as well: what they lead to expect is less than twice what came. */
function isExplained(series: Series, share: number, shares: NodeShares): boolean {
  const led =
    series.from === series.to ? shares.byCallers.get(series.to) : Math.min(1, shares.inbound.get(series.from) ?? 1);
  return led !== undefined && led < Math.max(share * 2, TRAFFIC_LIMITS.dropRatio);
}
