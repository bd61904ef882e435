// What the console reads from the GraphQL API, in the words of the contract.
// In: nothing. Out: types of the fields that api/documents asks for.
// Bounds: a missing measurement is null and is shown as missing; times are RFC 3339 UTC strings.

/** What sort of place an entity is. */
export type EntityKind =
  | "CLUSTER"
  | "NAMESPACE"
  | "SERVICE"
  | "VERSION"
  | "INSTANCE"
  | "NODE"
  | "OPERATION"
  | "EDGE"
  | "DATABASE"
  | "MESSAGING"
  | "EXTERNAL"
  | "UNKNOWN";
/** How a workload runs. */
export type RuntimeClass =
  | "RUNC"
  | "KATA"
  | "GVISOR"
  | "KUBEVIRT"
  | "VM"
  | "UNIKERNEL"
  | "LIBRARY_OS"
  | "FAAS"
  | "UNKNOWN";

/** A place in the mesh; `peer` is the callee of an EDGE. */
export interface Entity {
  readonly id: string;
  readonly kind: EntityKind;
  readonly cluster: string | null;
  readonly namespace: string | null;
  readonly service: string | null;
  readonly version: string | null;
  readonly instance: string | null;
  readonly node: string | null;
  readonly operation: string | null;
  readonly runtime: RuntimeClass;
  readonly peer?: Entity | null;
}

/** The kinds of faults, in the order of the contract. */
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
/** What sort of fault a cause is. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Healths from worst to best. */
export const HEALTHS = ["FAILING", "DEGRADED", "UNKNOWN", "IDLE", "HEALTHY"] as const;
/** Health of a place or call. */
export type Health = (typeof HEALTHS)[number];

/** The levels of the map, from coarse to fine. */
export const GRAPH_LEVELS = ["CLUSTER", "NAMESPACE", "SERVICE", "VERSION", "INSTANCE", "OPERATION"] as const;
/** How finely the map divides the mesh. */
export type GraphLevel = (typeof GRAPH_LEVELS)[number];

/** Rate, errors and duration of a place or call; null where nothing was measured. */
export interface RedFigures {
  readonly requestsPerSecond: number | null;
  readonly errorRatio: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly health: Health;
}
/** A place with its figures. */
export interface GraphNode extends RedFigures {
  readonly entity: Entity;
}
/** The calls of one protocol between two places; `source` and `target` are entity ids, `confidence` is 0..1. */
export interface GraphEdge extends RedFigures {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly protocol: string;
  readonly evidence: readonly string[];
  readonly confidence: number;
}
/** A period, RFC 3339 UTC. */
export interface TimeRange {
  readonly from: string;
  readonly to: string;
}
/** Places and calls over a period; `truncated`: only the busiest, `partial`: not all of it is analysed yet. */
export interface ServiceGraph {
  readonly range: TimeRange;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly truncated: boolean;
  readonly partial: boolean;
}

/** One statement of one detector; `weight` in nats, negative speaks against. */
export interface Evidence {
  readonly source: string;
  readonly summary: string;
  readonly weight: number;
  readonly traceIds: readonly string[];
}
/** A change of the running system. */
export interface Change {
  readonly id: string;
  readonly at: string;
  readonly kind: string;
  readonly entity: Entity;
  readonly summary: string;
  readonly before: string | null;
  readonly after: string | null;
}
/** A ranked cause; `confidence` is 0..1. */
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
  readonly remedy: { readonly summary: string; readonly patch: string | null } | null;
}
/** A candidate that was looked at and not blamed. */
export interface RejectedCause {
  readonly entity: Entity;
  readonly reason: string;
  readonly evidence: readonly Evidence[];
}
/** The answer to where and why; `reason` is null exactly when a cause was found. */
export interface Localization {
  readonly id: string;
  readonly verdict: "FOUND" | "NO_FAULT" | "INCONCLUSIVE";
  readonly reason: string | null;
  readonly range: TimeRange;
  readonly baseline: TimeRange;
  readonly onset: string | null;
  readonly causes: readonly Cause[];
  readonly rejected: readonly RejectedCause[];
}

/** The indicator that shows a symptom. */
export type Indicator = "LATENCY" | "ERRORS" | "TRAFFIC" | "SATURATION";
/** What alarmed; `unit` of observed and expected is such as `ms` or `ratio`. */
export interface Symptom {
  readonly entity: Entity;
  readonly indicator: Indicator;
  readonly observed: number | null;
  readonly expected: number | null;
  readonly unit: string;
  readonly since: string | null;
}
/** How much of a place's requests is hit, 0..1; null when unknown. */
export interface Impact {
  readonly entity: Entity;
  readonly affectedRatio: number | null;
}
interface IncidentBase {
  readonly id: string;
  readonly status: "OPEN" | "RESOLVED";
  readonly title: string;
  readonly startedAt: string;
  readonly detectedAt: string;
  readonly resolvedAt: string | null;
  readonly symptoms: readonly Symptom[];
  readonly impact: readonly Impact[];
}
/** An incident with its whole finding. */
export interface Incident extends IncidentBase {
  readonly localization: Localization | null;
}
/** An incident as the list shows it: the finding without evidence. */
export interface ListedIncident extends IncidentBase {
  readonly localization: {
    readonly verdict: Localization["verdict"];
    readonly reason: string | null;
    readonly onset: string | null;
    readonly causes: readonly Pick<Cause, "rank" | "confidence" | "faultKind" | "entity" | "blamePath">[];
  } | null;
}

/** How far Faultline has come; null where nothing has arrived yet. */
export interface ServiceStatus {
  readonly version: string;
  readonly ingestLagSeconds: number | null;
  readonly analysisLagSeconds: number | null;
  readonly lastBucketArrivedAt: string | null;
  readonly spansLastMinute: number;
}

/** One step of an incident's story; `entity` null where it is about the incident as a whole. */
export interface TimelineEvent {
  readonly at: string;
  readonly kind: "CHANGE" | "ONSET" | "SPREAD" | "DETECTION" | "RESOLUTION";
  readonly entity: Entity | null;
  readonly summary: string;
}
/** What callers met at one operation; `affectedRatio` 0..1, null where it cannot be told. */
export interface EntryImpact {
  readonly entity: Entity;
  readonly requests: number;
  readonly affectedRequests: number;
  readonly affectedRatio: number | null;
}
/** What led to an incident, what callers met, and what was like it before; `similarity` is 0..1. */
export interface IncidentStory {
  readonly timeline: readonly TimelineEvent[];
  readonly entryImpact: readonly EntryImpact[];
  readonly similar: readonly {
    readonly similarity: number;
    readonly reason: string;
    readonly incident: { readonly id: string; readonly title: string; readonly startedAt: string };
  }[];
}

/** One call of a trace; times in ms from the start of the trace. */
export interface TraceRow {
  readonly index: number;
  readonly depth: number;
  readonly entity: Entity;
  readonly operation: string;
  readonly outcome: "OK" | "DEGRADED" | "FAILED" | "CANCELLED";
  readonly isFailureOrigin: boolean;
  readonly message: string | null;
  readonly startMs: number;
  readonly durationMs: number;
  readonly exclusiveMs: number;
}
/** A trace, one row a call. */
export interface Trace {
  readonly durationMs: number;
  readonly hopCount: number;
  readonly rows: readonly TraceRow[];
}

/** What one indicator of a place showed, and what decided. */
export interface IndicatorCheck {
  readonly entity: Entity;
  readonly indicator: Indicator;
  readonly verdict: "OPENS" | "SUPPORTS" | "NORMAL" | "NOT_JUDGED";
  readonly sentence: string;
}
/** Why a service was, or was not, part of an incident. */
export interface IncidentCheck {
  readonly range: TimeRange;
  readonly incidentId: string | null;
  readonly sentence: string;
  readonly checks: readonly IndicatorCheck[];
}
