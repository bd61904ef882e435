// Which series of a bucket are not as they were: failures and latency, each with a p-value and an effect.
// In: the history, the bucket, the baselines. Out: anomalies, strongest first; never a bare boolean.
// Bounds: one pass over the series; the tests, their effects and p-values are those of judge.ts, of few requests those of windows.ts.
import type { Indicator } from "../model/localization.ts";
import type { Entity } from "../model/entity.ts";
import type { Baseline, IsTainted } from "./baseline.ts";
import type { History, Point, Series } from "./history.ts";
import { DETECT_LIMITS, type Judgement, judgeErrors, judgeLatency, judgeRefusals } from "./judge.ts";
import { judgeSustained, judgeWindows } from "./windows.ts";

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
  /** "ratio" (0..1) for ERRORS, "ms" for LATENCY, "requests" (in the window) for TRAFFIC; for SATURATION as the metric. */
  readonly unit: "ratio" | "ms" | "requests" | "restarts" | "messages";
  /** Which quantile deviates, for LATENCY; null otherwise. */
  readonly quantile: number | null;
  readonly calls: number;
  /** Number of requests beyond what the baseline leads to expect. */
  readonly excessCalls: number;
  /** Length of the window that was judged, where it is longer than a bucket, and the bucket in which the deviation began in it. */
  readonly windowSeconds?: number;
  readonly since?: number;
  /** log10 of the p-value of the newest bucket alone, where that had enough requests to be judged by itself. */
  readonly alone?: number;
  /**
   * For TRAFFIC and SATURATION: buckets in a row after which it is a fault by itself; null: never, it only accompanies harm. Absent for the
   * others: strength alone decides.
   */
  readonly opensAfter?: number | null;
  /** The platform's or broker's metric that is high, for SATURATION. */
  readonly metric?: string;
  /** The objective whose error budget burns, and how many times too fast. */
  readonly objective?: { readonly name: string; readonly burnRate: number };
  /** True for a surge of traffic: it may have caused the harm, or hide what did. */
  readonly isConfounder?: boolean;
}

/** What is said of one point's failures, or refusals where they say more, and of its latency; nothing of too few requests. */
function judgePoint(point: Point, baseline: Baseline): Judgement[] {
  if (point.calls < DETECT_LIMITS.minCalls) return [];
  const failures = judgeErrors(point, baseline);
  const refusals = (point.refused ?? 0) > 0 ? judgeRefusals(point, baseline) : failures;
  const isWorse = refusals.stoppedBy === null && (failures.stoppedBy !== null || refusals.log10P < failures.log10P);
  return [isWorse ? refusals : failures, judgeLatency(point, baseline)];
}

/** The deviations of one point from a baseline: failures and latency, where effect and p-value allow; empty when normal. */
export function comparePoint(point: Point, baseline: Baseline): Judgement[] {
  return judgePoint(point, baseline).filter((found) => found.stoppedBy === null);
}

// A bucket that is this unlikely opens an incident in any mesh; its windows need not be looked at.
const BEYOND_DOUBT_LOG10 = -12;

/** What one series shows in one bucket, and whether it could be judged at all. */
function detectSeries(
  series: Series,
  bucket: number,
  baseline: Baseline,
  isTainted: IsTainted,
): { found: Anomaly[]; isJudged: boolean } {
  const point = series.points.get(bucket);
  if (point === undefined) return { found: [], isJudged: false };
  const { key, entity, from, to } = series;
  const about = { seriesKey: key, entity, from, to, bucket };
  const anomaly = (judgement: Judgement & { alone?: number }, calls: number): Anomaly => {
    const { stoppedBy: _, ...found } = judgement;
    return { ...about, calls, ...found };
  };
  if (point.calls >= DETECT_LIMITS.minCalls) {
    const found = judgePoint(point, baseline).flatMap((one) => {
      const mayLast = (one.stoppedBy ?? "NOT_SIGNIFICANT") === "NOT_SIGNIFICANT" && one.log10P > BEYOND_DOUBT_LOG10;
      const lasting = mayLast ? judgeSustained(series, bucket, baseline, isTainted, one) : null;
      if (lasting !== null) return [anomaly({ ...lasting, alone: one.log10P }, lasting.calls)];
      return one.stoppedBy === null ? [anomaly(one, point.calls)] : [];
    });
    return { found, isJudged: true };
  }
  const windows = judgeWindows(series, bucket, baseline, isTainted);
  return { found: windows.found.map((one) => anomaly(one, one.calls)), isJudged: windows.isJudged };
}

/**
 * The anomalies of one bucket, strongest first; the series that could be judged (a baseline is known and there were enough
 * requests, in the bucket or in its longer windows); and how many tests were made (for the correction of many tests).
 */
export function detectBucket(
  history: History,
  bucket: number,
  baselines: ReadonlyMap<string, Baseline>,
  isTainted: IsTainted = () => false,
): { anomalies: Anomaly[]; judged: Set<string>; tests: number } {
  const anomalies: Anomaly[] = [];
  const judged = new Set<string>();
  for (const [key, baseline] of baselines) {
    const series = history.series.get(key);
    if (series === undefined) continue;
    const { found, isJudged } = detectSeries(series, bucket, baseline, isTainted);
    anomalies.push(...found);
    if (isJudged) judged.add(key);
  }
  anomalies.sort((a, b) => a.log10P - b.log10P || (a.seriesKey < b.seriesKey ? -1 : 1));
  return { anomalies, judged, tests: baselines.size * 2 };
}

/** log10 of the corrected p-values that open an incident at once, and with a second bucket. */
export const STRONG_LOG10 = -4;
const MODERATE_LOG10 = -2;

/** Strength of an anomaly after correcting for `tests` (Bonferroni): strong opens alone, moderate needs a second bucket. */
export function strengthOf(anomaly: Anomaly, tests: number): "strong" | "moderate" | "weak" {
  const corrected = anomaly.log10P + Math.log10(Math.max(1, tests));
  if (corrected <= STRONG_LOG10) return "strong";
  return corrected <= MODERATE_LOG10 ? "moderate" : "weak";
}
