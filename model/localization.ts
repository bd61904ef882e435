// The answer of the analyzer: ranked causes with evidence, or an honest reason why there is none.
// In: nothing; pure types shared by analyzer (writes), storage (keeps as JSON) and api (shows).
// Bounds: the words are those of the GraphQL contract; times are RFC 3339 UTC strings, ids are strings.
import type { Entity } from "./entity.ts";

/** What sort of fault a cause is; the same words as `FaultKind` of the GraphQL contract. */
export const FAULT_KINDS = [
  "LATENCY",
  "CODE_ERROR",
  "CRASH",
  "CPU",
  "MEMORY",
  "DISK",
  "NETWORK",
  "DEPENDENCY",
  "CLUSTER_LINK",
  "NODE",
  "ROUTE_CONFIG",
  "TIMEOUT_CONFIG",
  "CIRCUIT_BREAKER",
  "RATE_LIMIT",
  "AUTHORIZATION",
  "FAULT_INJECTION",
  "RETRY_STORM",
  "LOAD_IMBALANCE",
  "BAD_RELEASE",
  "TRAFFIC_SURGE",
  "COLD_START",
  "PAUSE",
  "UNKNOWN",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The indicator that shows a symptom. */
export const INDICATORS = ["LATENCY", "ERRORS", "TRAFFIC", "SATURATION"] as const;
export type Indicator = (typeof INDICATORS)[number];

/** FOUND: causes are given; NO_FAULT: nothing is wrong; INCONCLUSIVE: something is, but the telemetry cannot say what. */
export const VERDICTS = ["FOUND", "NO_FAULT", "INCONCLUSIVE"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One statement of one detector. `weight` is a log-likelihood ratio in nats; negative speaks against. */
export interface Evidence {
  readonly source: string;
  readonly summary: string;
  readonly weight: number;
  readonly traceIds: readonly string[];
}

/** A manifest a person may review and apply. */
export interface Remedy {
  readonly summary: string;
  readonly patch: string | null;
}

/** A change of the running system: deployment, route, policy, configuration. */
export interface Change {
  readonly id: string;
  readonly at: string;
  readonly kind: string;
  readonly entity: Entity;
  readonly summary: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** One ranked cause; `confidence` is the probability (0..1) that it is a true root. */
export interface Cause {
  readonly rank: number;
  readonly confidence: number;
  readonly faultKind: FaultKind;
  readonly entity: Entity;
  readonly summary: string;
  readonly evidence: readonly Evidence[];
  readonly blamePath: readonly Entity[];
  readonly change: Change | null;
  readonly codeRegion: string | null;
  readonly remedy: Remedy | null;
}

/** A candidate that was looked at and not blamed. */
export interface RejectedCause {
  readonly entity: Entity;
  readonly reason: string;
  readonly evidence: readonly Evidence[];
}

/** A half-open period, RFC 3339 UTC. */
export interface TimeRange {
  readonly from: string;
  readonly to: string;
}

/** A stored answer. `reason` is null exactly when the verdict is FOUND. */
export interface Localization {
  readonly id: string;
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly range: TimeRange;
  readonly baseline: TimeRange;
  readonly onset: string | null;
  readonly causes: readonly Cause[];
  readonly rejected: readonly RejectedCause[];
}

/** What a person may ask the analyzer on demand; the same shape as `LocalizeInput` of the GraphQL contract. */
export interface LocalizeRequest {
  readonly tenant: string;
  readonly range: TimeRange;
  readonly baseline: TimeRange | null;
  readonly cluster: string | null;
  readonly namespace: string | null;
  readonly service: string | null;
  readonly operation: string | null;
  readonly indicator: Indicator | null;
  readonly maxCauses: number;
}

/** The most causes that one question may ask for. */
export const MAX_CAUSES = 20;

/** A request that narrows nothing: anything that is wrong, anywhere, against a baseline that the analyzer chooses. */
export const ASK_ANYWHERE: Omit<LocalizeRequest, "tenant" | "range" | "maxCauses"> = {
  baseline: null,
  cluster: null,
  namespace: null,
  service: null,
  operation: null,
  indicator: null,
};

/** Localizes on demand, stores the answer and returns it. `service` hands the analyzer's to the API. */
export type Localize = (request: LocalizeRequest) => Promise<Localization>;
