// Change proximity: was the blamed place changed shortly before the onset?
// In: the changes around the onset, the candidate places. Out: at most one finding a place, and the change it speaks of.
// Bounds: pure; a change supports a place that other evidence names, it never blames on its own: decoys are as common as causes. What a
//   change of a route or policy speaks for is read from the fields that differ; a change of the number of replicas releases nothing.
import type { Change, FaultKind } from "../../model/localization.ts";
import { unixSeconds } from "../time.ts";
import type { Finding } from "./finding.ts";
import type { Candidate } from "./rank.ts";
import type { Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

/** How long before the onset a change may lie, seconds. */
export const CHANGE_LOOK_BACK_SECONDS = 900;
/** How long after it: clocks differ and watches are late, seconds. */
export const CHANGE_LOOK_AHEAD_SECONDS = 15;
// A change this close to the onset has the full weight; older ones fade to a quarter.
const FRESH_SECONDS = 120;
const LATE_SECONDS = 10;

const WORKLOADS = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "Rollout",
  "Revision",
  "Application",
  "HelmRelease",
  "Kustomization",
  "Canary",
]);
const ROUTES = new Set(["VirtualService", "HTTPRoute", "GRPCRoute", "TCPRoute", "Gateway", "ServiceEntry", "Sidecar"]);
const POLICIES = new Set(["AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication", "NetworkPolicy"]);

// Which field of a route or a traffic policy speaks for which kind; the first that differs decides.
const FIELD_KINDS: readonly (readonly [RegExp, FaultKind])[] = [
  [/\bfault\b|abort\.httpStatus|fixedDelay/, "FAULT_INJECTION"],
  [/rate.?limit|token.?bucket/i, "RATE_LIMIT"],
  [/\b(timeout|perTryTimeout|idleTimeout|connectTimeout)\b/, "TIMEOUT_CONFIG"],
  [/connectionPool|outlierDetection|maxRequests|maxConnections|PendingRequests/, "CIRCUIT_BREAKER"],
  [/\bretries\b|retryOn/, "RETRY_STORM"],
  [/loadBalancer|consistentHash|localityLb/, "LOAD_IMBALANCE"],
  [/rbac|ext_?authz|\bjwt/i, "AUTHORIZATION"],
];

/** What of a change differs, as far as it says so. */
const textOf = (change: Change) => `${change.summary} ${change.before ?? ""} ${change.after ?? ""}`;

// Headlines of ingest read "Deployment x changed: replicas 2 → 3, image a → b".
const SCALING = /^(?:(?:min|max)?replicas|pod annotations\S*|paused|phase)\b/i;

/** True where nothing but the number of replicas differs: the same code, more or less of it. */
function isScalingOnly(change: Change): boolean {
  const told = change.after ?? change.summary.split(/: /).slice(1).join(": ");
  const fields = told.split(/,\s+/).filter((field) => field !== "");
  return fields.length > 0 && fields.every((field) => SCALING.test(field));
}

/** The kind of fault that a change would cause, with the strength of that; null where it says nothing of the kind. */
export function kindOfChange(change: Change): { kind: FaultKind; votes: number } | null {
  if (WORKLOADS.has(change.kind)) return isScalingOnly(change) ? null : { kind: "BAD_RELEASE", votes: 6 };
  if (POLICIES.has(change.kind)) return { kind: "AUTHORIZATION", votes: 4 };
  if (!ROUTES.has(change.kind) && !/^(DestinationRule|EnvoyFilter|BackendTrafficPolicy|.*Policy)$/.test(change.kind))
    return null;
  const named = FIELD_KINDS.find(([field]) => field.test(textOf(change)));
  if (named !== undefined) return { kind: named[1], votes: 4 };
  return ROUTES.has(change.kind) || change.kind === "DestinationRule" ? { kind: "ROUTE_CONFIG", votes: 2 } : null;
}

/** The services that a place stands for: itself, or for an edge its callee, whose routes decide over it. */
function servicesOf(scene: Scene, place: string): string[] {
  const edge = scene.edges.get(place);
  const service = scene.services.get(place)?.entity.service;
  return edge === undefined ? [service ?? ""] : [edge.target.service];
}

/** The change nearest to the onset (unix seconds) that touches a place; null when there is none. */
export function nearestChange(scene: Scene, place: string, changes: readonly Change[], onset: number): Change | null {
  const services = servicesOf(scene, place);
  let best: Change | null = null;
  for (const change of changes) {
    const age = onset - unixSeconds(change.at);
    if (age > CHANGE_LOOK_BACK_SECONDS || age < -CHANGE_LOOK_AHEAD_SECONDS) continue;
    if (!services.includes(change.entity.service)) continue;
    const bestAge = best === null ? Infinity : Math.abs(onset - unixSeconds(best.at));
    if (Math.abs(age) < bestAge) best = change;
  }
  return best;
}

/** Findings of changes for the candidates that have one; `onset` in unix seconds. */
export function findChanges(
  scene: Scene,
  candidates: readonly Candidate[],
  changes: readonly Change[],
  onset: number,
): Finding[] {
  return candidates.flatMap((candidate) => {
    const change = nearestChange(scene, candidate.place, changes, onset);
    if (change === null) return [];
    const age = onset - unixSeconds(change.at);
    // The onset is known to a bucket: what came later than that did not cause it.
    const fade = age < -LATE_SECONDS ? 0.25 : Math.abs(age) <= FRESH_SECONDS ? 1 : 0.25;
    const told = kindOfChange(change);
    const isIdle = WORKLOADS.has(change.kind) && told === null;
    const when = age >= 0 ? `${age.toFixed(0)} s before` : `${(-age).toFixed(0)} s after`;
    return [
      {
        place: candidate.place,
        source: "change",
        indicator: candidate.indicator,
        weight: WEIGHTS.change * (isIdle ? Math.min(fade, 0.25) : fade),
        excess: 0,
        summary: `${change.summary}, ${when} the onset`,
        kinds: told === null ? {} : { [told.kind]: told.votes },
      },
    ];
  });
}
