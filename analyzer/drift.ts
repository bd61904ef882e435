// How likely a share of requests is when the share itself wanders from bucket to bucket: chance and drift explain it together.
// In: past buckets (hits of trials), the share under test. Out: the spread of the share's log-odds, and a log10 p-value.
// Bounds: pure and total. Method: the best joint explanation, max over q of log Binomial(hits; q) + log t(logit q), where t is Student's
//   with the spread's scale and degrees of freedom; a ratio that was seldom anything but 0 is given the prior's spread.

/** How a share's log-odds vary between buckets: standard deviation, and what the estimate is worth in degrees of freedom. */
export interface Spread {
  readonly sd: number;
  readonly df: number;
}

/** What is believed of the spread before any bucket was seen: a third (40 % up or down), with tails nearly as thin as the normal's. */
export const SPREAD_PRIOR: Spread = { sd: 0.35, df: 20 };
/** How many buckets that show it well the prior is worth. */
export const PRIOR_BUCKETS = 8;

// How alike the wandering of one bucket and the next is taken to be; what wanders from bucket to bucket averages out over many.
const PERSISTENCE = 0.8;
const MAX_SD = 2;
const STEPS = 24;

const logit = (x: number): number => Math.log(x / (1 - x));
const clamp = (x: number): number => Math.min(1 - 1e-6, Math.max(1e-6, x));

/**
 * The spread of a share's log-odds between past buckets beyond chance, by moments (variance of the ratios less that of a binomial, by the
 * delta method), shrunk to the prior. A bucket counts by how well it can show a spread of a half: with m hits expected the square of a
 * ratio's relative deviation varies by (2 + 1/m) / m² through chance alone, against (0.5²)² × 2. Few hits that happen to come together are
 * no drift: taken for one they would hide the outage that comes next.
 */
export function spreadOf(buckets: readonly { hits: number; trials: number }[], prior: Spread = SPREAD_PRIOR): Spread {
  let [hits, trials] = [0, 0];
  for (const b of buckets) {
    hits += b.hits;
    trials += b.trials;
  }
  if (buckets.length < 2 || trials === 0) return prior;
  const p = clamp((hits + 0.5) / (trials + 1));
  const scale = p * (1 - p);
  let [variance, chance, weight] = [0, 0, 0];
  for (const b of buckets) {
    if (b.trials === 0) continue;
    const expected = b.trials * Math.min(p, 1 - p);
    const worth = 1 / (1 + (8 * (2 + 1 / expected)) / expected ** 2);
    variance += worth * (b.hits / b.trials - p) ** 2;
    chance += (worth * scale) / b.trials;
    weight += worth;
  }
  if (weight === 0) return prior;
  const excess = Math.min(MAX_SD ** 2, Math.max(0, (variance - chance) / weight / scale ** 2));
  const sd = Math.sqrt((PRIOR_BUCKETS * prior.sd ** 2 + weight * excess) / (PRIOR_BUCKETS + weight));
  return { sd, df: prior.df + weight };
}

/** Variance of the mean over so many buckets in a row, of one bucket's: that of an AR(1) process. */
function meanVariance(buckets: number): number {
  const r = PERSISTENCE;
  return ((buckets * (1 + r)) / (1 - r) - (2 * r * (1 - r ** buckets)) / (1 - r) ** 2) / buckets ** 2;
}

/**
 * The spread of a share's mean over so many buckets in a row, where that of one bucket is `spread`; both are compared with the mean of `past`
 * buckets, which wanders too.
 */
export function averagedSpread(spread: Spread, buckets: number, past: number): Spread {
  const [mean, before] = [meanVariance(buckets), meanVariance(Math.max(1, past))];
  return { ...spread, sd: spread.sd * Math.sqrt((mean + before) / (1 + before)) };
}

/**
 * log10 of the likeliest way in which a figure that usually is `from` came to show as `to`: it wandered part of the way by `spread`, and
 * chance did the rest; `chanceAt` = nats that chance costs from where it wandered to.
 */
export function likeliestLog10(from: number, to: number, spread: Spread, chanceAt: (at: number) => number): number {
  let best = -Infinity;
  for (let i = 0; i <= STEPS; i++) {
    const at = from + ((to - from) * i) / STEPS;
    const z = (at - from) / spread.sd;
    best = Math.max(best, -chanceAt(at) - ((spread.df + 1) / 2) * Math.log1p((z * z) / spread.df));
  }
  return Math.min(0, best / Math.LN10);
}

/**
 * log10 of P(at least `hits` of `trials`) where the share wanders around `expected` by `spread`; 0 when it is not above. An upper bound of
 * the binomial's part (Chernoff) with the likeliest wandering.
 */
export function driftTailLog10(hits: number, trials: number, expected: number, spread: Spread): number {
  if (trials <= 0) return 0;
  const p = clamp(expected);
  const x = clamp(hits / trials);
  if (x <= p) return 0;
  return likeliestLog10(logit(p), logit(x), spread, (at) => {
    const q = 1 / (1 + Math.exp(-at));
    return trials * (x * Math.log(x / q) + (1 - x) * Math.log((1 - x) / (1 - q)));
  });
}
