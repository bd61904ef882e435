// Asks a running Faultline to localize, by the GraphQL API that everybody uses.
// In: its URL and a request. Out: the answer as the model's type, or null when nobody answers there.
// Bounds: one request; a second to connect, two minutes for the answer. An API that answers with an error is an error.
import { ServiceError } from "../model/errors.ts";
import type { Entity } from "../model/entity.ts";
import type { IncidentCheck, IncidentCheckRequest } from "../model/incident-check.ts";
import type { Localization, LocalizeRequest } from "../model/localization.ts";

const PROBE_TIMEOUT_MS = 1_000;
const ANSWER_TIMEOUT_MS = 120_000;
const ENTITY = "kind cluster namespace service version instance node operation runtime isolation";
const PLACE = `${ENTITY} peer { ${ENTITY} }`;
const EVIDENCE = "source summary weight traceIds";
const DOCUMENT = `mutation Localize($input: LocalizeInput!) { localize(input: $input) {
  id verdict reason onset range { from to } baseline { from to }
  causes { rank confidence faultKind summary codeRegion entity { ${PLACE} } evidence { ${EVIDENCE} } blamePath { ${PLACE} }
    change { id at kind summary before after entity { ${PLACE} } } remedy { summary patch } }
  rejected { reason entity { ${PLACE} } evidence { ${EVIDENCE} } } } }`;

const CHECK_DOCUMENT = `query Check($service: String!, $namespace: String, $cluster: String, $at: DateTime!) {
  incidentCheck(service: $service, namespace: $namespace, cluster: $cluster, at: $at) {
  range { from to } incidentId sentence
  checks { entity { ${PLACE} } indicator verdict observed expected effect unit pValue threshold requests minimumRequests windowSeconds
    baselineBuckets sentence } } }`;

/** The answer of the API at `url`; null when none listens there. */
export async function askRunningApi(url: string, request: LocalizeRequest): Promise<Localization | null> {
  const { tenant: _, ...input } = request;
  return (await ask(url, DOCUMENT, { input }, "localize")) as Localization | null;
}

/** "Why (not) an incident?" asked of the API at `url`; null when none listens there. */
export async function askRunningCheck(url: string, request: IncidentCheckRequest): Promise<IncidentCheck | null> {
  const { tenant: _, ...variables } = request;
  return (await ask(url, CHECK_DOCUMENT, variables, "incidentCheck")) as IncidentCheck | null;
}

async function ask(url: string, query: string, variables: object, field: string): Promise<unknown> {
  try {
    const health = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await health.arrayBuffer();
    if (!health.ok) return null;
  } catch {
    return null;
  }
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: { message: string }[] };
  const found = answer.data?.[field] ?? null;
  if (found === null) {
    const cause = answer.errors?.[0]?.message ?? `HTTP ${response.status}`;
    throw new ServiceError("ENDPOINT_REFUSED", { url: `${url}/graphql`, cause });
  }
  return withEmptyParts(found);
}

/** The API says null where the model says '' for parts of a place. */
function withEmptyParts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withEmptyParts);
  if (typeof value !== "object" || value === null) return value;
  const isPlace = "kind" in value && "operation" in value;
  const entries = Object.entries(value).flatMap(([key, part]): [string, unknown][] => {
    if (isPlace && part === null) return key === "peer" ? [] : [[key, "" satisfies Entity["service"]]];
    return [[key, withEmptyParts(part)]];
  });
  return Object.fromEntries(entries);
}
