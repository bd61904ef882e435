// What counts as a deviation: effect and significance must both be there. And that noise does not.
import { describe, expect, test } from "vitest";
import { learnBaselines } from "../../analyzer/baseline.ts";
import { comparePoint, detectBucket, strengthOf } from "../../analyzer/detect.ts";
import { History, type Point } from "../../analyzer/history.ts";
import { type IncidentState, NO_INCIDENTS, stepIncidents, taintedSeries } from "../../analyzer/incident.ts";
import { addHistogram, bucketOf, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { lognormal, seededRandom } from "../scenarios/traffic.ts";
import { anomaly, histogramOf } from "./made.ts";

const point = (calls: number, failed: number, ...groups: [number, number][]): Point => ({
  calls,
  failed,
  hist: histogramOf(...(groups.length > 0 ? groups : ([[calls, 10]] as const))),
});
function baselineOf(points: readonly Point[]) {
  const hist: number[] = [];
  for (const p of points) addHistogram(hist, p.hist);
  const sum = (of: (p: Point) => number) => points.reduce((total, p) => total + of(p), 0);
  return {
    buckets: points.map((_, i) => -10 * i),
    points,
    calls: sum((p) => p.calls),
    failed: sum((p) => p.failed),
    hist,
  };
}
const steady = baselineOf(Array.from({ length: 10 }, () => point(100, 1, [90, 10], [10, 30])));
const uneven = baselineOf(Array.from({ length: 10 }, (_, i) => point(100, i % 2 === 0 ? 0 : 20)));

describe("comparePoint", () => {
  test.each([
    { name: "as before", now: point(100, 1, [90, 10], [10, 30]), found: [] },
    { name: "half of the requests fail", now: point(100, 50, [90, 10], [10, 30]), found: ["ERRORS"] },
    { name: "every request takes three times as long", now: point(100, 1, [90, 30], [10, 90]), found: ["LATENCY"] },
    { name: "both", now: point(100, 50, [100, 500]), found: ["ERRORS", "LATENCY"] },
    { name: "faster", now: point(100, 0, [100, 1]), found: [] },
    { name: "fewer than 15 requests", now: point(14, 14, [14, 900]), found: [] },
    { name: "two failures, however rare they were", now: point(20, 2, [20, 10]), found: [] },
    { name: "20 % slower is no effect", now: point(1000, 10, [900, 12], [100, 33]), found: [] },
    { name: "a slow tail alone", now: point(100, 1, [60, 10], [40, 300]), found: ["LATENCY"] },
  ])("$name", ({ now, found }) => expect(comparePoint(now, steady).map((d) => d.indicator)).toEqual(found));

  test("a few in a hundred that hang are found by the requests slower than nearly any before", () => {
    const tailed = baselineOf(Array.from({ length: 10 }, () => point(300, 2, [294, 10], [5, 40], [1, 60])));
    const [hang] = comparePoint(point(200, 2, [188, 10], [12, 1500]), tailed);
    expect([hang!.indicator, hang!.quantile]).toEqual(["LATENCY", 0.999]);
    expect(strengthOf(anomaly("cart", hang), 100)).not.toBe("weak");
    const three = comparePoint(point(200, 2, [197, 10], [3, 1500]), tailed)[0];
    expect(three?.quantile).not.toBe(0.999);
  });
  test("a series that always varied must deviate more", () => {
    const now = point(100, 25);
    const [calm, varied] = [comparePoint(now, steady)[0]!, comparePoint(now, uneven)[0]];
    expect(calm.log10P).toBeLessThan(-7);
    expect(varied?.log10P ?? 0).toBeGreaterThan(-2);
  });
  test("says what it saw, what it expected, and how many requests are beyond that", () => {
    const [errors] = comparePoint(point(100, 41), steady);
    expect(errors).toMatchObject({
      indicator: "ERRORS",
      observed: 0.41,
      expected: 0.01,
      unit: "ratio",
      quantile: null,
    });
    expect(errors!.excessCalls).toBeCloseTo(40, 0);
    const [latency] = comparePoint(point(100, 1, [100, 100]), steady);
    expect(latency!.unit).toBe("ms");
    expect(latency!.observed / latency!.expected).toBeGreaterThan(2);
  });
});

test.each([
  { log10P: -8, tests: 100, strength: "strong" },
  { log10P: -5, tests: 100, strength: "moderate" },
  { log10P: -3, tests: 100, strength: "weak" },
  { log10P: -5, tests: 1, strength: "strong" },
])("p 1e$log10P among $tests tests is $strength", ({ log10P, tests, strength }) => {
  expect(strengthOf(anomaly("cart", { log10P }), tests)).toBe(strength);
});

test("a series can be judged where a baseline is known and there are 15 requests, or enough in the longer windows", () => {
  const row = (service: string, bucket: number, requests: number): ServiceBucketRow => {
    const about = { bucket, cluster: "", namespace: "", service, requests, hist: histogramOf([requests, 10]) };
    return { ...about, failed: 0, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0 };
  };
  const history = new History(60, 10);
  const past = [0, 10, 20, 30].flatMap((b) => [
    row("busy", b, 50),
    row("quiet", b, 50),
    ...(b === 0 ? [row("seldom", b, 50)] : []),
  ]);
  history.replace(
    0,
    50,
    [...past, row("busy", 40, 15), row("quiet", 40, 14), row("seldom", 40, 2), row("new", 40, 50)],
    [],
  );
  const { judged } = detectBucket(
    history,
    40,
    learnBaselines(history, 40, () => false, 30),
  );
  expect([...judged]).toEqual(["service service|||busy", "service service|||quiet"]);
});

describe("noise", () => {
  const SERVICES = 20;
  const BUCKETS = 400;
  const RATES = [16, 20, 30, 60, 120, 300];

  /** Poisson-like traffic, lognormal times; medians and error ratios wander slowly by `drift` (standard deviation of their logarithm). */
  function countIncidents(seed: number, spread: number, drift: number): { opened: number; tests: number } {
    const random = seededRandom(seed);
    const gauss = () => Math.log(lognormal(random, 1));
    const history = new History(60, 10);
    const taints = new Map<number, ReadonlySet<string>>();
    const wander = Array.from({ length: SERVICES }, () => ({ time: 0, errors: 0 }));
    let state: IncidentState = NO_INCIDENTS;
    const opened = new Set<string>();
    let count = 0;
    for (let bucket = 0; bucket < BUCKETS * 10; bucket += 10) {
      const rows = wander.map((w, s): ServiceBucketRow => {
        w.time = 0.8 * w.time + 0.6 * gauss();
        w.errors = 0.8 * w.errors + 0.6 * gauss();
        const rate = RATES[s % RATES.length]!;
        const requests = Math.max(1, Math.round(rate + Math.sqrt(rate) * gauss()));
        const median = 3 * (1 + s) * Math.exp(drift * w.time);
        const hist = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);
        for (let i = 0; i < requests; i++) hist[bucketOf(median * lognormal(random, spread) * 1e6)]! += 1;
        const ratio = 0.01 * Math.exp(4 * drift * w.errors);
        const failed = Array.from({ length: requests }, () => random()).filter((x) => x < ratio).length;
        const about = { bucket, cluster: "", namespace: "", service: `s${s}`, requests, failed, hist };
        return { ...about, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0 };
      });
      history.replace(bucket, bucket + 10, rows, []);
      const baselines = learnBaselines(history, bucket, (s, b) => taints.get(b)?.has(s.key) ?? false, 30);
      const { anomalies, judged, tests } = detectBucket(history, bucket, baselines);
      const about = { tenant: "t", bucket, anomalies, tests, judged, callees: new Map(), graceSeconds: 6 };
      state = stepIncidents(state, about).state;
      taints.set(bucket, taintedSeries(state, anomalies, tests));
      for (const { id } of state.open) opened.add(id);
      count += tests;
    }
    return { opened: opened.size, tests: count };
  }

  // 400 buckets are 67 minutes of 20 services: 16 000 tests a run.
  test.each([
    { name: "independent requests", spread: 0.5, drift: 0, atMost: 0 },
    { name: "heavy tails", spread: 1.2, drift: 0, atMost: 0 },
    { name: "a load that wanders by 5 %", spread: 0.5, drift: 0.05, atMost: 0 },
    { name: "a load that wanders by 10 %", spread: 0.6, drift: 0.1, atMost: 3 },
  ])("$name: at most $atMost false incidents an hour", ({ spread, drift, atMost }) => {
    const { opened, tests } = countIncidents(7, spread, drift);
    expect(tests).toBeGreaterThan(15_000);
    expect(opened).toBeLessThanOrEqual(atMost);
  });
});
