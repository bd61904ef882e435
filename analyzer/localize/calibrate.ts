// Calibration: the probability that fusion gives becomes the share of such answers that were right.
// In: a raw probability. Out: a calibrated one, in the same order.
// Bounds: pure and monotone; a map takes confidence away and never adds any. The parameters are in weights.ts with the note on where
//   they come from.
import { CALIBRATION } from "./weights.ts";

const LIMIT = 1e-6;

/** Slope and intercept on the logit. */
export interface CalibrationMap {
  readonly slope: number;
  readonly intercept: number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** ln(p / (1 - p)) of a probability, kept within ±13.8: what the map is fitted on. */
export function rawLogit(probability: number): number {
  const p = Math.min(1 - LIMIT, Math.max(LIMIT, probability));
  return Math.log(p / (1 - p));
}

/** The calibrated probability: a logistic map of the raw one's logit (Platt 1999), at most the raw one. */
export function calibrate(probability: number, { slope, intercept }: CalibrationMap = CALIBRATION): number {
  return Math.min(probability, sigmoid(slope * rawLogit(probability) + intercept));
}

/** The raw probability's logit that `calibrate` made this confidence of. */
export function uncalibrate(confidence: number, { slope, intercept }: CalibrationMap = CALIBRATION): number {
  // Where the map would add, the raw one was kept: so of the two that come into question it is the larger.
  return Math.max(rawLogit(confidence), (rawLogit(confidence) - intercept) / slope);
}
