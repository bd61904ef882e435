// The GraphQL operations of the console: fixed texts, so that the server may compile and trust them.
// In: nothing. Out: a document with the types of its variables and its answer.
// Bounds: one operation a document; lists ask for at most 100; a test validates each against the server's schema.
import type {
  Change,
  GraphLevel,
  Incident,
  IncidentCheck,
  IncidentStory,
  ListedIncident,
  ServiceGraph,
  ServiceStatus,
  TimeRange,
  Trace,
} from "./types.ts";

/** The text of an operation; the types are carried along and exist only at compile time. */
export interface GraphqlDocument<Data, Variables> {
  readonly text: string;
  readonly types?: (variables: Variables) => Data;
}

function define<Data, Variables>(text: string): GraphqlDocument<Data, Variables> {
  return { text };
}

const PLACE = "id kind cluster namespace service version instance node operation runtime";
const ENTITY = `fragment Place on Entity { ${PLACE} peer { ${PLACE} } }`;
const SYMPTOMS = "symptoms { entity { ...Place } indicator observed expected unit since }";
const HEAD = `id status title startedAt detectedAt resolvedAt ${SYMPTOMS} impact { entity { ...Place } affectedRatio }`;
const EVIDENCE = "evidence { source summary weight traceIds }";
const CHANGE = "id at kind entity { ...Place } summary before after";
const FINDING = `localization {
  id verdict reason onset range { from to } baseline { from to }
  causes {
    rank confidence faultKind entity { ...Place } summary ${EVIDENCE} blamePath { ...Place }
    change { ${CHANGE} } codeRegion remedy { summary patch }
  }
  rejected { entity { ...Place } reason ${EVIDENCE} }
}`;
const SHORT_FINDING =
  "localization { verdict reason onset causes { rank confidence faultKind entity { ...Place } blamePath { ...Place } } }";
const RED = "requestsPerSecond errorRatio latencyP50Ms latencyP99Ms health";

/** The map: places and calls with their figures over a period. */
export const SERVICE_GRAPH = define<{ serviceGraph: ServiceGraph }, { range: TimeRange; level: GraphLevel }>(`
query ServiceGraph($range: TimeRangeInput!, $level: GraphLevel!) {
  serviceGraph(range: $range, level: $level) {
    range { from to } truncated partial
    nodes { entity { ${PLACE} } ${RED} }
    edges { id source target protocol evidence confidence ${RED} }
  }
}`);

/** The newest incidents with their likely causes, and how fresh the telemetry is. */
export const INCIDENTS = define<
  { incidents: { nodes: ListedIncident[]; pageInfo: { hasNextPage: boolean } }; status: ServiceStatus },
  { first: number }
>(`
query Incidents($first: Int!) {
  incidents(first: $first) { nodes { ${HEAD} ${SHORT_FINDING} } pageInfo { hasNextPage } }
  status { version ingestLagSeconds analysisLagSeconds lastBucketArrivedAt spansLastMinute }
}
${ENTITY}`);

/** One incident with its evidence; null when there is none of that id (any more). */
export const INCIDENT = define<{ incident: Incident | null }, { id: string }>(`
query Incident($id: ID!) { incident(id: $id) { ${HEAD} ${FINDING} } }
${ENTITY}`);

/** The story of an incident: it costs more than its finding and is asked for less often. */
export const INCIDENT_STORY = define<{ incident: IncidentStory | null }, { id: string }>(`
query IncidentStory($id: ID!) { incident(id: $id) {
  timeline { at kind summary entity { ...Place } }
  entryImpact { entity { ...Place } requests affectedRequests affectedRatio }
  similar(first: 3) { similarity reason incident { id title startedAt } }
} }
${ENTITY}`);

/** A trace by its id, found at once near the time `around`; null when it is not stored (any more). */
export const TRACE = define<{ trace: Trace | null }, { id: string; around: string; first: number }>(`
query Trace($id: ID!, $around: DateTime!, $first: Int!) { trace(id: $id, around: $around) {
  durationMs hopCount
  rows(first: $first) { index depth entity { ...Place } operation outcome isFailureOrigin message startMs durationMs exclusiveMs }
} }
${ENTITY}`);

/** Why a service was, or was not, part of an incident at a time. */
export const INCIDENT_CHECK = define<
  { incidentCheck: IncidentCheck },
  { service: string; namespace: string | null; cluster: string | null; at: string }
>(`
query IncidentCheck($service: String!, $namespace: String, $cluster: String, $at: DateTime!) {
  incidentCheck(service: $service, namespace: $namespace, cluster: $cluster, at: $at) {
    range { from to } incidentId sentence checks { entity { ...Place } indicator verdict sentence }
  }
}
${ENTITY}`);

/** Changes of the running system in a period, newest first. */
export const CHANGES = define<{ changes: { nodes: Change[] } }, { range: TimeRange; first: number }>(`
query Changes($range: TimeRangeInput!, $first: Int!) {
  changes(range: $range, first: $first) { nodes { ${CHANGE} } }
}
${ENTITY}`);

/** Tells that an incident was opened, changed or resolved; its newest state is then read by INCIDENT. */
export const INCIDENT_CHANGED = define<{ incidentChanged: { id: string; status: string } }, Record<string, never>>(
  "subscription IncidentChanged { incidentChanged { id status } }",
);
