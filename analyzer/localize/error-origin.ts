// Error origin: where failures begin, that is, fail without anything below them failing.
// In: the scene and the places in question. Out: excess failures by service, and by edge where the request died on the way.
// Bounds: pure; retried failures count too, as the callee saw them. Flags decide whether a dead edge blames edge or callee.
import { type FlagMeaning, flagMeaning } from "../../model/response-flags.ts";
import { effectiveSize, upperTailLog10 } from "../statistics.ts";
import { type Excess, percent } from "./finding.ts";
import { calleePlace, type EdgeScene, type Scene, type ServiceScene } from "./scene.ts";

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

function serviceExcess(service: ServiceScene): Excess {
  const { fault, baseline } = service;
  const e = excessOf(
    { hits: fault.originFailed, of: fault.requests },
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

function edgeExcess(edge: EdgeScene): Excess {
  const { fault, baseline } = edge;
  const e = excessOf(
    { hits: fault.originFailed, of: fault.callerCalls },
    { hits: baseline.originFailed, of: baseline.callerCalls },
  );
  const lead = leadingFlag(fault.flags);
  const flagged = lead !== null && lead.count >= 0.5 * fault.originFailed ? lead : null;
  // The proxy at the caller says who is to blame: its own policy (the edge), or a callee that did not take the connection.
  const blamesCallee = flagged?.meaning.owner === "destination" || (flagged === null && edge.virtual);
  const kind = flagged?.meaning.kind ?? (edge.virtual ? "DEPENDENCY" : "NETWORK");
  const how = flagged === null ? "" : `, flag ${flagged.flag} (${flagged.meaning.name})`;
  const what = fault.neverArrived > 0 ? "fail and never arrive" : "fail though the callee does not";
  return {
    place: blamesCallee ? calleePlace(edge) : edge.key,
    source: flagged === null ? "ledger-gap" : "response-flag",
    excess: e.excess,
    log10P: e.log10P,
    summary: `${percent(e.ratio)} of the calls ${edge.entity.service} → ${edge.target.service} ${what}, before ${percent(e.before)}${how}`,
    kinds: { [kind]: flagged === null ? 1 : 3 },
  };
}

/** Excess failures that began at each of the places. */
export function findErrorOrigins(scene: Scene, places: ReadonlySet<string>): Excess[] {
  const found: Excess[] = [];
  for (const service of scene.services.values()) {
    if (places.has(service.key) && service.fault.originFailed > 0) found.push(serviceExcess(service));
  }
  for (const edge of scene.edges.values()) {
    if (places.has(edge.from) && edge.fault.originFailed > 0) found.push(edgeExcess(edge));
  }
  return found;
}
