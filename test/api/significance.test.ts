// P-values against known ones, and against what they promise: few false alarms, few misses.
import { describe, expect, it } from "vitest";
import { falseDiscoveryLimit, normalP, quantileP, rateP, shareP } from "../../api/significance.ts";
import { histogram } from "./graph-rows.ts";

describe("normalP", () => {
  // From a table of the normal distribution.
  it.each([
    [0, 1],
    [1, 0.317311],
    [1.959964, 0.05],
    [3, 0.0026998],
    [5, 5.733e-7],
  ])("of %d standard deviations is %d", (z, p) => {
    expect(normalP(z) / p).toBeCloseTo(1, 3);
    expect(normalP(-z)).toBe(normalP(z));
  });
});

describe("rateP", () => {
  it("is the exact binomial one for few counts", () => {
    // 0 of 10 where half of them is expected: 2 * 0.5^10.
    expect(rateP(0, 60, 10, 60)).toBeCloseTo(2 / 1024, 10);
    expect(rateP(5, 60, 5, 60)).toBe(1);
  });

  it("knows the length of the windows", () => {
    expect(rateP(1000, 60, 2000, 120)).toBeGreaterThan(0.9);
    expect(rateP(1000, 60, 1000, 120)).toBeLessThan(1e-9);
  });

  it("has the exact and the normal one agree where they meet", () => {
    const ratio = rateP(120, 60, 80, 60) / rateP(121, 60, 80, 60);
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.3);
  });

  it("says nothing of nothing", () => {
    expect([rateP(0, 60, 0, 60), rateP(5, 0, 5, 60)]).toEqual([1, 1]);
  });
});

describe("shareP", () => {
  it.each([
    ["one in a hundred against two", 10, 1000, 20, 1000, 0.1, 0.05],
    ["the same of more calls", 100, 10_000, 200, 10_000, 1e-7, 1e-9],
    ["one failure is no change", 0, 100, 1, 100, 1.01, 0.99],
    ["nobody called", 0, 0, 5, 10, 1.01, 0.99],
    ["all failed in both", 10, 10, 20, 20, 1.01, 0.99],
  ])("%s", (_name, partA, allA, partB, allB, below, above) => {
    const p = shareP(partA, allA, partB, allB);
    expect(p).toBeLessThan(below);
    expect(p).toBeGreaterThan(above);
  });
});

describe("quantileP", () => {
  const add = (a: number[], b: number[]) => a.map((count, i) => count + (b[i] ?? 0));

  it("sees a shifted median and a grown tail, and nothing in an equal one", () => {
    const fast = histogram(10, 1000);
    expect(quantileP(fast, histogram(20, 1000), 0.5)).toBeLessThan(1e-9);
    const tailed = add(histogram(10, 950), histogram(1000, 50));
    expect(quantileP(fast, tailed, 0.99)).toBeLessThan(1e-4);
    expect(quantileP(fast, tailed, 0.5)).toBeGreaterThan(0.1);
    expect(quantileP(tailed, tailed, 0.99)).toBe(1);
    expect(quantileP([], fast, 0.5)).toBe(1);
  });
});

describe("falseDiscoveryLimit", () => {
  it("takes what Benjamini and Hochberg take", () => {
    // Their example of fifteen p-values at 0.05: the four smallest.
    const example = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
    ];
    expect(falseDiscoveryLimit(example.toReversed(), 0.05)).toBe(0.0095);
    expect(falseDiscoveryLimit([0.5, 0.9], 0.05)).toBe(0);
    expect(falseDiscoveryLimit([], 0.05)).toBe(0);
  });
});
