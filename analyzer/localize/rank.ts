// Fusion: findings of all kinds become ranked causes with confidence.
// In: findings by place, the scene, the symptoms. Out: candidates with summed weights, best first, and their probabilities.
// Bounds: pure; probabilities are a softmax over the summed log-likelihood ratios and one candidate "elsewhere" of weight 0.
import type { FaultKind, Indicator } from "../../model/localization.ts";
import type { Finding } from "./finding.ts";
import { WEIGHTS } from "./weights.ts";

/** One place with everything said of it; `confidence` 0..1. */
export interface Candidate {
  readonly place: string;
  readonly findings: readonly Finding[];
  readonly weight: number;
  readonly confidence: number;
  /** The indicator in which the place's excess lies. */
  readonly indicator: Indicator;
}

/** Weight of a finding given the indicator that alarmed: evidence on the other indicator counts less. */
export function weightFor(finding: Finding, symptom: Indicator): number {
  const scale = finding.indicator === symptom ? 1 : WEIGHTS.otherIndicator;
  return finding.weight > 0 ? finding.weight * scale : finding.weight;
}

/** Sums findings by place and turns the sums into probabilities, best first. */
export function rankCandidates(findings: readonly Finding[], symptom: Indicator): Candidate[] {
  const places = new Map<string, Finding[]>();
  for (const finding of findings) {
    const known = places.get(finding.place);
    if (known === undefined) places.set(finding.place, [finding]);
    else known.push(finding);
  }
  const summed = [...places].map(([place, found]) => {
    // One place's own words on two indicators overlap (a failing request is often slow as well): the best counts in full,
    // the others only as far as they speak for it.
    const weights = found.map((f) => weightFor(f, symptom)).sort((a, b) => b - a);
    const weight = weights.reduce((sum, w, i) => sum + (i === 0 ? w : Math.max(0, w) * 0.5), 0);
    const lead = [...found].sort((a, b) => weightFor(b, symptom) - weightFor(a, symptom))[0]!;
    return { place, findings: found, weight, indicator: lead.indicator };
  });
  const normal = summed.reduce((sum, c) => sum + Math.exp(c.weight), 0) + Math.exp(WEIGHTS.elsewhere);
  return summed
    .map((c) => ({ ...c, confidence: Math.exp(c.weight) / normal }))
    .sort((a, b) => b.weight - a.weight || (a.place < b.place ? -1 : 1));
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
