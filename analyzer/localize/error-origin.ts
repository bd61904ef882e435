// Error origin: where failures begin, that is, fail without anything below them failing.
// In: the scene and the places in question. Out: excess failures by service, and by edge where the request died on the way.
// Bounds: pure; retried failures count too, as the callee saw them. Flags decide whether a dead edge blames edge or callee; what a service
//   fails because a call of its own was refused, or because its caller had given up, is not its own.
import { type FlagMeaning, flagMeaning } from "../../model/response-flags.ts";
import type { FaultKind } from "../../model/localization.ts";
import { effectiveSize, upperTailLog10 } from "../statistics.ts";
import { type Excess, percent } from "./finding.ts";
import { findExclusiveTime, mergePlaces } from "./exclusive-time.ts";
import { edgesByEnd, findRefusals, onlyCallerOf, refusedExcess } from "./refusal.ts";
import { calleePlace, type EdgeScene, reachableFrom, type Scene, type ServiceScene } from "./scene.ts";

// Failures of a few buckets are not independent; the same floor as in detect.ts.
const RHO = 0.002;

function excessOf(fault: { hits: number; of: number }, base: { hits: number; of: number }) {
  const expected = (base.hits + 0.5) / (base.of + 1);
  const size = effectiveSize(fault.of, RHO);
  const ratio = fault.of === 0 ? 0 : fault.hits / fault.of;
  return {
    excess: fault.hits - (base.of === 0 ? 0 : (base.hits / base.of) * fault.of),
    log10P: upperTailLog10(ratio * size, size, expected),
    ratio,
    before: base.of === 0 ? 0 : base.hits / base.of,
  };
}

/** The most frequent flag of a map with its meaning and count; null when there is none. */
export function leadingFlag(
  flags: ReadonlyMap<string, number>,
): { flag: string; count: number; meaning: FlagMeaning } | null {
  let best: { flag: string; count: number } | null = null;
  for (const [flag, count] of flags) {
    // URX only says that retries were used up; the attempt's own flag says why.
    if (flag !== "URX" && (best === null || count > best.count)) best = { flag, count };
  }
  return best === null ? null : { ...best, meaning: flagMeaning(best.flag) };
}

function serviceExcess(service: ServiceScene, notItsOwn: number): Excess {
  const { fault, baseline } = service;
  const e = excessOf(
    { hits: Math.max(0, fault.originFailed - notItsOwn), of: fault.requests },
    { hits: baseline.originFailed, of: baseline.requests },
  );
  const lead = leadingFlag(fault.flags);
  const byProxy = lead !== null && lead.count >= 0.5 * fault.originFailed;
  const kind = byProxy ? (lead.meaning.kind ?? "CODE_ERROR") : "CODE_ERROR";
  const how = byProxy ? `, flag ${lead.flag} (${lead.meaning.name})` : "";
  return {
    place: service.key,
    source: "error-origin",
    excess: e.excess,
    log10P: e.log10P,
    summary: `${percent(e.ratio)} of ${service.entity.service}'s requests fail in it with nothing failing below, before ${percent(e.before)}${how}`,
    kinds: { [kind]: 2 },
  };
}

const meanTime = (side: { totalNs: number; requests: number }) =>
  side.requests === 0 ? 0 : side.totalNs / side.requests;
// A callee that takes as long as ever and is cut off all the same was cut off too early.
const SLOWER_RATIO = 1.25;

const OVERFLOW_RATIO = 2;

/** What is slowest in or behind a callee that takes so many times as long as before; null when it does not. */
function slowestBehind(edge: EdgeScene, scene: Scene, ratio: number): string | null {
  const callee = scene.services.get(edge.to);
  if (callee === undefined || meanTime(callee.fault) < ratio * meanTime(callee.baseline)) return null;
  const [slowest] = findExclusiveTime(scene, reachableFrom(scene, [edge.to])).toSorted((a, b) => b.excess - a.excess);
  return slowest?.place ?? edge.to;
}

/** Whose fault a call is that was cut off by its route's timeout: the timeout's, or whatever made the callee slow. */
function blameTimeout(edge: EdgeScene, scene: Scene): { place: string; kind: FaultKind } {
  if (edge.virtual) return { place: calleePlace(edge), kind: "LATENCY" };
  const slow = slowestBehind(edge, scene, SLOWER_RATIO);
  return slow === null ? { place: edge.key, kind: "TIMEOUT_CONFIG" } : { place: slow, kind: "LATENCY" };
}

/** Where a call that died on the way is placed, and the kind that its flag speaks for. */
function blameEdge(
  edge: EdgeScene,
  flagged: ReturnType<typeof leadingFlag>,
  scene: Scene,
  into: readonly EdgeScene[],
): { place: string; kind: FaultKind } {
  if (flagged === null) {
    return edge.virtual ? { place: calleePlace(edge), kind: "DEPENDENCY" } : { place: edge.key, kind: "NETWORK" };
  }
  if (flagged.flag === "UT") return blameTimeout(edge, scene);
  // A pool overflows by its size, or because the callee holds on to its connections for longer.
  const slow = flagged.flag === "UO" ? slowestBehind(edge, scene, OVERFLOW_RATIO) : null;
  if (slow !== null) return { place: slow, kind: "LATENCY" };
  const kind = flagged.meaning.kind ?? (edge.virtual ? "DEPENDENCY" : "NETWORK");
  if (flagged.meaning.owner !== "destination") return { place: edge.key, kind };
  // A callee that is gone is gone for all who call it.
  if (onlyCallerOf(into, (one) => one.fault.originFailed) === edge) return { place: edge.key, kind: "NETWORK" };
  return { place: calleePlace(edge), kind };
}

function edgeExcess(edge: EdgeScene, scene: Scene, into: readonly EdgeScene[]): Excess {
  const { fault, baseline } = edge;
  const e = excessOf(
    { hits: fault.originFailed, of: fault.callerCalls },
    { hits: baseline.originFailed, of: baseline.callerCalls },
  );
  const lead = leadingFlag(fault.flags);
  const flagged = lead !== null && lead.count >= 0.5 * fault.originFailed ? lead : null;
  const { place, kind } = blameEdge(edge, flagged, scene, into);
  const how = flagged === null ? "" : `, flag ${flagged.flag} (${flagged.meaning.name})`;
  const what = fault.neverArrived > 0 ? "fail and never arrive" : "fail though the callee does not";
  return {
    place,
    source: flagged === null ? "ledger-gap" : "response-flag",
    excess: e.excess,
    log10P: e.log10P,
    summary: `${percent(e.ratio)} of the calls ${edge.entity.service} → ${edge.target.service} ${what}, before ${percent(e.before)}${how}`,
    kinds: { [kind]: flagged === null ? 1 : 3 },
  };
}

const MIN_CALLS = 10;
const LINKED_RATIO = 0.05;
const EXPLAINED_RATIO = 0.5;

/**
 * True where calls of a callee that tells of itself were never seen to arrive, not even when all was well (the spans between the two are lost or
 * sent elsewhere), and the callee fails about as often as the calls do: that these did not arrive says nothing then.
 */
function isToldByCallee({ baseline, fault, to, virtual }: EdgeScene, scene: Scene): boolean {
  const callee = scene.services.get(to);
  if (virtual || callee === undefined || callee.fault.requests === 0 || baseline.callerCalls < MIN_CALLS) return false;
  if (fault.flags.size > 0 || baseline.calleeCalls >= LINKED_RATIO * baseline.callerCalls) return false;
  const failing = fault.callerFailed / Math.max(1, fault.callerCalls);
  return callee.fault.failed / callee.fault.requests >= EXPLAINED_RATIO * failing;
}

/**
 * Requests that died on their way behind a gateway. Its one span stands for the request and for the call that it becomes, so both carry the
 * proxy's flag; a sidecar flags what it receives only for the application beside it, which the calls of that application do not share.
 */
function lostBehindGateway(service: ServiceScene, outbound: readonly EdgeScene[]): number {
  let lost = 0;
  for (const [flag, count] of service.fault.flags) {
    const called = outbound.reduce((sum, edge) => sum + (edge.fault.flags.get(flag) ?? 0), 0);
    lost += Math.min(count, called);
  }
  return lost;
}

/** Excess failures and refusals that began at each of the places. */
export function findErrorOrigins(scene: Scene, places: ReadonlySet<string>): Excess[] {
  const found: Excess[] = findRefusals(scene, places);
  const ends = edgesByEnd(scene);
  for (const service of scene.services.values()) {
    if (!places.has(service.key) || service.fault.originFailed === 0) continue;
    const refused = (ends.from.get(service.key) ?? []).reduce((sum, edge) => sum + refusedExcess(edge), 0);
    // Who passes a refusal on as a refusal does not fail for it.
    const passedOn =
      service.fault.degraded -
      (service.baseline.degraded / Math.max(1, service.baseline.requests)) * service.fault.requests;
    const abandoned = (ends.to.get(service.key) ?? []).reduce(
      (sum, edge) => sum + (edge.fault.flags.get("UT") ?? 0),
      0,
    );
    const sentOn = lostBehindGateway(service, ends.from.get(service.key) ?? []);
    found.push(serviceExcess(service, Math.max(0, refused - Math.max(0, passedOn)) + abandoned + sentOn));
  }
  for (const edge of scene.edges.values()) {
    if (places.has(edge.from) && edge.fault.originFailed > 0 && !isToldByCallee(edge, scene)) {
      found.push(edgeExcess(edge, scene, ends.to.get(edge.to) ?? []));
    }
  }
  return mergePlaces(found);
}
