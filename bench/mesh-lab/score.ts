// The scorer of mesh-lab recordings: labels against answers. Nothing outside this folder reads a truth file.
// In: truth entries (times already shifted to those of the replay), incidents with their localizations, the instances seen.
// Out: one line a case. Rules: the README beside the recordings (windows, places as sets of instances, kinds).
// Bounds: pure.
import type { Entity } from "../../model/entity.ts";
import type { FaultKind } from "../../model/localization.ts";
import type { FoundIncident } from "../../service/demo/analysis.ts";
import { type CandidateFeatures, candidateFeatures } from "../calibration/features.ts";

/** One root of a fault as the truth file names it. */
export interface TruthRoot {
  readonly level: string;
  readonly service?: string;
  readonly version?: string;
  readonly pod?: string;
  readonly node?: string;
  readonly cluster?: string;
  readonly edge?: { readonly from: string; readonly to: string };
  readonly kind: string;
}

/** One case; times are unix seconds of the replay. */
export interface TruthCase {
  readonly id: string;
  readonly control: boolean;
  readonly faultKind: string;
  readonly notes: string;
  readonly faultStart: number;
  readonly faultEnd: number;
  readonly roots: readonly TruthRoot[];
  readonly alsoAcceptable: readonly Partial<TruthRoot>[];
  readonly hasCausalRollout: boolean;
}

/** An instance that sent telemetry. */
export interface SeenInstance {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

/** The result of one case; `rank` is null where the true place was not named. */
export interface CaseResult {
  readonly case: string;
  readonly control: boolean;
  readonly truth: string;
  readonly answer: string;
  readonly rank: number | null;
  readonly confidence: number | null;
  readonly faultKind: string;
  readonly kindRight: boolean;
  readonly secondsToIncident: number | null;
  readonly falseIncidents: number;
  /** What is scored together. */
  readonly group: string;
  /** Every candidate of the first incident's answer, for calibration. */
  readonly candidates: readonly CandidateFeatures[];
}

const EARLY_SECONDS = 6;
const LATE_SECONDS = 5;

function instancesOf(place: { service?: string; version?: string; pod?: string }, seen: readonly SeenInstance[]) {
  if (place.pod !== undefined && place.pod !== "") return new Set([place.pod]);
  const found = seen.filter(
    (s) => s.service === place.service && (!place.version || s.version === place.version) && s.instance !== "",
  );
  return new Set(found.map((s) => s.instance));
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size > 0 && a.size === b.size && [...a].every((x) => b.has(x));
}

/** What stands for itself: it has no instances that send spans. */
const VIRTUAL = new Set(["DATABASE", "MESSAGING", "EXTERNAL"]);

/** True when a callee goes by a name; a database's has its system before it (`postgresql:postgres`). */
function isNamed(service: string, name: string | undefined): boolean {
  return name !== undefined && name !== "" && service.split(":").includes(name);
}

function isLink(entity: Entity, root: Partial<TruthRoot>): boolean {
  const ends = [entity.cluster, entity.peer?.cluster ?? ""].toSorted().join();
  return (
    entity.kind === "EDGE" &&
    entity.peer?.kind === "CLUSTER" &&
    (root.edge === undefined || ends === [root.edge.from, root.edge.to].toSorted().join())
  );
}

function namesPlace(entity: Entity, root: Partial<TruthRoot>, seen: readonly SeenInstance[]): boolean {
  if (root.level === "node") return entity.kind === "NODE" && entity.node === root.node;
  if (root.level === "cluster-link") return isLink(entity, root);
  if (root.level === "edge") {
    const isEdge =
      entity.kind === "EDGE" && entity.service === root.edge?.from && isNamed(entity.peer?.service ?? "", root.edge.to);
    return isEdge || (entity.kind === "SERVICE" && entity.service === root.service);
  }
  if (VIRTUAL.has(entity.kind)) return isNamed(entity.service, root.service);
  if (entity.kind === "EDGE" || entity.kind === "NODE") return false;
  const said = instancesOf({ service: entity.service, version: entity.version, pod: entity.instance }, seen);
  // A service's root names every pod of it, also where the truth adds the one pod it has.
  const true_ = instancesOf(root.level === "service" ? { ...root, pod: "" } : root, seen);
  return entity.service === root.service && sameSet(said, true_);
}

/** True when an entity is one of the right places of a case. */
export function isRightPlace(entity: Entity, truth: TruthCase, seen: readonly SeenInstance[]): boolean {
  return [...truth.roots, ...truth.alsoAcceptable].some((root) => namesPlace(entity, root, seen));
}

const KIND_PREFIXES: readonly [string, FaultKind][] = [
  ["latency", "LATENCY"],
  ["errors", "CODE_ERROR"],
  ["crash", "CRASH"],
  ["cpu", "CPU"],
  ["memory", "MEMORY"],
  ["disk", "DISK"],
  ["network", "NETWORK"],
  ["cold_start", "COLD_START"],
  ["vm_pause", "PAUSE"],
  ["pause", "PAUSE"],
  ["fault_injection", "FAULT_INJECTION"],
  ["retry_storm", "RETRY_STORM"],
  ["circuit_breaker", "CIRCUIT_BREAKER"],
  ["rate_limit", "RATE_LIMIT"],
  ["authorization", "AUTHORIZATION"],
  ["timeout", "TIMEOUT_CONFIG"],
  ["route", "ROUTE_CONFIG"],
  ["node", "NODE"],
  ["cluster_link", "CLUSTER_LINK"],
  ["dependency", "DEPENDENCY"],
  ["load_imbalance", "LOAD_IMBALANCE"],
  ["traffic_surge", "TRAFFIC_SURGE"],
  ["bad_release", "BAD_RELEASE"],
];

/** The fault kinds that are right for a case. */
export function rightKinds(truth: TruthCase): Set<FaultKind> {
  const kinds = new Set<FaultKind>();
  for (const { kind } of truth.roots) {
    const known = KIND_PREFIXES.find(([prefix]) => kind.startsWith(prefix));
    if (known !== undefined) kinds.add(known[1]);
  }
  if (truth.hasCausalRollout) kinds.add("BAD_RELEASE");
  if (/retry storm|retries went|retry change/i.test(truth.notes)) kinds.add("RETRY_STORM");
  return kinds;
}

function describe(entity: Entity): string {
  const own = [entity.service, entity.version, entity.instance, entity.node].filter((p) => p !== "").join("/");
  if (entity.peer?.kind === "CLUSTER") return `LINK ${entity.cluster} > ${entity.peer.cluster}`;
  return entity.peer === undefined ? `${entity.kind} ${own}` : `${entity.kind} ${own} > ${entity.peer.service}`;
}

/** Scores every case; incidents that belong to no fault are counted at the case in whose time they start. */
export function scoreCases(
  cases: readonly TruthCase[],
  incidents: readonly FoundIncident[],
  seen: readonly SeenInstance[],
): CaseResult[] {
  const startOf = (found: FoundIncident) => Date.parse(found.incident.startedAt) / 1000;
  const belongs = (found: FoundIncident, truth: TruthCase) =>
    !truth.control &&
    startOf(found) >= truth.faultStart - EARLY_SECONDS &&
    startOf(found) <= truth.faultEnd + LATE_SECONDS;
  return cases.map((truth, index) => {
    const mine = incidents.filter((found) => belongs(found, truth));
    const from = index === 0 ? -Infinity : cases[index - 1]!.faultEnd + LATE_SECONDS;
    const to = index === cases.length - 1 ? Infinity : truth.faultEnd + LATE_SECONDS;
    const strangers = incidents.filter(
      (found) => startOf(found) > from && startOf(found) <= to && !cases.some((other) => belongs(found, other)),
    );
    const first = mine[0];
    const causes = mine.flatMap((found) => found.localization?.causes ?? []);
    const right = causes.find((cause) => isRightPlace(cause.entity, truth, seen));
    const top = first?.localization?.causes[0];
    return {
      case: truth.id,
      control: truth.control,
      truth: truth.roots.map((r) => r.pod ?? r.edge?.to ?? r.service ?? r.level).join(", "),
      answer: top === undefined ? (first?.localization?.reason ?? "") : describe(top.entity),
      rank: right?.rank ?? null,
      confidence: top?.confidence ?? null,
      faultKind: top?.faultKind ?? "",
      kindRight: top !== undefined && rightKinds(truth).has(top.faultKind),
      secondsToIncident: first === undefined ? null : Date.parse(first.incident.detectedAt) / 1000 - truth.faultStart,
      falseIncidents: strangers.length,
      group: "mesh-lab",
      candidates:
        first === undefined || first.localization === null
          ? []
          : candidateFeatures(first.localization, (place) => isRightPlace(place, truth, seen)),
    };
  });
}
