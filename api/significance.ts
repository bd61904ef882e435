// Whether two windows differ by more than chance.
// In: counts, seconds and histograms of two windows. Out: p-values (two-sided, 0..1); of many of them, which count.
// Sources: rates by the conditional binomial test of two Poisson counts (Przyborowski and Wilenski 1940), shares by the two-proportion
// z-test with Yates' correction, quantiles by the shares above one window's quantile (a sign test on histograms), many tests by
// Benjamini and Hochberg 1995.
// Bounds: exact below EXACT_MAX counts, normal above; 1 where there is nothing to compare.
import { histogramCount } from "../model/histogram.ts";

const EXACT_MAX = 200;

type Histogram = readonly number[];

/** Two-sided p-value of a standard normal deviate; relative error of 1.2e-7 (Numerical Recipes, erfc by Chebyshev fit). */
export function normalP(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const fit = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ].reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  return Math.min(1, t * Math.exp(-x * x + fit));
}

// P(X <= k) and P(X >= k) of a binomial, summed term by term.
function binomialTails(n: number, k: number, p: number): { below: number; above: number } {
  let term = (1 - p) ** n;
  let [below, above] = [0, 0];
  for (let i = 0; i <= n; i++) {
    if (i <= k) below += term;
    if (i >= k) above += term;
    term *= ((n - i) / (i + 1)) * (p / (1 - p));
  }
  return { below, above };
}

/** P-value of "both counts come at the same rate". */
export function rateP(countA: number, secondsA: number, countB: number, secondsB: number): number {
  const [a, b] = [Math.round(countA), Math.round(countB)];
  const n = a + b;
  if (n === 0 || secondsA <= 0 || secondsB <= 0) return 1;
  const share = secondsB / (secondsA + secondsB);
  if (n <= EXACT_MAX) {
    const { below, above } = binomialTails(n, b, share);
    return Math.min(1, 2 * Math.min(below, above));
  }
  const deviation = Math.max(0, Math.abs(b - n * share) - 0.5);
  return normalP(deviation / Math.sqrt(n * share * (1 - share)));
}

/** P-value of "both shares are the same": `partA` of `allA` against `partB` of `allB`. */
export function shareP(partA: number, allA: number, partB: number, allB: number): number {
  if (allA === 0 || allB === 0) return 1;
  const pooled = (partA + partB) / (allA + allB);
  if (pooled <= 0 || pooled >= 1) return 1;
  const difference = Math.abs(partA / allA - partB / allB) - (1 / allA + 1 / allB) / 2;
  if (difference <= 0) return 1;
  return normalP(difference / Math.sqrt(pooled * (1 - pooled) * (1 / allA + 1 / allB)));
}

/** P-value of "as much lies above the q-quantile (0..1) of one of both histograms in the other". */
function aboveP(of: Histogram, other: Histogram, q: number): number {
  const [allOf, allOther] = [histogramCount(of), histogramCount(other)];
  const wanted = q * allOf;
  let before = 0;
  let index = 0;
  while (index < of.length - 1 && before + (of[index] ?? 0) < wanted) before += of[index++] ?? 0;
  // The quantile lies within a bucket; of both, the same share of that bucket is taken to lie above it.
  const within = of[index] ?? 0;
  const share = within === 0 ? 0 : Math.max(0, 1 - (wanted - before) / within);
  const above = (histogram: Histogram): number => {
    let count = share * (histogram[index] ?? 0);
    for (let i = index + 1; i < histogram.length; i++) count += histogram[i] ?? 0;
    return count;
  };
  return shareP(above(of), allOf, above(other), allOther);
}

/** P-value of "the q-quantile (0..1) of both histograms is the same". */
export function quantileP(a: Histogram, b: Histogram, q: number): number {
  if (histogramCount(a) === 0 || histogramCount(b) === 0) return 1;
  // A quantile that fell shows by the other's, one that rose by its own; two looks count twice.
  return Math.min(1, 2 * Math.min(aboveP(a, b, q), aboveP(b, a, q)));
}

/** The greatest p-value that counts as a finding when a share of `rate` (0..1) of all findings may be chance; 0 when none counts. */
export function falseDiscoveryLimit(pValues: readonly number[], rate: number): number {
  const sorted = pValues.toSorted((x, y) => x - y);
  let limit = 0;
  sorted.forEach((p, index) => {
    if (p <= (rate * (index + 1)) / sorted.length) limit = p;
  });
  return limit;
}
