// One ranked cause as people read it: the narrowed place, the kind, the evidence, the path, exemplar traces.
// In: a candidate and its scene. Out: a Cause of the model.
// Bounds: two bounded reads (exemplar traces, zones of nodes); evidence is every finding of the candidate, heaviest first.
import { type Entity, entityName, makeEntity, type RuntimeClass } from "../../model/entity.ts";
import type { Cause, Change, Evidence, FaultKind, Indicator } from "../../model/localization.ts";
import { BUCKET_SECONDS, type Windows } from "../../storage/buckets.ts";
import { readExemplarTraces } from "../../storage/exemplar-traces.ts";
import type { Storage } from "../../storage/client.ts";
import { readNodeZones } from "../../storage/kubernetes-objects.ts";
import { nearestChange } from "./change-proximity.ts";
import { findBlamePath, nodeEntity } from "./blame-path.ts";
import { type Cohort, narrowCohort } from "./cohort.ts";
import type { InstanceName } from "./platform.ts";
import type { Finding } from "./finding.ts";
import { type Candidate, chooseKind } from "./rank.ts";
import type { Scene, ServiceScene } from "./scene.ts";
import { nodesInQuestion, traitCohorts } from "./trait-cohorts.ts";

/** What a cause is built from; `symptoms` are node keys. */
export interface CauseFacts {
  readonly scene: Scene;
  readonly symptoms: ReadonlySet<string>;
  readonly candidate: Candidate;
  readonly rank: number;
  readonly runtimes: ReadonlyMap<string, RuntimeClass>;
  readonly changes: readonly Change[];
}

const MAX_EXEMPLARS = 3;

const heaviest = (findings: readonly Finding[]) => [...findings].sort((a, b) => b.weight - a.weight);

/** The place as a whole: a service, an edge, a virtual callee, or what its findings say it is. */
export function candidateEntity(scene: Scene, candidate: Candidate): Entity {
  const told = heaviest(candidate.findings).find((f) => f.entity !== undefined)?.entity;
  return scene.edges.get(candidate.place)?.entity ?? told ?? nodeEntity(scene, candidate.place);
}

/** The narrowing that a finding states by its instances; null when it names none or all that the service has. */
function statedCohort(service: ServiceScene, finding: Finding): Cohort | null {
  const named = new Set(finding.instances);
  const all = [...service.instances.values()].filter((one) => one.instance !== "");
  const members = all.filter((one) => named.has(one.instance));
  const rest = all.filter((one) => !named.has(one.instance));
  const [first] = members;
  if (first === undefined || rest.length === 0) return null;
  const { cluster, namespace, service: name } = service.entity;
  const { version, instance, node } = first;
  const isVersion =
    version !== "" && members.every((m) => m.version === version) && rest.every((r) => r.version !== version);
  if (!isVersion && members.length > 1) return null;
  const entity = isVersion
    ? makeEntity("VERSION", { cluster, namespace, service: name, version })
    : makeEntity("INSTANCE", { cluster, namespace, service: name, version, instance, node });
  return { entity, members, weight: 0, source: finding.source, summary: "" };
}

/** What traffic narrows to, or what a finding states, whichever speaks louder. */
function cohortOf(scene: Scene, candidate: Candidate): Cohort | null {
  const service = scene.services.get(candidate.place);
  if (service === undefined) return null;
  const sorted = heaviest(candidate.findings);
  const stating = sorted.find((f) => f.instances !== undefined && f.instances.length > 0);
  const stated = stating === undefined ? null : statedCohort(service, stating);
  const traffic = narrowCohort(service, candidate.indicator);
  if (stated === null) return traffic;
  return traffic.entity.kind === "SERVICE" || sorted[0] === stating ? stated : traffic;
}

/** The instances that a candidate blames; none for an edge or a virtual callee. */
export function instancesOf(scene: Scene, candidate: Candidate): InstanceName[] {
  const service = scene.services.get(candidate.place)?.entity.service ?? "";
  const members = cohortOf(scene, candidate)?.members ?? [];
  return members.map(({ instance }) => ({ service, instance })).filter((m) => m.instance !== "");
}

/** The runtime class that all the instances have in common; UNKNOWN when they differ. */
export function runtimeOf(
  runtimes: ReadonlyMap<string, RuntimeClass>,
  instances: readonly InstanceName[],
): RuntimeClass {
  const classes = new Set(instances.map((i) => runtimes.get(i.instance) ?? "UNKNOWN"));
  const [only] = classes;
  return classes.size === 1 && only !== undefined ? only : "UNKNOWN";
}

function placeOf(facts: CauseFacts, cohort: Cohort | null): Entity {
  const { scene, candidate, runtimes } = facts;
  if (cohort === null) return candidateEntity(scene, candidate);
  const runtime = runtimeOf(runtimes, instancesOf(scene, candidate));
  return makeEntity(cohort.entity.kind, { ...cohort.entity, runtime });
}

function pathOf(facts: CauseFacts, place: Entity): Entity[] {
  const { scene, symptoms, candidate } = facts;
  const edge = scene.edges.get(candidate.place);
  const node = edge === undefined ? candidate.place : edge.from;
  const path = findBlamePath(scene, node, symptoms, candidate.indicator).map((key) => nodeEntity(scene, key));
  // The cause itself, as narrow as it is known, closes the path.
  return edge === undefined ? [...path.slice(0, -1), place] : [...path, place];
}

async function exemplars(
  storage: Storage,
  tenant: string,
  windows: Windows,
  place: Entity,
  indicator: Indicator,
): Promise<string[]> {
  const peer = place.peer?.service ?? "";
  return readExemplarTraces(storage, {
    tenant,
    service: place.service,
    version: place.version,
    instance: place.instance,
    peer,
    from: Math.min(...windows.fault),
    to: Math.max(...windows.fault) + BUCKET_SECONDS,
    failed: indicator === "ERRORS",
    maxCount: MAX_EXEMPLARS,
  });
}

const KIND_WORDS: Partial<Record<FaultKind, string>> = {
  LATENCY: "is slow by itself",
  CODE_ERROR: "fails by itself",
  CRASH: "crashes or does not take connections",
  CPU: "is short of CPU",
  MEMORY: "is short of memory",
  NETWORK: "loses time or calls on the way to the callee",
  DEPENDENCY: "is a slow or failing dependency",
  ROUTE_CONFIG: "has no valid route",
  TIMEOUT_CONFIG: "is cut off by a timeout",
  CIRCUIT_BREAKER: "is refused by a circuit breaker",
  RATE_LIMIT: "is rate limited",
  AUTHORIZATION: "is denied by policy",
  FAULT_INJECTION: "has faults injected by the mesh",
  COLD_START: "starts cold again and again",
  PAUSE: "is paused by its platform",
  BAD_RELEASE: "is worse since its rollout",
  DISK: "is short of disk",
  NODE: "slows or breaks what runs on it",
  CLUSTER_LINK: "loses time or calls on the way",
  RETRY_STORM: "is asked again and again",
  LOAD_IMBALANCE: "takes far more than its share",
  TRAFFIC_SURGE: "gets far more requests than before",
};

/** What of the question a cause needs; `onset` in unix seconds. */
export interface AskedAbout {
  readonly tenant: string;
  readonly windows: Windows;
  readonly indicator: Indicator;
  readonly onset: number;
}

/** Builds one cause. */
export async function buildCause(storage: Storage, question: AskedAbout, facts: CauseFacts): Promise<Cause> {
  const { scene, candidate } = facts;
  const cohort = cohortOf(scene, candidate);
  const place = placeOf(facts, cohort);
  const faultKind = chooseKind(candidate, question.indicator);
  const traceIds = await exemplars(storage, question.tenant, question.windows, place, candidate.indicator);
  const sorted = heaviest(candidate.findings);
  const evidence: Evidence[] = sorted.map((f, i) => ({
    source: f.source,
    summary: f.summary,
    weight: f.weight,
    traceIds: i === 0 ? traceIds : [],
  }));
  if (cohort !== null && cohort.summary !== "") {
    const { source, summary, weight } = cohort;
    evidence.splice(1, 0, { source, summary, weight, traceIds: [] });
  }
  const service = scene.services.get(candidate.place);
  if (service !== undefined) {
    const { cluster } = service.entity;
    const zones = await readNodeZones(storage, question.tenant, cluster, nodesInQuestion(service, candidate.indicator));
    evidence.push(...traitCohorts(scene, service, { runtimes: facts.runtimes, zones }, candidate.indicator));
  }
  return {
    rank: facts.rank,
    confidence: candidate.confidence,
    faultKind,
    entity: place,
    summary: `${entityName(place)} ${KIND_WORDS[faultKind] ?? "is the cause"}: ${evidence[0]?.summary ?? ""}`,
    evidence,
    blamePath: pathOf(facts, place),
    change: nearestChange(scene, candidate.place, facts.changes, question.onset),
    codeRegion: sorted.find((f) => f.codeRegion !== undefined)?.codeRegion ?? null,
    remedy: null,
  };
}
