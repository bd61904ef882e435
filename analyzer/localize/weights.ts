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
  /** Share of a finding that counts beside a better one of its family: both come from the same measurements. Chosen. */
  sameFamily: 0.5,
  /** Share of a family that counts beside a better one at the same place: one fault shows in several families. Chosen. */
  otherFamily: 0.5,
  /** Subtracted at a service or edge that no symptom leads to along the calls. Chosen: e^-2, one fault in seven acts another way. */
  unreachable: 2,
  /** How far platform signs alone stay below a place that fails or slows by itself: a busy neighbour is no cause. Chosen. */
  platformAlone: 1,
  /** Several places that have nothing but a node or a link in common deviate together: chance would need two faults. Chosen. */
  together: 1,
  /** The mesh itself says by codes or details why it answered in a callee's place. Chosen: a little below a flag. */
  meshAnswer: 1.5,
  /** A database, broker or cache says of itself that it is short of something. Chosen as a resource at its limit. */
  ownMetric: 1.5,
  /** More requests than ever while something saturates; a factor on ln of the ratio, up to the bound. Chosen. */
  surge: 3,
  surgeMost: 4,
  /** The weight of "something that the telemetry does not show". Chosen. */
  elsewhere: 0,
} as const;

/** The family of each source: measurements that say the same thing twice. A source that is not listed is its own family. */
export const FAMILIES: Readonly<Record<string, string>> = {
  "exclusive-time": "traffic",
  "error-origin": "traffic",
  "ledger-gap": "traffic",
  "response-flag": "traffic",
  "cohort-instance": "traffic",
  "cohort-version": "traffic",
  "cohort-operation": "traffic",
  "cohort-caller": "traffic",
  "cohort-runtime": "traffic",
  "cohort-zone": "traffic",
  resource: "platform",
  "resource-deviation": "platform",
  "network-cohort": "traffic",
  restart: "platform",
  "platform-event": "platform",
  change: "change",
  "service-metrics": "traffic",
  refusal: "traffic",
  "node-cohort": "traffic",
  "cluster-link": "traffic",
  "cohort-outbound": "traffic",
  "load-imbalance": "traffic",
  silence: "platform",
  store: "platform",
  queue: "platform",
};

/** A cause below this confidence is not named: the answer is INCONCLUSIVE. */
export const MIN_CONFIDENCE = 0.5;
/** Causes below this confidence are not listed, but given as rejected alternatives. */
export const MIN_LISTED = 0.02;

/**
 * The map from fusion's probability to the one shown: slope and intercept on the logit. Chosen, not fitted: of the 35 answers on open cases
 * that it was looked at with, one was wrong, and no map can learn from one where confidence ends (`bench calibration --cases FILE --fit`
 * proposes a fit and cross-validates it). Half the slope takes the summed evidence for half as independent as fusion does: published
 * methods lose a third of their hits and more on faults that they were not made for.
 */
export const CALIBRATION = { slope: 0.5, intercept: -0.2 } as const;

/**
 * Resources that stand far above their own history, nats. At an end: a quiet instance is there in less than one window of a thousand, one
 * that is short of it nearly always, so the ratio is above e^6; bounded because the figure says nothing of requests. Far, but with room left:
 * mostly load, a little better than nothing.
 */
export const RESOURCE_WEIGHTS = { atEnd: 5, far: 0.5 } as const;

/** Ways that code takes through its log lines, nats: the log-likelihood ratio of code-path.ts itself, bounded and reduced by these. */
export const CODE_PATH_WEIGHTS = {
  /** The ratio's bound: beyond it the next doubt is not chance but a release or a kind of request that the baseline did not have. Chosen. */
  most: 10,
  /** Factor where a new way has not replaced an old one: requests of a kind that the baseline did not see look so. Chosen. */
  onlyNew: 0.5,
  /** Factor where the lost way was one of several: data decides, and shifts from window to window by more than chance would. Chosen. */
  branch: 0.5,
  /** Share of a caller's change that a change of something it calls explains: three changes of four travel upwards. Chosen. */
  explained: 0.75,
  /** From here on a change asks by itself whether there is a fault: e^-5 of the services would do so by chance. Chosen. */
  symptom: 5,
} as const;

/** A service all of whose edges lose time on the way, nats beside the share that they explain: how much more than a single edge. Chosen. */
export const NETWORK_WEIGHTS = {
  /** Two faults at once on edges that have this one service in common. As `WEIGHTS.together` and a half: every edge must agree. */
  together: 1.5,
  /** Its only edge: the edge itself, or the end that has no other; the other end is cleared by its other edges. */
  onlyEdge: 1,
} as const;
