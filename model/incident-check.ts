// "Why (not) an incident?": what each indicator of a service showed at a time, and which condition decided.
// In: nothing; pure types shared by analyzer (works it out), api and service (show it).
// Bounds: times are RFC 3339 UTC; null where a figure does not exist.
import type { Entity } from "./entity.ts";
import type { Indicator, TimeRange } from "./localization.ts";

/** What is asked: a service, and a time in the bucket in question. Namespace and cluster narrow where names are not unique. */
export interface IncidentCheckRequest {
  readonly tenant: string;
  readonly service: string;
  readonly namespace: string | null;
  readonly cluster: string | null;
  readonly at: string;
}

/** OPENS: an incident by itself; SUPPORTS: deviates, and needs more (a second bucket, duration, harm); NORMAL; NOT_JUDGED: too little to say. */
export const CHECK_VERDICTS = ["OPENS", "SUPPORTS", "NORMAL", "NOT_JUDGED"] as const;
export type CheckVerdict = (typeof CHECK_VERDICTS)[number];

/** One indicator of one place in the bucket; `effect` is observed minus expected, both in `unit`. */
export interface IndicatorCheck {
  readonly entity: Entity;
  readonly indicator: Indicator;
  readonly verdict: CheckVerdict;
  readonly observed: number | null;
  readonly expected: number | null;
  readonly effect: number | null;
  readonly unit: string;
  readonly pValue: number | null;
  /** The p-value that opens an incident at once, after the correction for all tests of the bucket. */
  readonly threshold: number;
  readonly requests: number;
  readonly minimumRequests: number;
  readonly windowSeconds: number;
  /** Clean buckets that it was compared with. */
  readonly baselineBuckets: number;
  readonly sentence: string;
}

/** The answer for one service and bucket. */
export interface IncidentCheck {
  readonly range: TimeRange;
  /** The incident that it was part of at that time. */
  readonly incidentId: string | null;
  readonly sentence: string;
  readonly checks: readonly IndicatorCheck[];
}

/** Answers from stored buckets, for any time that they are kept. `service` hands the analyzer's to the API. */
export type ExplainDetection = (request: IncidentCheckRequest) => Promise<IncidentCheck>;
