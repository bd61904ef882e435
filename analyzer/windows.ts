// What one bucket cannot decide is judged over windows of up to 5 min: series with fewer requests in a bucket than a test needs, and small
// harm to many, which no bucket shows beyond doubt and each shows again.
// In: a series, the bucket, its baseline. Out: the window's judgements with the bucket in which the deviation began; whether it can be clean.
// Bounds: pure; three windows of a quiet series, nine of a busy one that shows an effect; tests, effects and p-values are those of judge.ts.
//   A window's own buckets teach it nothing, and it does not reach back over a recovery. It speaks only where its newest bucket deviates too,
//   so that it falls silent when the fault is over.
import { addHistogram, quantileIndex, tailAbove } from "../model/histogram.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import { type Baseline, isToldAlike } from "./baseline.ts";
import type { Point, Series } from "./history.ts";
import { type Alikeness, BUCKET_ALIKENESS, DETECT_LIMITS, type Judgement, judgeErrors, judgeLatency } from "./judge.ts";
import { findOnsetSecond } from "./onset.ts";

/** The windows of quiet series, in buckets. */
export const WINDOWS = [3, 6, 30] as const;
/** Those of busy ones: close enough that one of them nearly is the time for which the harm has lasted. */
const SUSTAINED_WINDOWS = [2, 3, 4, 6, 8, 12, 16, 24, 30] as const;
/** Least requests of a window; the p-value decides, this only keeps one user's burst from being a service's fault. */
export const MIN_WINDOW_CALLS = 6;
// Requests seconds apart in a quiet service are often of one user.
const QUIET_ALIKENESS: Alikeness = { errors: 0.05, latency: 0.05 };
// So many buckets without a deviation end what came before.
const RECOVERY_BUCKETS = 3;
const MIN_BASELINE_CALLS = 20;

/** A judgement of a window; `since` is the bucket in which the deviation began, unix seconds. */
export interface WindowJudgement extends Judgement {
  readonly windowSeconds: number;
  readonly calls: number;
  readonly since: number;
}

/** What the windows of one series say: what deviates, and whether nothing does in its newest requests. */
export interface WindowFindings {
  readonly found: readonly WindowJudgement[];
  readonly isJudged: boolean;
}

interface Dated {
  readonly bucket: number;
  readonly point: Point;
}

/** Points of the last `length` buckets, newest first, not across a recovery. */
function recentPoints(
  series: Series,
  bucket: number,
  length: number,
  isTainted: (series: Series, bucket: number) => boolean,
): Dated[] {
  const recent: Dated[] = [];
  const isAlike = isToldAlike(series, bucket);
  let untainted = 0;
  for (let i = 0; i < length; i++) {
    const at = bucket - i * BUCKET_SECONDS;
    const point = series.points.get(at);
    if (point === undefined || point.calls === 0 || !isAlike(point)) continue;
    const tainted = i > 0 && isTainted(series, at);
    if (tainted && untainted >= RECOVERY_BUCKETS) break;
    untainted = tainted ? 0 : untainted + 1;
    recent.push({ bucket: at, point });
  }
  return recent;
}

function callsOf(window: readonly Dated[]): number {
  return window.reduce((sum, { point }) => sum + point.calls, 0);
}

function sumPoints(points: readonly Point[]): Point {
  const hist: number[] = [];
  let [calls, failed] = [0, 0];
  for (const point of points) {
    addHistogram(hist, point.hist);
    calls += point.calls;
    failed += point.failed;
  }
  return { calls, failed, hist };
}

function baselineBefore(baseline: Baseline, from: number): Baseline | null {
  if (baseline.buckets[0]! < from) return baseline;
  const kept = baseline.buckets.flatMap((b, i) => (b < from ? [{ b, point: baseline.points[i]! }] : []));
  const points = kept.map(({ point }) => point);
  const sum = sumPoints(points);
  return sum.calls < MIN_BASELINE_CALLS ? null : { ...sum, points, buckets: kept.map(({ b }) => b) };
}

/** The bucket in which the window's deviation began: where "as usual before, as now after" is likeliest. */
function beginOf(window: readonly Dated[], judgement: Judgement, baseline: Baseline): number {
  const index = quantileIndex(baseline.hist, baseline.calls, judgement.quantile ?? 1);
  const hitsOf = (point: Point) => (judgement.indicator === "ERRORS" ? point.failed : tailAbove(point.hist, index));
  const usual = judgement.indicator === "ERRORS" ? judgement.expected : 1 - (judgement.quantile ?? 1);
  const steps = window
    .map(({ bucket, point }) => ({ second: bucket, calls: point.calls, hits: hitsOf(point) }))
    .toReversed();
  return findOnsetSecond(steps, usual, window[0]!.bucket);
}

function isHit(point: Point, judgement: Judgement, baseline: Baseline): boolean {
  if (judgement.indicator === "ERRORS") return point.failed > 0;
  return tailAbove(point.hist, quantileIndex(baseline.hist, baseline.calls, judgement.quantile ?? 1)) > 0;
}

const JUDGES = [
  { indicator: "ERRORS", judge: judgeErrors },
  { indicator: "LATENCY", judge: judgeLatency },
] as const;

const showsNothing = (judgement: Judgement): boolean => judgement.stoppedBy === "EFFECT_TOO_SMALL";

/** Whether the newest requests, MIN_WINDOW_CALLS of them, show no effect: only then a quiet series is clean. */
function isClean(recent: readonly Dated[], baseline: Baseline): boolean {
  for (let n = 1; n <= recent.length; n++) {
    const sum = n === 1 ? recent[0]!.point : sumPoints(recent.slice(0, n).map(({ point }) => point));
    if (sum.calls < MIN_WINDOW_CALLS) continue;
    return JUDGES.every(({ judge }) => showsNothing(judge(sum, baseline)));
  }
  return false;
}

/** The judgement of one window of one indicator; null where it says nothing. */
function judgeWindow(
  window: readonly Dated[],
  judge: typeof judgeErrors,
  past: Baseline,
  alike: Alikeness,
  tried: number,
): WindowJudgement | null {
  const sum = sumPoints(window.map(({ point }) => point));
  const one = judge(sum, past, alike);
  // Bonferroni, the bucket by itself included.
  const log10P = Math.min(0, one.log10P + Math.log10(tried + 1));
  if (one.stoppedBy !== null || log10P >= DETECT_LIMITS.maxLog10P) return null;
  const windowSeconds = window[0]!.bucket - window.at(-1)!.bucket + BUCKET_SECONDS;
  return { ...one, log10P, calls: sum.calls, windowSeconds, since: beginOf(window, one, past) };
}

/** Judges a quiet series over its windows; of each indicator the window that deviates most. */
export function judgeWindows(
  series: Series,
  bucket: number,
  baseline: Baseline,
  isTainted: (series: Series, bucket: number) => boolean,
): WindowFindings {
  const now = series.points.get(bucket);
  if (now === undefined || now.calls === 0) return { found: [], isJudged: false };
  const suspects = JUDGES.filter(({ judge }) => !showsNothing(judge(now, baseline)));
  const recent = recentPoints(series, bucket, WINDOWS[WINDOWS.length - 1]!, isTainted);
  const best = new Map<string, WindowJudgement>();
  let counted = 0;
  // The bucket alone opens nothing, but it must not teach what is normal, and the run begins with it.
  for (const buckets of suspects.length > 0 ? [...WINDOWS, 1] : []) {
    const isAlone = buckets === 1;
    const window = recent.filter((one) => one.bucket > bucket - buckets * BUCKET_SECONDS);
    if (!isAlone && (window.length < 2 || window.length === counted)) continue;
    counted = window.length;
    const past = baselineBefore(baseline, window.at(-1)!.bucket);
    if (past === null || (!isAlone && callsOf(window) < MIN_WINDOW_CALLS)) continue;
    for (const { indicator, judge } of suspects) {
      const one = judgeWindow(window, judge, past, QUIET_ALIKENESS, WINDOWS.length);
      if (one === null || one.log10P >= (best.get(indicator)?.log10P ?? 0)) continue;
      // All in one bucket is one event, and that bucket alone had too few requests to be judged.
      const hit = window.filter(({ point }) => isHit(point, one, past)).length;
      if (isAlone ? best.has(indicator) : hit < 2) continue;
      best.set(indicator, { ...one, windowSeconds: buckets * BUCKET_SECONDS });
    }
  }
  return { found: [...best.values()], isJudged: best.size > 0 || isClean(recent, baseline) };
}

/**
 * Whether what shows in this bucket does so in the buckets before it as well: the window in which that is least likely by chance, where it is
 * less likely than in the bucket alone; null otherwise.
 */
export function judgeSustained(
  series: Series,
  bucket: number,
  baseline: Baseline,
  isTainted: (series: Series, bucket: number) => boolean,
  now: Judgement,
): WindowJudgement | null {
  const judge = JUDGES.find(({ indicator }) => indicator === now.indicator)!.judge;
  const recent = recentPoints(series, bucket, SUSTAINED_WINDOWS[SUSTAINED_WINDOWS.length - 1]!, isTainted);
  let best: WindowJudgement | null = null;
  for (const buckets of SUSTAINED_WINDOWS) {
    const window = recent.filter((one) => one.bucket > bucket - buckets * BUCKET_SECONDS);
    const past = window.length < buckets ? null : baselineBefore(baseline, window.at(-1)!.bucket);
    // A mean is as uncertain as the shorter of what it is taken over and what it is compared with.
    if (past === null || past.points.length < buckets) break;
    // What a burst left behind in the window is not sustained.
    const shown = window.filter(({ point }) => !showsNothing(judge(point, past))).length;
    if (2 * shown <= buckets) continue;
    const one = judgeWindow(window, judge, past, { ...BUCKET_ALIKENESS, buckets }, SUSTAINED_WINDOWS.length);
    if (one !== null && one.log10P < (best ?? now).log10P) best = one;
  }
  return best;
}
