// Which buckets are due: complete by event time, changed since they were analysed, and their neighbours.
import { describe, expect, test } from "vitest";
import { changedPoints, planCycle, watermarks } from "../../analyzer/progress.ts";
import type { ArrivalRow } from "../../storage/buckets.ts";

const NOW = 1000;
const row = (bucket: number, arrived: number, analyzed = 0, lastSecond = bucket + 9): ArrivalRow => {
  const rows = { spans: arrived, logs: 0, points: 0 };
  const paired = { spans: analyzed, logs: 0, points: 0 };
  const last_ms = lastSecond * 1000;
  return { tenant: "t", bucket, arrived, analyzed, last_ms, rows, paired, longest_ns: 1e6, producers: 0 };
};
const ranges = (rows: readonly ArrivalRow[], complete = false, maxBuckets = 30) =>
  plan(rows, complete, NOW, maxBuckets).recompute.map(({ from, to }) => ({ from, to }));
const plan = (rows: readonly ArrivalRow[], complete = false, now = NOW, maxBuckets = 30) =>
  planCycle(rows, { now, graceSeconds: 6, complete, maxBuckets });
const analyzed = (rows: readonly ArrivalRow[], complete = false) => plan(rows, complete).analyze.get("t");

describe("completeness", () => {
  test.each([
    { name: "the newest span is 6 s past the end", last: 116, due: true },
    { name: "the newest span is 5.9 s past the end", last: 115.9, due: false },
    { name: "no newer span at all", last: 109, due: false },
  ])("$name", ({ last, due }) => {
    const rows = last > 110 ? [row(100, 5), row(110, 5, 0, last)] : [row(100, 5, 0, last)];
    expect(analyzed(rows)).toEqual(due ? { from: 100, to: 110 } : undefined);
  });
  test("when nothing more is coming, every bucket is complete", () => {
    expect(analyzed([row(100, 5), row(110, 5)], true)).toEqual({ from: 100, to: 120 });
  });
  test("a span from the future proves nothing: the clock caps the watermark", () => {
    const rows = [row(990, 5), row(1010, 1, 0, 5000)];
    expect(watermarks(rows, NOW).get("t")).toBe(NOW);
    expect(analyzed(rows)).toBeUndefined();
  });
  test("each tenant has its own watermark", () => {
    const rows = [row(100, 5), { ...row(500, 5), tenant: "other" }];
    expect([...plan(rows).analyze.keys()]).toEqual([]);
  });
});

describe("late data", () => {
  const done = [row(100, 100, 100), row(110, 100, 100), row(120, 100, 100), row(130, 9, 0)];
  test("nothing is due when nothing has changed", () => {
    const quiet = done.map((one) => ({ ...one, paired: one.rows }));
    expect(plan(quiet)).toEqual({ recompute: [], analyze: new Map(), paired: [], used: [] });
  });
  test("a late bucket is computed anew with its neighbours, and analysed again from there", () => {
    const late = [row(90, 100, 100), row(100, 100, 100), row(110, 150, 100), ...done.slice(2)];
    const { recompute, analyze, used } = plan(late);
    expect(recompute.map(({ from, to }) => ({ from, to }))).toEqual([{ from: 100, to: 140 }]);
    expect(analyze.get("t")).toEqual({ from: 110, to: 120 });
    expect(used.map((r) => r.bucket)).toEqual([110]);
  });
  test("less than a hundredth of a bucket enters the graph but starts no analysis", () => {
    const late = [row(100, 1005, 1000), row(110, 100, 100), row(130, 9, 9)];
    expect([ranges(late), plan(late).analyze.size]).toEqual([[{ from: 100, to: 120 }], 0]);
  });
  test("a bucket that may still grow is drawn at once and analysed later", () => {
    const { recompute, analyze, paired, used } = plan([row(100, 5), row(110, 5), row(120, 5, 0, 127)]);
    expect(recompute).toMatchObject([{ from: 100, to: 130, spans: true, logs: false, points: false }]);
    expect(analyze.get("t")).toEqual({ from: 100, to: 120 });
    expect(paired.map((one) => [one.bucket, one.analyzed, one.paired.spans])).toEqual([
      [100, 0, 5],
      [110, 0, 5],
      [120, 0, 5],
    ]);
    expect(used.map((one) => [one.bucket, one.analyzed])).toEqual([
      [100, 5],
      [110, 5],
    ]);
  });
});

describe("reach", () => {
  const past = [0, 10, 20, 30, 40, 50, 60, 70].map((b) => row(b, 100, 100));
  const withNew = (more: Partial<ArrivalRow>, at: number) =>
    past.map((one) => (one.bucket === at ? { ...one, ...more } : one)).concat(row(80, 9));
  test("a first-time bucket changes the one before it", () => {
    expect(ranges(withNew({}, 0))).toEqual([{ from: 70, to: 90 }]);
  });
  test("and those since the bucket of a span that runs into it", () => {
    expect(ranges(withNew({ longest_ns: 36e9 }, 30))).toEqual([{ from: 30, to: 90 }]);
    expect(ranges(withNew({ longest_ns: 34e9 }, 30))).toEqual([{ from: 70, to: 90 }]);
  });
  test("nothing reaches further than 60 s", () => {
    expect(ranges(withNew({ longest_ns: 3600e9 }, 20))).toEqual([{ from: 20, to: 90 }]);
    expect(ranges(withNew({ longest_ns: 3600e9 }, 10))).toEqual([{ from: 70, to: 90 }]);
  });
  const late = (more: Partial<ArrivalRow>) =>
    past.map((one) => (one.bucket === 10 ? { ...one, rows: { ...one.rows, spans: 101 }, ...more } : one));
  test("a late long parent changes the buckets in which its children may lie", () => {
    expect(ranges(late({}))).toEqual([{ from: 0, to: 30 }]);
    expect(ranges(late({ longest_ns: 20e9 }))).toEqual([{ from: 0, to: 50 }]);
  });
  test("a late producer those of its consumers", () => {
    expect(ranges(late({ producers: 1 }))).toEqual([{ from: 0, to: 80 }]);
  });
});

describe("other signals", () => {
  test("access logs and mesh metrics make their own rows due, not those of spans", () => {
    const done = row(100, 5, 5);
    const { recompute } = plan([
      { ...done, rows: { spans: 5, logs: 3, points: 0 } },
      { ...done, bucket: 200, rows: { spans: 5, logs: 0, points: 2 } },
    ]);
    expect(recompute).toEqual([
      { from: 100, to: 110, spans: false, logs: true, points: false },
      { from: 200, to: 210, spans: false, logs: false, points: true },
    ]);
  });
  test("buckets that are due for reasons of their own join", () => {
    const { recompute } = planCycle([row(100, 5, 5)], {
      now: NOW,
      graceSeconds: 6,
      complete: false,
      maxBuckets: 30,
      others: { spans: [40], points: [{ from: 70, to: 90 }] },
    });
    expect(recompute).toEqual([
      { from: 40, to: 50, spans: true, logs: false, points: false },
      { from: 70, to: 90, spans: false, logs: false, points: true },
    ]);
  });
  test("runs of buckets with new points, by tenant", () => {
    const fresh = (bucket: number, tenant: string) => ({
      ...row(bucket, 5, 5),
      tenant,
      rows: { spans: 5, logs: 0, points: 1 },
    });
    expect(changedPoints([fresh(10, "a"), fresh(20, "a"), fresh(40, "a"), fresh(50, "b"), row(60, 5, 5)])).toEqual([
      { tenant: "a", range: { from: 10, to: 30 } },
      { tenant: "a", range: { from: 40, to: 50 } },
      { tenant: "b", range: { from: 50, to: 60 } },
    ]);
  });
});

test("a backlog is paired in pieces, gaps are not paired at all", () => {
  const rows = [0, 10, 20, 30, 40, 100, 110].map((b) => row(b, 5));
  expect(ranges(rows, true, 3)).toEqual([
    { from: 0, to: 30 },
    { from: 30, to: 50 },
    { from: 100, to: 120 },
  ]);
});

test("tenants are paired together and analysed apart", () => {
  const rows = [row(100, 5), { ...row(110, 5), tenant: "other" }];
  const { recompute, analyze } = plan(rows, true);
  expect(recompute.map(({ from, to }) => ({ from, to }))).toEqual([{ from: 100, to: 120 }]);
  expect([...analyze]).toEqual([
    ["t", { from: 100, to: 110 }],
    ["other", { from: 110, to: 120 }],
  ]);
});
