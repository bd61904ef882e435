// A logistic map from a raw probability to the share of such answers that were right (Platt 1999), and its cross-validation.
// In: raw logits with outcomes. Out: slope and intercept; probabilities that each answer got from a map fitted without its fold.
// Bounds: pure; Newton's method with a weak pull towards the identity, so that few or separable cases give a finite map.

/** p' = 1 / (1 + exp(-(slope * logit(p) + intercept))). */
export interface PlattMap {
  readonly slope: number;
  readonly intercept: number;
}

/** One answer for the fit. */
export interface Outcome {
  readonly logit: number;
  readonly right: boolean;
}

const ROUNDS = 50;
// The pull towards the identity is worth about one case.
const PULL = 1;
const MIN_SLOPE = 0.05;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Applies a map to a raw logit. */
export function applyMap({ slope, intercept }: PlattMap, logit: number): number {
  return sigmoid(slope * logit + intercept);
}

/** The map that explains the outcomes best. */
export function fitPlatt(outcomes: readonly Outcome[]): PlattMap {
  let [slope, intercept] = [1, 0];
  const wins = outcomes.filter((one) => one.right).length;
  // Platt's targets: a side with few cases is not taken for certain.
  const target = { right: (wins + 1) / (wins + 2), wrong: 1 / (outcomes.length - wins + 2) };
  for (let round = 0; round < ROUNDS; round++) {
    let [gs, gi, hss, hsi, hii] = [PULL * (slope - 1), PULL * 0.1 * intercept, PULL, 0, PULL * 0.1];
    for (const { logit, right } of outcomes) {
      const p = sigmoid(slope * logit + intercept);
      const error = p - (right ? target.right : target.wrong);
      const curve = Math.max(1e-9, p * (1 - p));
      gs += error * logit;
      gi += error;
      hss += curve * logit * logit;
      hsi += curve * logit;
      hii += curve;
    }
    const det = hss * hii - hsi * hsi;
    const [ds, di] = [(hii * gs - hsi * gi) / det, (hss * gi - hsi * gs) / det];
    // Steps are bounded: far from the answer Newton's method jumps.
    slope = Math.max(MIN_SLOPE, slope - Math.max(-1, Math.min(1, ds)));
    intercept -= Math.max(-2, Math.min(2, di));
    if (Math.abs(ds) + Math.abs(di) < 1e-9) break;
  }
  return { slope, intercept };
}

/** The probability of each answer by the map of the other folds; fold of answer i = foldOf(i). */
export function crossValidate(outcomes: readonly Outcome[], foldOf: (index: number) => number): number[] {
  const folds = outcomes.map((_, i) => foldOf(i));
  const maps = new Map(
    [...new Set(folds)].map((fold) => [fold, fitPlatt(outcomes.filter((_, i) => folds[i] !== fold))] as const),
  );
  return outcomes.map((one, i) => applyMap(maps.get(folds[i]!)!, one.logit));
}
