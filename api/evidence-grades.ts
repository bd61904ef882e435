// How sure an edge is, by the best evidence for it.
// In: evidence words of the contract. Out: a probability (0..1) that the call really went between these two.
// Bounds: a closed table; an unknown word counts as inferred.

// A pair of spans is proof up to broken ids; a reporter names its peer by its own lookup; an inferred end is a name only.
const GRADES: Readonly<Record<string, number>> = {
  "span-pair": 0.99,
  link: 0.95,
  "destination-reporter": 0.95,
  "source-reporter": 0.9,
  waypoint: 0.9,
  "access-log": 0.9,
  ztunnel: 0.85,
  inferred: 0.6,
};

/** Confidence of an edge with these evidence words: that of the best one. */
export function evidenceConfidence(words: readonly string[]): number {
  let best = 0;
  for (const word of words) best = Math.max(best, GRADES[word] ?? GRADES["inferred"] ?? 0);
  return best;
}
