// Fusion: findings of all kinds become ranked causes with confidence.
// In: findings by place, the indicator that alarmed, the calls. Out: candidates with summed weights, best first, their probabilities.
// Bounds: pure; families.ts sums what is said of one place, compete.ts turns the sums into probabilities.
import type { FaultKind, Indicator } from "../../model/localization.ts";
import { type CallGraph, probabilities } from "./compete.ts";
import { familyOf, weighFamilies, weighPlace, weightFor } from "./families.ts";
import type { Finding } from "./finding.ts";
import { calibrate } from "./calibrate.ts";
import { WEIGHTS } from "./weights.ts";

/** One place with everything said of it; `confidence` 0..1, calibrated; `weight` nats. */
export interface Candidate {
  readonly place: string;
  readonly findings: readonly Finding[];
  readonly weight: number;
  readonly confidence: number;
  /** The indicator in which the place's excess lies. */
  readonly indicator: Indicator;
}

interface Weighed {
  readonly place: string;
  readonly findings: readonly Finding[];
  readonly weight: number;
  readonly indicator: Indicator;
}

function weighOne(place: string, findings: readonly Finding[], symptom: Indicator): Weighed {
  const weight = weighPlace(weighFamilies(findings, symptom));
  const lead = findings.toSorted((a, b) => weightFor(b, symptom) - weightFor(a, symptom))[0]!;
  return { place, findings, weight, indicator: lead.indicator };
}

/** A busy neighbour of a place that fails by itself: what only the platform says of a place stays below what its requests say of another. */
function holdPlatformDown(weighed: readonly Weighed[]): Weighed[] {
  const isPlatformAlone = (one: Weighed) => one.findings.every((f) => familyOf(f.source) === "platform");
  const felt = weighed.filter((one) => one.findings.some((f) => f.excess > 0 && f.weight >= WEIGHTS.significant));
  if (felt.length === 0) return [...weighed];
  const limit = Math.max(...felt.map((one) => one.weight)) - WEIGHTS.platformAlone;
  return weighed.map((one) => (isPlatformAlone(one) ? { ...one, weight: Math.min(one.weight, limit) } : one));
}

/** Sums findings by place and turns the sums into probabilities, best first; without a graph all places compete. */
export function rankCandidates(
  findings: readonly Finding[],
  symptom: Indicator,
  graph: CallGraph | null = null,
): Candidate[] {
  const places = new Map<string, Finding[]>();
  for (const finding of findings) {
    const known = places.get(finding.place);
    if (known === undefined) places.set(finding.place, [finding]);
    else known.push(finding);
  }
  const sorted = holdPlatformDown([...places].map(([place, found]) => weighOne(place, found, symptom))).toSorted(
    (a, b) => b.weight - a.weight || (a.place < b.place ? -1 : 1),
  );
  const chances = probabilities(sorted, graph);
  return sorted.map((one, i) => ({ ...one, confidence: calibrate(chances[i] ?? 0) }));
}

// A finding of this weight votes in full; weaker ones in proportion.
const FULL_VOTE_WEIGHT = 4;
// A finding on the other indicator says little of the kind: one reset connection does not make a slow service a crashed one.
const OTHER_INDICATOR_VOTE = 0.3;

/** The fault kind with the most votes of a candidate's findings; UNKNOWN when nobody votes. */
export function chooseKind(candidate: Candidate, symptom: Indicator): FaultKind {
  const sums = new Map<FaultKind, number>();
  for (const finding of candidate.findings) {
    const strength = Math.min(1, Math.max(0, weightFor(finding, symptom) / FULL_VOTE_WEIGHT));
    const vote = strength * (finding.indicator === candidate.indicator ? 1 : OTHER_INDICATOR_VOTE);
    for (const [kind, weight] of Object.entries(finding.kinds) as [FaultKind, number][]) {
      sums.set(kind, (sums.get(kind) ?? 0) + weight * vote);
    }
  }
  const best = [...sums].filter(([, votes]) => votes > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
  return best === undefined ? "UNKNOWN" : best[0];
}
