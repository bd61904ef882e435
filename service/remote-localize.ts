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

interface Refusal {
  readonly message: string;
  readonly extensions?: { readonly code?: string };
}

async function ask(url: string, query: string, variables: object, field: string): Promise<unknown> {
  const health = await probe(url);
  if (health === null) return null;
  // Somebody is there and will not talk to us: an answer from another storage would be one about something else.
  if (health.status === 403)
    throw new ServiceError("ENDPOINT_REFUSED", { url: `${url}/healthz`, cause: messageOf(health.body) ?? "HTTP 403" });
  if (health.status !== 200) return null;
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: Refusal[] };
  const found = answer.data?.[field] ?? null;
  if (found === null) {
    const refusal = answer.errors?.[0];
    const cause = refusal?.message ?? `HTTP ${response.status}`;
    // What is wrong with the question is said as if it had been found here.
    if (refusal?.extensions?.code?.startsWith("BAD_") === true) throw new ServiceError("USAGE", { detail: cause });
    throw new ServiceError("ENDPOINT_REFUSED", { url: `${url}/graphql`, cause });
  }
  return withEmptyParts(found);
}

async function probe(url: string): Promise<{ status: number; body: string } | null> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return { status: response.status, body: await response.text() };
  } catch {
    return null;
  }
}

function messageOf(body: string): string | null {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null && "message" in answer ? String(answer.message) : null;
  } catch {
    return null;
  }
}

/** What to tell when the storage is asked without a running Faultline: an empty folder would give an empty answer. */
export function ownStorageNote(apiUrl: string, storageUrl: string, dataDir: string): string {
  const which = storageUrl === "" ? `the data in ${dataDir} is` : "ClickHouse is";
  return `No Faultline answers at ${apiUrl} (api.host, api.port), so ${which} asked directly.`;
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
