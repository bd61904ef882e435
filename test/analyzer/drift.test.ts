// A share that wanders: how much it does is learned from its past, and a p-value that knows of it keeps its meaning.
import { describe, expect, test } from "vitest";
import { driftTailLog10, spreadOf, SPREAD_PRIOR } from "../../analyzer/drift.ts";
import { upperTailLog10 } from "../../analyzer/statistics.ts";
import { lognormal, seededRandom } from "../scenarios/traffic.ts";

function buckets(seed: number, count: number, trials: number, ratio: number, drift: number) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const p = Math.min(0.5, ratio * lognormal(random, drift));
    return { trials, hits: Array.from({ length: trials }, () => random()).filter((x) => x < p).length };
  });
}

describe("spreadOf", () => {
  test.each([
    { drift: 0, low: 0, high: 0.3 },
    { drift: 0.5, low: 0.3, high: 0.65 },
    { drift: 1, low: 0.6, high: 1.4 },
  ])("a ratio whose logarithm wanders by $drift", ({ drift, low, high }) => {
    const { sd } = spreadOf(buckets(3, 60, 1000, 0.03, drift));
    expect(sd).toBeGreaterThanOrEqual(low);
    expect(sd).toBeLessThanOrEqual(high);
  });
  test("buckets that could hardly show a hit say hardly anything", () => {
    const { sd, df } = spreadOf(buckets(1, 30, 10, 0.002, 0));
    expect(sd).toBeCloseTo(SPREAD_PRIOR.sd, 1);
    expect(df).toBeLessThan(SPREAD_PRIOR.df + 1);
  });
  test("nothing known: the prior", () => expect(spreadOf([])).toEqual(SPREAD_PRIOR));
});

describe("driftTailLog10", () => {
  const steady = { sd: 0.25, df: 8 };
  test("never claims more than chance alone would", () => {
    for (const hits of [5, 20, 60]) {
      expect(driftTailLog10(hits, 100, 0.03, steady)).toBeGreaterThanOrEqual(upperTailLog10(hits, 100, 0.03) - 1e-9);
    }
  });
  test("more hits are never more likely, and what is not above says nothing", () => {
    const p = [0, 3, 10, 30, 60, 100].map((hits) => driftTailLog10(hits, 100, 0.03, steady));
    expect(p).toEqual(p.toSorted((a, b) => b - a));
    expect(p.slice(0, 2)).toEqual([0, 0]);
  });
  test("however many requests: a step within the usual wandering is none", () => {
    expect(driftTailLog10(2_000, 100_000, 0.012, { sd: 0.5, df: 30 })).toBeGreaterThan(-1);
    expect(upperTailLog10(2_000, 100_000, 0.012)).toBeLessThan(-90);
  });
  test("an outage is one, also where little is known", () => {
    expect(driftTailLog10(50, 50, 0.005, SPREAD_PRIOR)).toBeLessThan(-8);
  });
});
