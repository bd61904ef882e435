// The question to metrics: which windows to compare, which node shows the symptom, whether there is one at all.
// In: a request for services without spans. Out: the scene and the symptom that localize.ts explains, or why there is nothing to explain.
// Bounds: three reads, of at most MAX_POINTS points of history; windows of a minute to a quarter of an hour; at most MAX_JUDGED nodes are judged where the request names none.
import type { Indicator, LocalizeRequest } from "../../model/localization.ts";
import {
  countServiceMetricPoints,
  type MetricRange,
  readServiceCalls,
  readServiceMetrics,
  type ServiceCallRow,
  type ServiceMetricRow,
} from "../../storage/service-metrics.ts";
import type { Storage } from "../../storage/client.ts";
import { isoSeconds, unixSeconds } from "../time.ts";
import { deviationOf } from "./metric-deviation.ts";
import { buildMetricScene, type MetricNode, type MetricScene } from "./metric-scene.ts";
import { judgeSymptom, type MetricSymptom } from "./service-metrics.ts";

/** The windows of a question; window 0 begins with the range in question, which is `faultWindows` long. */
export interface MetricPlan {
  readonly range: MetricRange;
  readonly baseline: MetricRange;
  readonly lengthSeconds: number;
  readonly faultWindows: number;
}

/** What metrics answer; `window` is the part of the range in which the symptom is clearest. */
export type MetricAnswer =
  | { readonly kind: "unknown" }
  | { readonly kind: "unclear" | "normal"; readonly reason: string; readonly baseline: MetricRange }
  | {
      readonly kind: "fault";
      readonly scene: MetricScene;
      readonly symptom: MetricSymptom;
      readonly window: MetricRange;
      readonly baseline: MetricRange;
    };

// A window of a quarter of an hour holds three points of the slowest usual reporters; shorter than a minute holds none.
const MIN_LENGTH_SECONDS = 60;
const MAX_LENGTH_SECONDS = 900;
// Windows to compare with, where the baseline is long enough for them.
const WANTED_WINDOWS = 12;
const DEFAULT_BASELINE_SECONDS = 86_400;
const MAX_JUDGED = 50;
// About three seconds of the database's CPU; thousands of services with points every few seconds have them in an hour.
const MAX_POINTS = 1_000_000;
// A day of the longest windows; a longer range is cut into longer ones.
const MAX_FAULT_WINDOWS = 96;
// As for spans on demand: one window in a hundred of quiet ones may deviate by chance, and who asks has a reason to.
const SYMPTOM_LOG10P = -2;

/** Chooses windows of equal length: the range in as few as possible, the baseline in as many as a history needs. */
export function planWindows(request: Pick<LocalizeRequest, "range" | "baseline">): MetricPlan {
  const range = { from: unixSeconds(request.range.from), to: unixSeconds(request.range.to) };
  const asked = request.baseline;
  const given =
    asked === null
      ? { from: range.from - DEFAULT_BASELINE_SECONDS, to: range.from }
      : { from: unixSeconds(asked.from), to: unixSeconds(asked.to) };
  // What is in question is not usual.
  const isAfter = given.from >= range.from;
  const baseline = isAfter
    ? { from: Math.max(given.from, Math.min(range.to, given.to)), to: given.to }
    : { from: given.from, to: Math.min(given.to, range.from) };
  const longest = Math.min(MAX_LENGTH_SECONDS, (baseline.to - baseline.from) / WANTED_WINDOWS);
  const seconds = range.to - range.from;
  const wanted = Math.ceil(seconds / Math.max(MIN_LENGTH_SECONDS, longest));
  const faultWindows = Math.min(MAX_FAULT_WINDOWS, Math.max(1, wanted));
  return { range, baseline, lengthSeconds: seconds / faultWindows, faultWindows };
}

/** The part of a baseline nearest to the range that holds at most MAX_POINTS of its `points`, evenly spread. */
export function nearestPart(baseline: MetricRange, range: MetricRange, points: number): MetricRange {
  if (points <= MAX_POINTS) return baseline;
  const seconds = ((baseline.to - baseline.from) * MAX_POINTS) / points;
  return baseline.to <= range.from
    ? { from: baseline.to - seconds, to: baseline.to }
    : { from: baseline.from, to: baseline.from + seconds };
}

function matches({ entity }: MetricNode, request: LocalizeRequest): boolean {
  return (
    (request.cluster === null || entity.cluster === request.cluster) &&
    (request.namespace === null || entity.namespace === request.namespace) &&
    (request.service === null || entity.service === request.service)
  );
}

interface Judged {
  readonly scene: MetricScene;
  readonly symptom: MetricSymptom;
  readonly window: number;
}

/** What is saturated queues first and fails then; what metrics say of traffic is not judged. */
function indicatorsOf({ indicator }: LocalizeRequest): readonly Indicator[] {
  if (indicator === "TRAFFIC") return [];
  return indicator === null || indicator === "SATURATION" ? ["ERRORS", "LATENCY"] : [indicator];
}

/** Judges the nodes in question in one window, each with every indicator in question; `tests` counts those that were passed over too. */
function judgeWindow(
  rows: readonly ServiceMetricRow[],
  calls: readonly ServiceCallRow[],
  plan: MetricPlan,
  window: number,
  request: LocalizeRequest,
): { judged: Judged[]; tests: number } {
  const isBaseline = (other: number) => other < 0 || other >= plan.faultWindows;
  const scene = buildMetricScene(rows, calls, { fault: window, isBaseline });
  const asked = [...scene.nodes.values()].filter((node) => node.fault !== null && matches(node, request));
  const indicators = indicatorsOf(request);
  const judged = indicators.flatMap((indicator) => {
    const clearest =
      asked.length <= MAX_JUDGED
        ? asked
        : asked
            .map((node) => ({ node, log10P: deviationOf(node, indicator)?.log10P ?? 0 }))
            .sort((a, b) => a.log10P - b.log10P)
            .slice(0, MAX_JUDGED)
            .map(({ node }) => node);
    return clearest
      .map((node) => judgeSymptom(scene, node.key, indicator))
      .filter((symptom) => symptom !== null)
      .map((symptom) => ({ scene, symptom, window }));
  });
  return { judged, tests: indicators.length * asked.length };
}

/** Decides from what was read; the tests are as many as nodes in question, windows and indicators. */
export function answerFromMetrics(
  rows: readonly ServiceMetricRow[],
  calls: readonly ServiceCallRow[],
  plan: MetricPlan,
  request: LocalizeRequest,
): MetricAnswer {
  const { baseline, range, lengthSeconds } = plan;
  const everything = buildMetricScene(rows, calls, { fault: 0, isBaseline: () => true });
  const named = [...everything.nodes.values()].filter((node) => matches(node, request));
  if (named.every((node) => node.fault === null && node.baseline.length === 0)) return { kind: "unknown" };
  const windows = Array.from({ length: plan.faultWindows }, (_, window) =>
    judgeWindow(rows, calls, plan, window, request),
  );
  const judged = windows.flatMap((one) => one.judged);
  const tests = windows.reduce((sum, one) => sum + one.tests, 0);
  if (judged.length === 0) {
    const reason = "Metrics tell of too few requests in the window, or of too short a history, to compare them.";
    return { kind: "unclear", reason, baseline };
  }
  const best = judged.toSorted((a, b) => a.symptom.log10P - b.symptom.log10P)[0]!;
  if (best.symptom.log10P + Math.log10(tests) > SYMPTOM_LOG10P) {
    const what =
      indicatorsOf(request).length > 1
        ? "Failures and latency"
        : request.indicator === "ERRORS"
          ? "Failures"
          : "Latency";
    return {
      kind: "normal",
      reason: `${what} of every service in question are as their metrics usually are.`,
      baseline,
    };
  }
  const from = range.from + best.window * lengthSeconds;
  return {
    kind: "fault",
    scene: best.scene,
    symptom: best.symptom,
    window: { from, to: from + lengthSeconds },
    baseline,
  };
}

/** Reads what metrics tell of the request's windows and decides; "unknown" where they tell nothing of its services. */
export async function askMetrics(storage: Storage, request: LocalizeRequest): Promise<MetricAnswer> {
  const wanted = planWindows(request);
  // Metrics are not read by operation, nor for their traffic.
  if (request.operation !== null || indicatorsOf(request).length === 0 || !(wanted.lengthSeconds > 0)) {
    return { kind: "unknown" };
  }
  const points = await countServiceMetricPoints(storage, request.tenant, wanted.baseline);
  const read = nearestPart(wanted.baseline, wanted.range, points);
  const plan = planWindows({ ...request, baseline: { from: isoSeconds(read.from), to: isoSeconds(read.to) } });
  const { range, baseline, lengthSeconds } = plan;
  const query = { tenant: request.tenant, ranges: [range, baseline], originSeconds: range.from, lengthSeconds };
  const [rows, calls] = await Promise.all([readServiceMetrics(storage, query), readServiceCalls(storage, query)]);
  return answerFromMetrics(rows, calls, plan, request);
}
