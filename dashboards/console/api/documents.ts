// The GraphQL operations of the console: fixed texts, so that the server may compile and trust them.
// In: nothing. Out: a document with the types of its variables and its answer.
// Bounds: one operation a document; lists ask for at most 100; a test validates each against the server's schema.
import type { Change, GraphLevel, Incident, ListedIncident, ServiceGraph, ServiceStatus, TimeRange } from "./types.ts";

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
