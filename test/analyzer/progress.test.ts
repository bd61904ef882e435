// Which buckets are due: complete by event time, changed since they were analysed, and their neighbours.
import { describe, expect, test } from "vitest";
import { planCycle, watermarks } from "../../analyzer/progress.ts";
import type { ArrivalRow } from "../../storage/buckets.ts";

const NOW = 1000;
const row = (bucket: number, arrived: number, analyzed = 0, lastSecond = bucket + 9): ArrivalRow => {
  return { tenant: "t", bucket, arrived, analyzed, last_ms: lastSecond * 1000 };
};
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
    expect(plan(done)).toEqual({ recompute: [], analyze: new Map(), used: [] });
  });
  test("a late bucket is computed anew with its neighbours, and analysed again from there", () => {
    const late = [row(90, 100, 100), row(100, 100, 100), row(110, 150, 100), ...done.slice(2)];
    const { recompute, analyze, used } = plan(late);
    expect(recompute).toEqual([{ from: 100, to: 130 }]);
    expect(analyze.get("t")).toEqual({ from: 110, to: 120 });
    expect(used.map((r) => r.bucket)).toEqual([110]);
  });
  test("less than a hundredth of a bucket enters the graph but starts no analysis", () => {
    const late = [row(100, 1005, 1000), row(110, 100, 100), row(130, 9, 0)];
    expect([plan(late).recompute, plan(late).analyze.size]).toEqual([[{ from: 100, to: 120 }], 0]);
  });
  test("a neighbour that was never analysed waits for its own turn", () => {
    expect(plan([row(100, 5), row(110, 5), row(120, 5, 0, 127)]).recompute).toEqual([{ from: 100, to: 120 }]);
  });
});

test("a backlog is paired in pieces, gaps are not paired at all", () => {
  const rows = [0, 10, 20, 30, 40, 100, 110].map((b) => row(b, 5));
  expect(plan(rows, true, NOW, 3).recompute).toEqual([
    { from: 0, to: 30 },
    { from: 30, to: 50 },
    { from: 100, to: 120 },
  ]);
});

test("tenants are paired together and analysed apart", () => {
  const rows = [row(100, 5), { ...row(110, 5), tenant: "other" }];
  const { recompute, analyze } = plan(rows, true);
  expect(recompute).toEqual([{ from: 100, to: 120 }]);
  expect([...analyze]).toEqual([
    ["t", { from: 100, to: 110 }],
    ["other", { from: 110, to: 120 }],
  ]);
});
