// What each detector saw of one service in one bucket, and which condition decided, in words.
// In: the history around the bucket and what was detected in it. Out: checks of model/incident-check.ts.
// Bounds: pure; four checks a service, and one a deviating edge of it.
import { quantileName } from "../model/histogram.ts";
import type { CheckVerdict, IndicatorCheck } from "../model/incident-check.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { Baseline } from "./baseline.ts";
import { type Anomaly, STRONG_LOG10, strengthOf } from "./detect.ts";
import type { Detected } from "./detectors.ts";
import type { History, Series } from "./history.ts";
import { witnessKey } from "./witness.ts";
import { DETECT_LIMITS, type Judgement, judgeErrors, judgeLatency } from "./judge.ts";
import { duration, percent } from "./localize/finding.ts";
import { SATURATION_LIMITS } from "./saturation.ts";
import { judgeRate, TRAFFIC_LIMITS } from "./traffic.ts";

/** A bucket with what was known before it; `before`: what deviated in the bucket before, by witnessKey. */
export interface World {
  readonly history: History;
  readonly bucket: number;
  readonly baselines: ReadonlyMap<string, Baseline>;
  readonly isTainted: (key: string, bucket: number) => boolean;
  readonly detected: Detected;
  readonly before: ReadonlySet<string>;
}

function inUnit(value: number, unit: string): string {
  if (unit === "ratio") return percent(value);
  return unit === "ms" ? duration(value) : `${value.toFixed(0)} ${unit}`;
}

const chance = (log10P: number): string => (log10P > -3 ? (10 ** log10P).toFixed(3) : `1e${log10P.toFixed(0)}`);

/** Whether a deviation opens an incident, and why. */
function verdictOf(world: World, anomaly: Anomaly): { verdict: CheckVerdict; sentence: string } {
  const { tests } = world.detected;
  const what = `${inUnit(anomaly.observed, anomaly.unit)} where ${inUnit(anomaly.expected, anomaly.unit)} is usual (p ${chance(anomaly.log10P)})`;
  const strength = strengthOf(anomaly, tests);
  if (anomaly.opensAfter === null) {
    const why =
      anomaly.indicator === "SATURATION"
        ? "a level alone is no harm"
        : anomaly.isConfounder === true
          ? "more requests are no harm by themselves"
          : "its callers' own traffic explains it";
    return { verdict: "SUPPORTS", sentence: `${what}: it accompanies an incident and opens none, ${why}.` };
  }
  if (strength === "weak")
    return {
      verdict: "SUPPORTS",
      sentence: `${what}: too weak among ${tests} tests, it only prolongs an open incident.`,
    };
  if (anomaly.opensAfter !== undefined) {
    const opens = strength === "strong" && anomaly.opensAfter <= 1;
    const wait = opens
      ? "it opens an incident"
      : `it opens an incident once it has lasted ${anomaly.opensAfter * BUCKET_SECONDS} s`;
    return { verdict: opens ? "OPENS" : "SUPPORTS", sentence: `${what}: ${wait}.` };
  }
  if (anomaly.windowSeconds === BUCKET_SECONDS)
    return {
      verdict: "SUPPORTS",
      sentence: `${what}: too few requests in one bucket, a longer window has to show it too.`,
    };
  if (strength === "strong")
    return { verdict: "OPENS", sentence: `${what}: strong enough to open an incident at once.` };
  if (anomaly.windowSeconds === undefined && world.before.has(witnessKey(anomaly)))
    return {
      verdict: "OPENS",
      sentence: `${what}: moderate, and the bucket before deviated as well: it opens an incident.`,
    };
  return {
    verdict: "SUPPORTS",
    sentence: `${what}: moderate among ${tests} tests, a second bucket in a row is needed.`,
  };
}

function checkOf(world: World, anomaly: Anomaly): IndicatorCheck {
  return {
    entity: anomaly.entity,
    indicator: anomaly.indicator,
    ...verdictOf(world, anomaly),
    observed: anomaly.observed,
    expected: anomaly.expected,
    effect: anomaly.observed - anomaly.expected,
    unit: anomaly.unit,
    pValue: 10 ** Math.max(-300, anomaly.log10P),
    threshold: 10 ** STRONG_LOG10 / world.detected.tests,
    requests: anomaly.calls,
    minimumRequests: anomaly.indicator === "TRAFFIC" ? TRAFFIC_LIMITS.minRequests : DETECT_LIMITS.minCalls,
    windowSeconds: anomaly.windowSeconds ?? BUCKET_SECONDS,
    baselineBuckets: world.baselines.get(anomaly.seriesKey)?.buckets.length ?? 0,
  };
}

function whyNormal(judgement: Judgement): string {
  const { indicator, unit, quantile } = judgement;
  const name = indicator === "ERRORS" ? "failures" : `${quantileName(quantile ?? 0.99)} latency`;
  const seen = `${name} ${inUnit(judgement.observed, unit)}, before ${inUnit(judgement.expected, unit)}`;
  const limits = DETECT_LIMITS.latency.find((one) => one.quantile === quantile);
  const needed =
    limits === undefined
      ? `a rise of ${percent(DETECT_LIMITS.minErrorRatioRise)} of the requests`
      : `a rise to ${limits.minRatio}× and by ${limits.minRiseMs} ms${limits.minShare > 0 ? ` for ${percent(limits.minShare)} of the requests` : ""}`;
  if (judgement.stoppedBy === "EFFECT_TOO_SMALL") return `${seen}: the effect is too small, ${needed} is needed.`;
  if (judgement.stoppedBy === "TOO_FEW_HITS") return `${seen}: fewer than ${DETECT_LIMITS.minFailed} requests show it.`;
  return `${seen}: chance and the usual variation explain it (p ${chance(judgement.log10P)}).`;
}

/** The checks of one series' failures and latency where nothing deviates. */
function checkNormal(world: World, series: Series, indicator: "ERRORS" | "LATENCY"): IndicatorCheck {
  const point = series.points.get(world.bucket);
  const baseline = world.baselines.get(series.key);
  const frame = {
    entity: series.entity,
    indicator,
    observed: null,
    expected: null,
    effect: null,
    unit: indicator === "ERRORS" ? "ratio" : "ms",
    pValue: null,
    threshold: 10 ** STRONG_LOG10 / world.detected.tests,
    requests: point?.calls ?? 0,
    minimumRequests: DETECT_LIMITS.minCalls,
    windowSeconds: BUCKET_SECONDS,
    baselineBuckets: baseline?.buckets.length ?? 0,
  };
  const notJudged = (sentence: string): IndicatorCheck => ({ ...frame, verdict: "NOT_JUDGED", sentence });
  if (point === undefined || point.calls === 0) return notJudged("No request of it was seen in this bucket.");
  if (baseline === undefined)
    return notJudged(
      "Too little is known of what is normal: three clean buckets and 30 requests before it are needed.",
    );
  const judgement = (indicator === "ERRORS" ? judgeErrors : judgeLatency)(point, baseline);
  const figures = {
    observed: judgement.observed,
    expected: judgement.expected,
    effect: judgement.observed - judgement.expected,
    pValue: judgement.log10P === 0 ? null : 10 ** Math.max(-300, judgement.log10P),
  };
  if (point.calls < DETECT_LIMITS.minCalls) {
    const judged = world.detected.judged.has(series.key);
    const sentence = `${point.calls} requests are too few for one bucket (${DETECT_LIMITS.minCalls}); over 30 s, 60 s and 5 min ${judged ? "nothing deviates" : "they are not enough either, or not clean"}.`;
    return { ...frame, ...figures, verdict: judged ? "NORMAL" : "NOT_JUDGED", sentence };
  }
  return { ...frame, ...figures, verdict: "NORMAL", sentence: whyNormal(judgement) };
}

function checkTraffic(world: World, series: Series): IndicatorCheck {
  const known = [...world.history.buckets].filter((b) => b < world.bucket).toSorted((a, b) => b - a);
  const rate = judgeRate(series, world.bucket, known, world.isTainted, null);
  const frame = {
    entity: series.entity,
    indicator: "TRAFFIC" as const,
    unit: "requests",
    threshold: 10 ** STRONG_LOG10 / world.detected.tests,
    minimumRequests: TRAFFIC_LIMITS.minRequests,
    baselineBuckets: Math.min(known.length, TRAFFIC_LIMITS.maxBuckets),
  };
  if (rate === null) {
    const sentence = `Its rate is not known well enough: two minutes, and ${TRAFFIC_LIMITS.minRequests} requests expected in five, are needed.`;
    const none = { observed: null, expected: null, effect: null, pValue: null, windowSeconds: BUCKET_SECONDS };
    return {
      ...frame,
      ...none,
      requests: series.points.get(world.bucket)?.calls ?? 0,
      verdict: "NOT_JUDGED",
      sentence,
    };
  }
  const { observed, expected, windowBuckets, log10P } = rate;
  return {
    ...frame,
    observed,
    expected,
    effect: observed - expected,
    pValue: 10 ** Math.max(-300, log10P),
    requests: observed,
    windowSeconds: windowBuckets * BUCKET_SECONDS,
    verdict: "NORMAL",
    sentence: `${observed.toFixed(0)} requests where ${expected.toFixed(0)} are usual: neither half nor double, or no more than chance.`,
  };
}

function checkSaturation(world: World, series: Series): IndicatorCheck {
  return {
    entity: series.entity,
    indicator: "SATURATION",
    verdict: "NORMAL",
    observed: null,
    expected: null,
    effect: null,
    unit: "ratio",
    pValue: null,
    threshold: 10 ** STRONG_LOG10 / world.detected.tests,
    requests: 0,
    minimumRequests: 0,
    windowSeconds: 300,
    baselineBuckets: 0,
    sentence: `No instance is known to use more than ${percent(SATURATION_LIMITS.share)} of a limit or to be behind its queue, and none was restarted ${SATURATION_LIMITS.crashRestarts} times in five minutes.`,
  };
}

/** Everything that the detectors say of one service in the bucket, its deviating edges included. */
export function checkService(world: World, series: Series): IndicatorCheck[] {
  const mine = world.detected.anomalies.filter((a) => a.from === series.to || a.to === series.to);
  const own = mine.filter((a) => a.from === a.to);
  const found = own.map((anomaly) => checkOf(world, anomaly));
  const has = (indicator: string) => own.some((a) => a.indicator === indicator);
  return [
    ...found,
    ...(has("ERRORS") ? [] : [checkNormal(world, series, "ERRORS")]),
    ...(has("LATENCY") ? [] : [checkNormal(world, series, "LATENCY")]),
    ...(has("TRAFFIC") ? [] : [checkTraffic(world, series)]),
    ...(has("SATURATION") ? [] : [checkSaturation(world, series)]),
    ...mine.filter((a) => a.from !== a.to).map((anomaly) => checkOf(world, anomaly)),
  ];
}
