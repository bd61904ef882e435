// How well a place or an edge does, in one word, and why.
// In: requests of the range by outcome (judged by protocol at ingest: gRPC by its status, HTTP by its code, a caller that left is no
// failure), bytes where there are no requests to count, its own figures before the range. Out: a word of the contract's `Health`, reasons.
// Bounds: fixed thresholds, the same for everything; latency is a reason to look but never changes the word, for what is slow depends on
// the service; the analyzer's baselines, not this word, open incidents.

/** Share of failures from which a place is FAILING. */
export const FAILING_RATIO = 0.1;
/** Share of failures from which a place is DEGRADED. */
export const DEGRADED_RATIO = 0.01;
/** Share of degraded answers (4xx and alike) from which a place is DEGRADED. */
export const DEGRADED_ANSWERS_RATIO = 0.1;
/** 99th percentile against its own before, from which latency is worth a word. */
export const SLOW_RATIO = 2;
// Fewer requests make no percentile.
const ENOUGH_FOR_LATENCY = 50;

/** The words of the contract's `Health`. */
export const HEALTH_WORDS = ["HEALTHY", "DEGRADED", "FAILING", "IDLE", "UNKNOWN"] as const;
export type Health = (typeof HEALTH_WORDS)[number];

/** Requests of one range by outcome; `bytes` of connections count where a protocol has no requests (TCP). */
export interface OutcomeCounts {
  readonly requests: number;
  readonly failures: number;
  readonly degradations: number;
  readonly bytes?: number;
}

/** Why a place's health is what it is. */
export const HEALTH_REASONS = [
  "ERRORS",
  "DEGRADED_ANSWERS",
  "LATENCY",
  "CLUSTER_SILENT",
  "NO_TRAFFIC",
  "NO_DATA",
] as const;
export type HealthReasonCode = (typeof HEALTH_REASONS)[number];

/** A reason with one sentence for a person. */
export interface HealthReason {
  readonly code: HealthReasonCode;
  readonly summary: string;
}

/** What reasons are made from; times are RFC 3339, latencies milliseconds, null where nothing is known. */
export interface HealthFacts {
  readonly counts: OutcomeCounts | null;
  readonly latencyP99Ms: number | null;
  readonly before: { readonly requests: number; readonly latencyP99Ms: number | null } | null;
  readonly silentSince: string | null;
  readonly idleSince: string | null;
}

/** The word for some requests; null (nothing can be measured there) is UNKNOWN, no requests is IDLE. */
export function judgeHealth(counts: OutcomeCounts | null): Health {
  if (counts === null) return "UNKNOWN";
  if (counts.requests === 0) return (counts.bytes ?? 0) > 0 ? "HEALTHY" : "IDLE";
  const failureRatio = counts.failures / counts.requests;
  if (failureRatio >= FAILING_RATIO) return "FAILING";
  if (failureRatio >= DEGRADED_RATIO) return "DEGRADED";
  return counts.degradations / counts.requests >= DEGRADED_ANSWERS_RATIO ? "DEGRADED" : "HEALTHY";
}

function percent(part: number, whole: number): string {
  return `${Number(((100 * part) / whole).toPrecision(3))} %`;
}

function slowness({ counts, latencyP99Ms, before }: HealthFacts): HealthReason | null {
  if (counts === null || latencyP99Ms === null || before === null || before.latencyP99Ms === null) return null;
  if (Math.min(counts.requests, before.requests) < ENOUGH_FOR_LATENCY) return null;
  const ratio = latencyP99Ms / before.latencyP99Ms;
  if (ratio < SLOW_RATIO) return null;
  const figures = `${Math.round(latencyP99Ms)} ms against ${Math.round(before.latencyP99Ms)} ms before`;
  return { code: "LATENCY", summary: `The 99th percentile is ${ratio.toFixed(1)} times its own: ${figures}.` };
}

/** The reasons behind a word, worst first; [] for a healthy place with nothing to remark. */
export function healthReasons(facts: HealthFacts): HealthReason[] {
  const { counts, silentSince, idleSince } = facts;
  const reasons: HealthReason[] = [];
  if (counts !== null && counts.requests > 0) {
    const { requests, failures, degradations } = counts;
    if (failures / requests >= DEGRADED_RATIO) {
      const summary = `${percent(failures, requests)} of ${Math.round(requests)} requests failed.`;
      reasons.push({ code: "ERRORS", summary });
    }
    if (degradations / requests >= DEGRADED_ANSWERS_RATIO) {
      const summary = `${percent(degradations, requests)} of ${Math.round(requests)} requests got degraded answers (4xx and alike).`;
      reasons.push({ code: "DEGRADED_ANSWERS", summary });
    }
  }
  const slow = slowness(facts);
  if (slow !== null) reasons.push(slow);
  if (silentSince !== null) {
    reasons.push({ code: "CLUSTER_SILENT", summary: `Its cluster has told nothing since ${silentSince}.` });
  } else if (counts === null) {
    reasons.push({ code: "NO_DATA", summary: "Nothing that tells of it was measured in the range." });
  } else if (counts.requests === 0 && (counts.bytes ?? 0) === 0) {
    const since = idleSince === null ? "" : `; it was last heard of at ${idleSince}`;
    reasons.push({ code: "NO_TRAFFIC", summary: `It was asked nothing in the range${since}.` });
  }
  return reasons;
}
