// Families of evidence: what one family says of a place comes from the same measurements, so it is not counted twice.
// In: the findings of one place. Out: one weight in nats a family, and one for the place.
// Bounds: pure; a source that no family lists is a family of its own.
import type { Indicator } from "../../model/localization.ts";
import type { Finding } from "./finding.ts";
import { FAMILIES, WEIGHTS } from "./weights.ts";

/** Weight of a finding given the indicator that alarmed, nats: evidence on the other indicator counts less. */
export function weightFor(finding: Finding, symptom: Indicator): number {
  // Only failures and latency are measured by the same requests; a finding on any other indicator has its weight already.
  const isOther =
    finding.indicator !== symptom && isOfRequests(finding.indicator) && isOfRequests(symptom) && finding.weight > 0;
  return isOther ? finding.weight * WEIGHTS.otherIndicator : finding.weight;
}

const isOfRequests = (indicator: Indicator) => indicator === "ERRORS" || indicator === "LATENCY";

/** The family of a source. */
export function familyOf(source: string): string {
  return FAMILIES[source] ?? source;
}

function bestAndRest(weights: readonly number[], rest: number): number {
  const [best = 0, ...others] = weights.toSorted((a, b) => b - a);
  return others.reduce((sum, weight) => sum + rest * Math.max(0, weight), best);
}

/** The weight of each family at one place: the best finding in full, the rest damped. */
export function weighFamilies(findings: readonly Finding[], symptom: Indicator): Map<string, number> {
  const weights = new Map<string, number[]>();
  for (const finding of findings) {
    const family = familyOf(finding.source);
    const known = weights.get(family);
    if (known === undefined) weights.set(family, [weightFor(finding, symptom)]);
    else known.push(weightFor(finding, symptom));
  }
  return new Map([...weights].map(([family, found]) => [family, bestAndRest(found, WEIGHTS.sameFamily)]));
}

/** The weight of a place, nats: its best family in full, the others damped, for one fault shows in several of them. */
export function weighPlace(families: ReadonlyMap<string, number>): number {
  return bestAndRest([...families.values()], WEIGHTS.otherFamily);
}
