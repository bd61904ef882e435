// How well a place or an edge does, in one word.
// In: requests of the range by outcome. Out: a word of the contract's `Health`.
// Bounds: fixed thresholds, the same for everything; the analyzer's baselines, not this word, open incidents.

/** Share of failures from which a place is FAILING. */
export const FAILING_RATIO = 0.1;
/** Share of failures from which a place is DEGRADED. */
export const DEGRADED_RATIO = 0.01;
/** Share of degraded answers (4xx and alike) from which a place is DEGRADED. */
export const DEGRADED_ANSWERS_RATIO = 0.1;

/** The words of the contract's `Health`. */
export const HEALTH_WORDS = ["HEALTHY", "DEGRADED", "FAILING", "IDLE", "UNKNOWN"] as const;
export type Health = (typeof HEALTH_WORDS)[number];

/** Requests of one range by outcome. */
export interface OutcomeCounts {
  readonly requests: number;
  readonly failures: number;
  readonly degradations: number;
}

/** The word for some requests; null (nothing can be measured there) is UNKNOWN, no requests is IDLE. */
export function judgeHealth(counts: OutcomeCounts | null): Health {
  if (counts === null) return "UNKNOWN";
  if (counts.requests === 0) return "IDLE";
  const failureRatio = counts.failures / counts.requests;
  if (failureRatio >= FAILING_RATIO) return "FAILING";
  if (failureRatio >= DEGRADED_RATIO) return "DEGRADED";
  return counts.degradations / counts.requests >= DEGRADED_ANSWERS_RATIO ? "DEGRADED" : "HEALTHY";
}
