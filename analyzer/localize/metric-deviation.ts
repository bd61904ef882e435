// How far a node is from its own history, by failures or by mean latency.
// In: sums of equal windows. Out: what is in excess, and how improbable that is; null where the history is too short to say.
// Bounds: pure; at least MIN_WINDOWS windows and MIN_REQUESTS requests of history; scales have floors, so that a node that never
//   varied does not make every jitter an event.
import type { Indicator } from "../../model/localization.ts";
import { dispersion, effectiveSize, quantile, upperTailLog10 } from "../statistics.ts";
import type { MetricNode, MetricSum } from "./metric-scene.ts";

/** One node's deviation; `excess` is failures, or milliseconds over all requests, beyond its history and at least 0. */
export interface NodeDeviation {
  readonly excess: number;
  readonly log10P: number;
  /** Failures of all requests (0..1), or mean milliseconds a request. */
  readonly observed: number;
  readonly expected: number;
  readonly requests: number;
}

/** With fewer windows a median and a spread say little. */
export const MIN_WINDOWS = 8;
const MIN_REQUESTS = 20;
// One window in a hundred may be an earlier incident that nobody told us of: what it did is not how the node is.
const FORGOTTEN_SHARE = 0.01;
// As in detect.ts: requests of a window share its conditions.
const FAILURE_DISPERSION = 0.002;
// Floors of the scale of a mean: what load and chance do to it (the figures of exclusive-time.ts and of the published probes).
const MIN_SCALE_RATIO = 0.05;
const MIN_SCALE_MS = 0.5;
const MAD_TO_SIGMA = 1.4826;
const UPPER_QUANTILE = 0.95;
const UPPER_QUANTILE_SIGMAS = 1.645;

const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);

/** True when the history of a node suffices to say what is usual for it. */
export function isKnown(node: MetricNode): boolean {
  const requests = node.baseline.reduce((sum, w) => sum + w.requests, 0);
  return node.baseline.length >= MIN_WINDOWS && requests >= MIN_REQUESTS;
}

function failureDeviation(fault: MetricSum, baseline: readonly MetricSum[]): NodeDeviation {
  const forgotten = Math.ceil(FORGOTTEN_SHARE * baseline.length);
  const kept = baseline.toSorted((a, b) => a.failed / a.requests - b.failed / b.requests).slice(0, -forgotten);
  const points = kept.map((w) => ({ hits: w.failed, trials: w.requests }));
  const hits = points.reduce((sum, p) => sum + p.hits, 0);
  const trials = points.reduce((sum, p) => sum + p.trials, 0);
  const expected = hits / trials;
  const observed = fault.failed / fault.requests;
  const size = effectiveSize(fault.requests, dispersion(points, FAILURE_DISPERSION));
  return {
    excess: Math.max(0, fault.failed - expected * fault.requests),
    log10P: upperTailLog10(observed * size, size, (hits + 0.5) / (trials + 1)),
    observed,
    expected,
    requests: fault.requests,
  };
}

function latencyDeviation(fault: MetricSum, baseline: readonly MetricSum[]): NodeDeviation {
  const means = ascending(baseline.map((w) => w.totalMs / w.requests));
  const expected = quantile(means, 0.5);
  const spread = MAD_TO_SIGMA * quantile(ascending(means.map((m) => Math.abs(m - expected))), 0.5);
  // Latency leans to one side: a node that is often slow for a while is measured by those whiles, not by its quiet majority.
  const upper = (quantile(means, UPPER_QUANTILE) - expected) / UPPER_QUANTILE_SIGMAS;
  // A mean of fewer requests than usual varies more.
  const usual = quantile(ascending(baseline.map((w) => w.requests)), 0.5);
  const thin = Math.sqrt(Math.max(1, usual / fault.requests));
  const scale = Math.max(spread, upper, MIN_SCALE_RATIO * expected, MIN_SCALE_MS) * thin;
  const observed = fault.totalMs / fault.requests;
  const z = (observed - expected) / scale;
  return {
    excess: Math.max(0, (observed - expected) * fault.requests),
    // The tail of a double exponential: means of real services have heavier tails than the normal curve.
    log10P: z <= 0 ? 0 : Math.log10(0.5) - (Math.SQRT2 * z) / Math.LN10,
    observed,
    expected,
    requests: fault.requests,
  };
}

/** The deviation of a node; null where nothing was reported of it or its history is too short. */
export function deviationOf(node: MetricNode, indicator: Indicator): NodeDeviation | null {
  if (node.fault === null || !isKnown(node)) return null;
  return indicator === "ERRORS"
    ? failureDeviation(node.fault, node.baseline)
    : latencyDeviation(node.fault, node.baseline);
}
