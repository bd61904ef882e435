// The figures of a node or an edge, from counts and a histogram.
// In: requests by outcome, latencies, seconds that were covered. Out: rate, error ratio, percentiles, health.
// Bounds: what was not measured is null, never zero; percentiles are interpolated (model/histogram.ts, 7 % relative error).
import { quantileMs } from "../model/histogram.ts";
import { type Health, judgeHealth, type OutcomeCounts } from "./health.ts";

/** What was measured at a node or edge; null is "not measured", never zero. */
export interface Measures {
  readonly requestsPerSecond: number | null;
  readonly errorRatio: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly health: Health;
}

/** Measures of nothing: the place is known, its traffic is not. */
export const UNMEASURED: Measures = {
  requestsPerSecond: null,
  errorRatio: null,
  latencyP50Ms: null,
  latencyP99Ms: null,
  health: "UNKNOWN",
};

/** A part of a whole (0..1); null where there is no whole. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Measures of `requests` in `seconds`; outcomes may come from another side than requests do. */
export function measure(
  requests: number,
  outcomes: OutcomeCounts,
  histogram: readonly number[],
  seconds: number,
): Measures {
  return {
    requestsPerSecond: ratio(requests, seconds),
    errorRatio: ratio(outcomes.failures, outcomes.requests),
    latencyP50Ms: quantileMs(histogram, 0.5),
    latencyP99Ms: quantileMs(histogram, 0.99),
    health: judgeHealth(outcomes),
  };
}
