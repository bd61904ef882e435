// Requests that are refused: they do not fail, and yet many more of them than usual is something that people feel.
import { expect, test } from "vitest";
import { comparePoint } from "../../analyzer/detect.ts";
import type { Point } from "../../analyzer/history.ts";
import { histogramOf } from "./made.ts";

const point = (refused: number, failed = 0): Point => ({
  calls: 100,
  failed,
  refused,
  hist: histogramOf([100, 10]),
});
const points = Array.from({ length: 10 }, (_, i) => point(i % 3));
const baseline = {
  buckets: points.map((_, i) => -10 * i),
  points,
  calls: 1000,
  failed: 0,
  hist: histogramOf([1000, 10]),
};

test("many more refusals than before are an anomaly of the same sort as failures", () => {
  const [found, ...more] = comparePoint(point(60), baseline);
  expect(more).toEqual([]);
  expect(found).toMatchObject({ indicator: "ERRORS", observed: 0.6, stoppedBy: null });
  expect(found!.expected).toBeLessThan(0.02);
});

test("a few more are not, and failures beside them are told once", () => {
  expect(comparePoint(point(5), baseline)).toEqual([]);
  expect(comparePoint(point(60, 40), baseline)).toHaveLength(1);
});
