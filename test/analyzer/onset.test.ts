// The onset to the second: a planted change point is found again.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findOnsetSecond, type Second } from "../../analyzer/onset.ts";
import { seededRandom } from "../scenarios/traffic.ts";

function planted(change: number, before: number, after: number, perSecond: number, seed: number): Second[] {
  const random = seededRandom(seed);
  return Array.from({ length: 30 }, (_, second) => {
    const ratio = second < change ? before : after;
    const hits = Array.from({ length: perSecond }, () => random()).filter((x) => x < ratio).length;
    return { second, calls: perSecond, hits };
  });
}

describe("findOnsetSecond", () => {
  test("finds a strong change within a second, wherever it lies", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 27 }), fc.nat(1_000_000), (change, seed) => {
        const found = findOnsetSecond(planted(change, 0.02, 0.7, 10, seed), 0.02, -1);
        expect(Math.abs(found - change)).toBeLessThanOrEqual(1);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test("a small change is found within three seconds nine times in ten", () => {
    const misses = Array.from({ length: 200 }, (_, seed) => seed).filter((seed) => {
      return Math.abs(findOnsetSecond(planted(12, 0.02, 0.25, 20, seed), 0.02, -1) - 12) > 3;
    });
    expect(misses.length).toBeLessThanOrEqual(20);
  });

  test.each<{ name: string; seconds: Second[]; wanted: number }>([
    { name: "nothing is known", seconds: [], wanted: 100 },
    { name: "nobody calls", seconds: [{ second: 101, calls: 0, hits: 0 }], wanted: 100 },
    { name: "nothing deviates", seconds: [{ second: 101, calls: 50, hits: 1 }], wanted: 100 },
    {
      name: "all of it deviates",
      seconds: [
        { second: 101, calls: 5, hits: 5 },
        { second: 102, calls: 5, hits: 5 },
      ],
      wanted: 101,
    },
    {
      name: "seconds without calls lie between",
      seconds: [
        { second: 101, calls: 9, hits: 0 },
        { second: 108, calls: 9, hits: 9 },
      ],
      wanted: 108,
    },
  ])("$name", ({ seconds, wanted }) => expect(findOnsetSecond(seconds, 0.02, 100)).toBe(wanted));

  test("one stray slow request before the change does not move it", () => {
    const seconds = planted(15, 0, 1, 10, 1).map((s) => (s.second === 4 ? { ...s, hits: 1 } : s));
    expect(findOnsetSecond(seconds, 0.02, -1)).toBe(15);
  });
});
