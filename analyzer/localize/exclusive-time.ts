// Exclusive time: where requests spend more time of their own than before.
// In: the scene and the places in question. Out: excess time by service (own time), edge (gap) and virtual callee (call time).
// Bounds: pure; excess = rise of the mean per request times requests, nanoseconds. Significance by the shift of the histogram.
import { quantileIndex, tailAbove } from "../../model/histogram.ts";
import { effectiveSize, upperTailLog10 } from "../statistics.ts";
import { duration, type Excess, percent } from "./finding.ts";
import { edgesByEnd, onlyCallerOf } from "./refusal.ts";
import { calleePlace, type EdgeScene, type EdgeSide, type Scene, type ServiceScene } from "./scene.ts";

const RHO = 0.01;

/** log10 p of "as many slow requests as this by chance", over the baseline's median, p90 and p99 (Bonferroni). */
export function shiftLog10(fault: readonly number[], baseline: readonly number[]): number {
  const total = (counts: readonly number[]) => tailAbove(counts, -1);
  const [n, n0] = [total(fault), total(baseline)];
  if (n === 0 || n0 === 0) return 0;
  let best = 0;
  for (const q of [0.5, 0.9, 0.99]) {
    const index = quantileIndex(baseline, n0, q);
    const size = effectiveSize(n, RHO);
    const slow = tailAbove(fault, index) / n;
    const expected = (tailAbove(baseline, index) + 0.5) / (n0 + 1);
    best = Math.min(best, upperTailLog10(slow * size, size, expected) + Math.log10(3));
  }
  return Math.min(0, best);
}

// A rise below these is what load and chance do to any mean.
const MIN_RISE_RATIO = 0.1;
const MIN_RISE_NS = 500_000;

/** True where a mean has risen (nanoseconds) by enough to be looked at; only then histograms matter. */
export function isMaterial(now: number, before: number): boolean {
  return now - before >= MIN_RISE_NS && now - before >= MIN_RISE_RATIO * before;
}

/** Sum by count, 0 of nothing. */
export const mean = (sum: number, count: number) => (count === 0 ? 0 : sum / count);

function ownTime(service: ServiceScene): Excess | null {
  const { fault, baseline } = service;
  if (fault.requests === 0 || baseline.requests === 0) return null;
  const now = mean(fault.selfNs, fault.requests);
  const before = mean(baseline.selfNs, baseline.requests);
  if (!isMaterial(now, before)) return null;
  return {
    place: service.key,
    source: "exclusive-time",
    excess: (now - before) * fault.requests,
    log10P: shiftLog10(fault.selfHist, baseline.selfHist),
    summary: `${service.entity.service}'s own time per request rose from ${duration(before / 1e6)} to ${duration(now / 1e6)} on average over ${fault.requests} requests`,
    kinds: { LATENCY: 1 },
  };
}

// A filter that delays fewer calls than this does not explain a mean that rose.
const MIN_DRILL = 0.02;

/** Share of an edge's calls with a flag. */
function share(side: EdgeSide, flag: string): number {
  return side.callerCalls === 0 ? 0 : (side.flags.get(flag) ?? 0) / side.callerCalls;
}

function gapTime(edge: EdgeScene): Excess | null {
  const { fault, baseline } = edge;
  if (edge.virtual || fault.callerCalls === 0 || baseline.callerCalls === 0) return null;
  const now = mean(fault.gapNs, fault.callerCalls);
  const before = mean(baseline.gapNs, baseline.callerCalls);
  if (!isMaterial(now, before)) return null;
  const drill = share(fault, "DI") - share(baseline, "DI");
  return {
    place: edge.key,
    source: drill >= MIN_DRILL ? "response-flag" : "ledger-gap",
    excess: (now - before) * fault.callerCalls,
    log10P: shiftLog10(fault.callerHist, baseline.callerHist),
    summary: `between ${edge.entity.service} and ${edge.target.service} each call spends ${duration(now / 1e6)} outside the callee, before ${duration(before / 1e6)}${drill >= MIN_DRILL ? `; the mesh delays ${percent(drill)} of them on purpose (flag DI)` : ""}`,
    kinds: drill >= MIN_DRILL ? { FAULT_INJECTION: 3 } : { NETWORK: 1 },
  };
}

/** Time that calls of a virtual callee take beyond the baseline, nanoseconds; 0 where it did not rise. */
export function virtualRise({ fault, baseline }: EdgeScene): number {
  if (fault.callerCalls === 0 || baseline.callerCalls === 0) return 0;
  const [now, before] = [mean(fault.callerNs, fault.callerCalls), mean(baseline.callerNs, baseline.callerCalls)];
  return isMaterial(now, before) ? (now - before) * fault.callerCalls : 0;
}

function virtualTime(edge: EdgeScene, callers: readonly EdgeScene[]): Excess | null {
  const { fault, baseline } = edge;
  const excess = virtualRise(edge);
  if (!edge.virtual || excess <= 0) return null;
  const [now, before] = [mean(fault.callerNs, fault.callerCalls), mean(baseline.callerNs, baseline.callerCalls)];
  // A callee that is slow for one of its callers alone: the way to it, or what this one asks of it.
  const isOnly = onlyCallerOf(callers, virtualRise) === edge;
  const summary = `calls ${edge.entity.service} → ${edge.target.service} take ${duration(now / 1e6)}, before ${duration(before / 1e6)}`;
  return {
    place: isOnly ? edge.key : calleePlace(edge),
    source: "exclusive-time",
    excess,
    log10P: shiftLog10(fault.callerHist, baseline.callerHist),
    summary: isOnly ? `${summary}, while others that call it wait no longer` : summary,
    kinds: isOnly ? { NETWORK: 1, DEPENDENCY: 0.8 } : { DEPENDENCY: 1, LATENCY: 0.5 },
  };
}

/** Merges excesses of one place (a database called by several services is one place). */
export function mergePlaces(found: readonly Excess[]): Excess[] {
  const merged = new Map<string, Excess>();
  for (const e of found) {
    const known = merged.get(e.place);
    if (known === undefined) merged.set(e.place, e);
    else {
      const lead = known.excess >= e.excess ? known : e;
      const log10P = Math.min(known.log10P, e.log10P);
      merged.set(e.place, { ...lead, excess: known.excess + e.excess, log10P });
    }
  }
  return [...merged.values()];
}

/** Excess time of its own at each of the places. */
export function findExclusiveTime(scene: Scene, places: ReadonlySet<string>): Excess[] {
  const found: (Excess | null)[] = [];
  for (const service of scene.services.values()) {
    if (places.has(service.key)) found.push(ownTime(service));
  }
  const callers = edgesByEnd(scene).to;
  for (const edge of scene.edges.values()) {
    if (places.has(edge.from)) found.push(gapTime(edge), virtualTime(edge, callers.get(edge.to) ?? []));
  }
  return mergePlaces(found.filter((e) => e !== null));
}
