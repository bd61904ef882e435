// Small statistics that the detectors and the evidence share.
// In: counts. Out: log10 p-values (so that tiny ones stay comparable), effective sample sizes, medians.
// Bounds: every function is pure and total; empty input gives 0 (log10 p = 0 means p = 1) or null.

/** Kullback-Leibler divergence of two Bernoulli ratios in nats. */
function divergence(x: number, p: number): number {
  const part = (a: number, b: number) => (a <= 0 ? 0 : a * Math.log(a / b));
  return part(x, p) + part(1 - x, 1 - p);
}

/**
 * log10 of an upper bound of P(at least `hits` of `trials` | ratio `expected`), by Chernoff's inequality
 * P <= exp(-n KL(hits/n || expected)); 0 when the observed ratio is not above the expected one.
 */
export function upperTailLog10(hits: number, trials: number, expected: number): number {
  if (trials <= 0) return 0;
  const p = Math.min(1 - 1e-9, Math.max(1e-9, expected));
  const x = Math.min(1, hits / trials);
  return x <= p ? 0 : (-trials * divergence(x, p)) / Math.LN10;
}

/**
 * Sample size after overdispersion (design effect 1 + (n - 1) rho): requests of one bucket share its conditions, so they
 * carry less information than independent ones.
 */
export function effectiveSize(trials: number, rho: number): number {
  return trials <= 1 ? trials : trials / (1 + (trials - 1) * rho);
}

/** Intra-bucket correlation of a ratio from past buckets, by moments; at least `floor`, at most 0.3. */
export function dispersion(buckets: readonly { hits: number; trials: number }[], floor: number): number {
  const used = buckets.filter((b) => b.trials > 0);
  if (used.length < 4) return floor * 2;
  let hits = 0;
  let trials = 0;
  for (const b of used) {
    hits += b.hits;
    trials += b.trials;
  }
  const p = hits / trials;
  const spread = p * (1 - p);
  if (spread === 0) return floor;
  let variance = 0;
  let expected = 0;
  for (const b of used) {
    variance += (b.hits / b.trials - p) ** 2;
    expected += spread / b.trials;
  }
  const excess = (variance - expected) / (used.length - 1) / spread;
  return Math.min(0.3, Math.max(floor, excess));
}

/** The q-quantile (0..1) of ascending values, interpolated; 0 of none. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  const at = (ascending.length - 1) * q;
  const low = ascending[Math.floor(at)] ?? 0;
  const high = ascending[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/** ln(x / (1 - x)) with x kept inside [0.02, 0.98]: the weight of a share. */
export function logit(share: number): number {
  const x = Math.min(0.98, Math.max(0.02, share));
  return Math.log(x / (1 - x));
}
