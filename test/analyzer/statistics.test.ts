// The small statistics: known values, bounds that hold for every input, and the honest meaning of a p-value.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dispersion, effectiveSize, logit, quantile, upperTailLog10 } from "../../analyzer/statistics.ts";

/** log10 P(at least `hits` of `trials`), summed exactly. */
function exactTailLog10(hits: number, trials: number, p: number): number {
  let term = Math.pow(1 - p, trials);
  let tail = 0;
  for (let k = 0; k <= trials; k++) {
    if (k >= hits) tail += term;
    term *= ((trials - k) / (k + 1)) * (p / (1 - p));
  }
  return Math.log10(tail);
}

describe("upperTailLog10", () => {
  test.each([
    { hits: 0, trials: 0, p: 0.1, wanted: 0 },
    { hits: 1, trials: 10, p: 0.5, wanted: 0 },
    { hits: 10, trials: 100, p: 0.1, wanted: 0 },
    { hits: 10, trials: 10, p: 0.1, wanted: -10 },
    { hits: 5, trials: 10, p: 0, wanted: -41.99 },
  ])("$hits of $trials at $p", ({ hits, trials, p, wanted }) => {
    expect(upperTailLog10(hits, trials, p)).toBeCloseTo(wanted, 1);
  });

  test("is an upper bound of the exact tail", () => {
    fc.assert(
      fc.property(
        fc.nat(60),
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        (h, n, p) => {
          const hits = Math.min(h, n);
          expect(upperTailLog10(hits, n, p)).toBeGreaterThanOrEqual(exactTailLog10(hits, n, p) - 1e-6);
        },
      ),
      { seed: 1 },
    );
  });

  test("more hits are never more likely", () => {
    fc.assert(
      fc.property(fc.nat(99), fc.double({ min: 0, max: 1, noNaN: true }), (h, p) => {
        expect(upperTailLog10(h + 1, 100, p)).toBeLessThanOrEqual(upperTailLog10(h, 100, p));
      }),
      { seed: 2 },
    );
  });
});

test.each([
  { trials: 1, rho: 0.3, wanted: 1 },
  { trials: 0, rho: 0.3, wanted: 0 },
  { trials: 100, rho: 0, wanted: 100 },
  { trials: 101, rho: 0.01, wanted: 50.5 },
  { trials: 1e6, rho: 0.01, wanted: 100 },
])("$trials requests that are alike by $rho count as $wanted", ({ trials, rho, wanted }) => {
  expect(effectiveSize(trials, rho)).toBeCloseTo(wanted, 0);
});

describe("dispersion", () => {
  const same = (n: number, hits: number) => Array.from({ length: n }, () => ({ hits, trials: 100 }));
  test.each([
    { name: "too few buckets: twice the floor", buckets: same(3, 5), wanted: 0.02 },
    { name: "no hits at all: the floor", buckets: same(10, 0), wanted: 0.01 },
    { name: "less varied than chance: the floor", buckets: same(10, 10), wanted: 0.01 },
    { name: "all or nothing: the cap", buckets: [...same(10, 0), ...same(10, 100)], wanted: 0.3 },
    { name: "empty buckets say nothing", buckets: [...same(10, 0), { hits: 0, trials: 0 }], wanted: 0.01 },
  ])("$name", ({ buckets, wanted }) => expect(dispersion(buckets, 0.01)).toBeCloseTo(wanted, 6));

  test("grows with the spread between buckets", () => {
    const spread = (d: number) =>
      Array.from({ length: 20 }, (_, i) => ({ hits: i % 2 ? 20 + d : 20 - d, trials: 100 }));
    expect(dispersion(spread(15), 0.001)).toBeGreaterThan(dispersion(spread(8), 0.001));
  });
});

test("a quantile lies between its neighbours, and of nothing is 0", () => {
  expect([0, 0.25, 0.5, 1].map((q) => quantile([1, 2, 4], q))).toEqual([1, 1.5, 2, 4]);
  expect(quantile([], 0.5)).toBe(0);
});

test("logit is odd, and bounded at both ends", () => {
  expect(logit(0.5)).toBe(0);
  expect(logit(0.9)).toBeCloseTo(-logit(0.1), 9);
  expect([logit(1), logit(0)]).toEqual([logit(0.98), logit(0.02)]);
});
