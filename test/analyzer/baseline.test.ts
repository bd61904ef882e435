// What is normal just now: which buckets teach it, and when too little is known.
import { describe, expect, test } from "vitest";
import { learnBaselines } from "../../analyzer/baseline.ts";
import { History } from "../../analyzer/history.ts";
import { addHistogram, histogramCount } from "../../model/histogram.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { histogramOf, node, toldEdge } from "./made.ts";

const KEY = `service ${node("cart")}`;

function row(bucket: number, requests: number, failed = 0): ServiceBucketRow {
  const about = { bucket, cluster: "", namespace: "shop", service: "cart", requests, failed };
  return { ...about, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0, hist: histogramOf([requests, 10]) };
}

function learn(rows: readonly ServiceBucketRow[], bucket: number, tainted: readonly number[] = [], max = 30) {
  const history = new History(180, 10);
  const last = Math.max(bucket, ...rows.map((r) => r.bucket));
  history.replace(0, last + 10, rows, []);
  return learnBaselines(history, bucket, (_, b) => tainted.includes(b), max).get(KEY);
}
const quiet = (count: number, requests = 20) => Array.from({ length: count }, (_, i) => row(i * 10, requests));

describe("learnBaselines", () => {
  test("sums the buckets before the one under test, newest first", () => {
    const baseline = learn(quiet(6), 50)!;
    expect(baseline.buckets).toEqual([40, 30, 20, 10, 0]);
    expect([baseline.calls, histogramCount(baseline.hist)]).toEqual([100, 100]);
  });
  test("buckets after the one under test teach nothing", () => {
    expect(learn(quiet(9), 50)!.buckets).toEqual([40, 30, 20, 10, 0]);
  });
  test("tainted buckets and those without requests are passed over", () => {
    expect(learn([...quiet(5), row(50, 0), row(60, 9)], 60, [40, 10])!.buckets).toEqual([30, 20, 0]);
  });
  test("no more buckets than asked for", () => expect(learn(quiet(20), 190, [], 4)!.buckets).toHaveLength(4));
  test.each([
    { name: "two buckets are too few", rows: quiet(3), bucket: 20 },
    { name: "29 requests are too few", rows: [...quiet(3, 9), row(30, 2), row(40, 9)], bucket: 40 },
    { name: "a series that is silent in the bucket is not tested", rows: quiet(5), bucket: 70 },
  ])("$name", ({ rows, bucket }) => expect(learn(rows, bucket)).toBeUndefined());
});

test("from bucket to bucket the sum goes on, and is that of the points whatever was late, tainted or left out", () => {
  const history = new History(60, 10);
  const tainted = new Set<number>();
  let seed = 7;
  const random = (n: number) => (seed = (seed * 16_807) % 2_147_483_647) % n;
  const at = (b: number) => ({ ...row(b, 5 + random(30)), hist: histogramOf([random(20), 3 + random(90)], [1, 400]) });
  for (let b = 0; b < 3000; b += 10) {
    // Nobody called.
    history.replace(b, b + 10, random(9) === 0 ? [] : [at(b)], []);
    if (random(6) === 0) tainted.add(b);
    if (random(5) === 0) history.replace(b - 30, b - 20, [at(b - 30)], []);
    const baseline = learnBaselines(history, b, (_, bucket) => tainted.has(bucket), 12).get(KEY);
    if (baseline === undefined) continue;
    const sum: number[] = [];
    for (const point of baseline.points) addHistogram(sum, point.hist);
    const isKnown = baseline.hist.map((count, i) => [count, sum[i] ?? 0] as const);
    expect(isKnown.filter(([count, expected]) => count !== expected)).toEqual([]);
    expect(histogramCount(baseline.hist)).toBe(histogramCount(sum));
  }
});

describe("where another source begins to tell", () => {
  const edge = `edge ${node("web")}>${node("cart")}`;
  /** An edge of which spans tell until a bucket, metrics from then on. */
  function learnEdge(bucket: number, from: number, isLive = false) {
    const history = new History(180, 10);
    let baseline;
    for (let b = 0; b <= bucket; b += 10) {
      const source = b < from ? ("spans" as const) : ("metrics" as const);
      history.replace(b, b + 10, [], [{ ...toldEdge(b, "web", "cart", 100), source }]);
      if (isLive || b === bucket) baseline = learnBaselines(history, b, () => false, 30).get(edge);
    }
    return baseline?.buckets;
  }
  test("nothing is known of it at first, whatever was learned before", () => {
    expect(learnEdge(290, 300)).toHaveLength(29);
    expect(learnEdge(320, 300)).toBeUndefined();
    expect(learnEdge(320, 300, true)).toBeUndefined();
  });
  test("then what it told itself", () => expect(learnEdge(340, 300, true)).toEqual([330, 320, 310, 300]));
});

describe("a fault that outlasts the history", () => {
  const FAULT = 300;
  /** What is taken as the normal count of failures at `until`, when every bucket from FAULT on fails and is tainted. */
  function learnAt(until: number): readonly number[] | undefined {
    const history = new History(60, 10);
    let baseline: readonly number[] | undefined;
    for (let b = 0; b <= until; b += 10) {
      history.replace(b, b + 10, [row(b, 20, b < FAULT ? 0 : 10)], []);
      baseline = learnBaselines(history, b, (_, at) => at >= FAULT, 30).get(KEY)?.buckets;
    }
    return baseline;
  }
  test("is compared with the clean buckets before it", () => expect(learnAt(2000)).toEqual(learnAt(FAULT)));
  test("is normal when it has lasted a day", () => expect(learnAt(FAULT + 87_000)).toBeUndefined());
  test("what was clean since counts, however little", () => {
    const history = new History(20, 10);
    const isTainted = (_: unknown, at: number) => at >= 100 && at < 400;
    for (let b = 0; b <= 430; b += 10) {
      history.replace(b, b + 10, [row(b, 20)], []);
      learnBaselines(history, b, isTainted, 30);
    }
    expect(learnBaselines(history, 430, isTainted, 30).get(KEY)!.buckets).toEqual([420, 410, 400]);
  });
});

describe("History", () => {
  test("a bucket that is read again replaces its points, also where a series has vanished", () => {
    const history = new History(180, 10);
    history.replace(0, 10, [row(0, 20)], []);
    history.replace(0, 10, [row(0, 5)], []);
    expect(history.series.get(KEY)!.points.get(0)!.calls).toBe(5);
    history.replace(0, 10, [], []);
    expect([...history.series.values()].filter((series) => series.points.has(0))).toEqual([]);
  });
  test("keeps so many buckets and forgets series that are silent for longer", () => {
    const history = new History(3, 10);
    for (let b = 0; b <= 100; b += 10) history.replace(b, b + 10, b < 50 ? [row(b, 20)] : [], []);
    expect([...history.buckets].sort((a, b) => a - b)).toEqual([70, 80, 90, 100]);
    expect(history.series.size).toBe(0);
  });
});
