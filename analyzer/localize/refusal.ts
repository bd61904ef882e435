// Refusals: calls that are answered "no" (4xx and alike) by a policy, a limit, a missing route, or by the service itself.
// In: the scene and the places in question. Out: excess refusals by the service that refuses, or by the edge on which they are refused.
// Bounds: pure. A refusal is no failure of the one who asked, but who asks in vain often fails: error-origin.ts takes that off his account.
import { flagMeaning } from "../../model/response-flags.ts";
import { effectiveSize, upperTailLog10 } from "../statistics.ts";
import { type Excess, percent } from "./finding.ts";
import type { EdgeScene, Scene, ServiceScene } from "./scene.ts";

// Callers that never ask properly are normal; these are the least number and rise that say more.
const MIN_EXCESS = 5;
const MIN_RISE = 0.03;
// Refusals come in bursts of one client more than failures do.
const RHO = 0.005;
// A caller is spared when its share of refusals is at most this part of the worst one's.
const SPARED_SHARE = 0.2;
const MIN_CALLS = 15;

interface Count {
  readonly hits: number;
  readonly of: number;
}

const ratioOf = ({ hits, of }: Count) => (of === 0 ? 0 : hits / of);

/** Refused calls of an edge beyond the baseline's share, as the caller saw them; never negative. */
export function refusedExcess({ fault, baseline }: EdgeScene): number {
  const usual = baseline.callerCalls === 0 ? 0 : baseline.callerDegraded / baseline.callerCalls;
  return Math.max(0, fault.callerDegraded - usual * fault.callerCalls);
}

/** The edges of a scene by caller and by callee. */
export function edgesByEnd(scene: Scene): { from: Map<string, EdgeScene[]>; to: Map<string, EdgeScene[]> } {
  const [from, to] = [new Map<string, EdgeScene[]>(), new Map<string, EdgeScene[]>()];
  for (const edge of scene.edges.values()) {
    for (const [map, key] of [
      [from, edge.from],
      [to, edge.to],
    ] as const) {
      const known = map.get(key);
      if (known === undefined) map.set(key, [edge]);
      else known.push(edge);
    }
  }
  return { from, to };
}

/** The only caller for which something goes wrong, where others that call as well are spared; null when there is no such. */
export function onlyCallerOf(edges: readonly EdgeScene[], badOf: (edge: EdgeScene) => number): EdgeScene | null {
  const judged = edges
    .filter((edge) => edge.fault.callerCalls >= MIN_CALLS)
    .map((edge) => ({ edge, ratio: badOf(edge) / edge.fault.callerCalls }))
    .toSorted((a, b) => b.ratio - a.ratio);
  const [worst, ...others] = judged;
  if (worst === undefined || others.length === 0 || worst.ratio <= 0) return null;
  return others.every((one) => one.ratio <= SPARED_SHARE * worst.ratio) ? worst.edge : null;
}

/** The flag of a policy that stands on at least half of so many requests; null when none does. */
function policyFlag(flags: ReadonlyMap<string, number>, hits: number): string | null {
  const told = [...flags].filter(([flag]) => flagMeaning(flag).kind !== null && flagMeaning(flag).owner === "edge");
  const [best] = told.toSorted((a, b) => b[1] - a[1]);
  return best !== undefined && best[1] >= 0.5 * hits ? best[0] : null;
}

function makeExcess(place: string, who: string, fault: Count, base: Count, own: number, flag: string | null): Excess {
  const expected = (base.hits + 0.5) / (base.of + 1);
  const size = effectiveSize(fault.of, RHO);
  const kind = flag === null ? null : flagMeaning(flag).kind;
  const how = flag === null ? "" : `, flag ${flag} (${flagMeaning(flag).name})`;
  return {
    place,
    source: flag === null ? "refusal" : "response-flag",
    excess: own,
    log10P: upperTailLog10((own / fault.of + ratioOf(base)) * size, size, expected),
    summary: `${percent(ratioOf(fault))} of ${who} are refused, before ${percent(ratioOf(base))}${how}`,
    kinds: kind === null ? { CODE_ERROR: 0.5 } : { [kind]: 3 },
  };
}

function serviceRefusals(service: ServiceScene, into: readonly EdgeScene[], below: number): Excess | null {
  const fault = { hits: service.fault.degraded, of: service.fault.requests };
  const base = { hits: service.baseline.degraded, of: service.baseline.requests };
  const own = fault.hits - ratioOf(base) * fault.of - below;
  if (own < MIN_EXCESS || own < MIN_RISE * fault.of) return null;
  const flag = policyFlag(service.fault.flags, own);
  const only = onlyCallerOf(into, refusedExcess);
  if (only !== null) {
    const who = `the calls ${only.entity.service} → ${only.target.service}`;
    const [f, b] = [only.fault, only.baseline];
    const during = { hits: f.callerDegraded, of: f.callerCalls };
    const before = { hits: b.callerDegraded, of: b.callerCalls };
    return makeExcess(only.key, who, during, before, Math.min(own, refusedExcess(only)), flag);
  }
  return makeExcess(service.key, `${service.entity.service}'s requests`, fault, base, own, flag);
}

/** Refusals on the way: what the caller was refused and the callee never heard of. */
function edgeRefusals(edge: EdgeScene): Excess | null {
  const { fault, baseline } = edge;
  const usual = baseline.calleeCalls === 0 ? 0 : baseline.calleeOther / baseline.calleeCalls;
  const heard = Math.max(0, fault.calleeOther - usual * fault.calleeCalls);
  const own = refusedExcess(edge) - heard;
  if (own < MIN_EXCESS || own < MIN_RISE * fault.callerCalls) return null;
  const who = `the calls ${edge.entity.service} → ${edge.target.service || "an unknown callee"}`;
  const during = { hits: fault.callerDegraded, of: fault.callerCalls };
  const before = { hits: baseline.callerDegraded, of: baseline.callerCalls };
  return makeExcess(edge.key, who, during, before, own, policyFlag(fault.flags, own));
}

/** Excess refusals that begin at each of the places. */
export function findRefusals(scene: Scene, places: ReadonlySet<string>): Excess[] {
  const ends = edgesByEnd(scene);
  const found: (Excess | null)[] = [];
  for (const service of scene.services.values()) {
    if (!places.has(service.key)) continue;
    const below = (ends.from.get(service.key) ?? []).reduce((sum, edge) => sum + refusedExcess(edge), 0);
    found.push(serviceRefusals(service, ends.to.get(service.key) ?? [], below));
  }
  for (const edge of scene.edges.values()) if (places.has(edge.from)) found.push(edgeRefusals(edge));
  return found.filter((one) => one !== null);
}
