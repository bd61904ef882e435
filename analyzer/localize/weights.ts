// Every number that turns evidence into a weight, in one place.
// In: nothing. Out: constants with a note on where each comes from.
// Bounds: weights are log-likelihood ratios in nats; "chosen" = set by reasoning and kept while the open recordings agree with
//   it, to be re-fitted from history; nothing here depends on a data set.

/** Log-likelihood ratios in nats that each kind of evidence may contribute, and their bounds. */
export const WEIGHTS = {
  /** Factor on logit(share of the excess that a place explains): shares of noise rarely pass one half. Chosen. */
  share: 1.5,
  /** Added where the place's own deviation is significant (log10 p below -3 after correction). Chosen. */
  significant: 1.5,
  /** Subtracted where it is not: a share without significance is what noise looks like. Chosen. */
  insignificant: -2,
  /** Factor on latency evidence when the symptom is errors, and on error evidence when it is latency. Chosen. */
  otherIndicator: 0.4,
  /** A response flag that names this very place as the owner. Chosen: proxies name the owner by construction. */
  flagOwner: 2,
  /** Some instances or one version deviate while their peers under the same load do not. Chosen. */
  cohort: 1,
  /** A resource at its limit, or a restart, in the blamed instance and window. Chosen. */
  resource: 1.5,
  /** A change of the blamed place shortly before the onset. Chosen: decoys are about as common as causes. */
  change: 1,
  /** The weight of "something that the telemetry does not show". Chosen. */
  elsewhere: 0,
} as const;

/** A cause below this confidence is not named: the answer is INCONCLUSIVE. */
export const MIN_CONFIDENCE = 0.5;
/** Causes below this confidence are not listed, but given as rejected alternatives. */
export const MIN_LISTED = 0.02;
