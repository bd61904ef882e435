// Change proximity: was the blamed place changed shortly before the onset?
// In: the changes around the onset, the candidate places. Out: at most one finding a place, and the change it speaks of.
// Bounds: pure; a change supports a place that other evidence names, it never blames on its own: decoys are as common as causes.
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

// Workloads roll out code; everything else that is routed or configured decides its kind by flags and other signs.
const KINDS: Record<string, FaultKind> = {
  Deployment: "BAD_RELEASE",
  StatefulSet: "BAD_RELEASE",
  DaemonSet: "BAD_RELEASE",
  Rollout: "BAD_RELEASE",
  Revision: "BAD_RELEASE",
  Application: "BAD_RELEASE",
  HelmRelease: "BAD_RELEASE",
  Kustomization: "BAD_RELEASE",
  VirtualService: "ROUTE_CONFIG",
  DestinationRule: "ROUTE_CONFIG",
  HTTPRoute: "ROUTE_CONFIG",
  GRPCRoute: "ROUTE_CONFIG",
  AuthorizationPolicy: "AUTHORIZATION",
};

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
    const fade = Math.abs(age) <= FRESH_SECONDS ? 1 : 0.25;
    const kind = KINDS[change.kind];
    const when = age >= 0 ? `${age.toFixed(0)} s before` : `${(-age).toFixed(0)} s after`;
    return [
      {
        place: candidate.place,
        source: "change",
        indicator: candidate.indicator,
        weight: WEIGHTS.change * fade,
        excess: 0,
        summary: `${change.summary}, ${when} the onset`,
        kinds: kind === undefined ? {} : { [kind]: kind === "BAD_RELEASE" ? 6 : 2 },
      },
    ];
  });
}
