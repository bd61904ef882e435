// Three requests in ten seconds: an outage of such a service is found within a minute, a single bad moment is not one. And small harm to a
// busy service, which no bucket shows beyond doubt.
import { describe, expect, test } from "vitest";
import { learnBaselines } from "../../analyzer/baseline.ts";
import { detectBucket } from "../../analyzer/detect.ts";
import { History } from "../../analyzer/history.ts";
import { NO_INCIDENTS, stepIncidents, taintedSeries, type IncidentState } from "../../analyzer/incident.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { seededRandom } from "../scenarios/traffic.ts";
import { histogramOf } from "./made.ts";

interface Moment {
  readonly calls: number;
  readonly failed: number;
  readonly ms: number;
}

function rowOf(bucket: number, { calls, failed, ms }: Moment): ServiceBucketRow {
  const about = { bucket, cluster: "", namespace: "", service: "seldom", requests: calls, failed };
  return { ...about, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0, hist: histogramOf([calls, ms]) };
}

/** Plays buckets one after another, in a mesh of so many such services; what was opened, and the state in the end. */
function play(moments: readonly Moment[], services = 1) {
  const history = new History(180, 10);
  const taints = new Map<number, ReadonlySet<string>>();
  const isTainted = (series: { key: string }, b: number) => taints.get(b)?.has(series.key) ?? false;
  const opened: { id: string; at: number; firstBucket: number }[] = [];
  const resolved: number[] = [];
  let state: IncidentState = NO_INCIDENTS;
  for (const [i, moment] of moments.entries()) {
    const bucket = i * 10;
    history.replace(bucket, bucket + 10, moment.calls === 0 ? [] : [rowOf(bucket, moment)], []);
    const baselines = learnBaselines(history, bucket, isTainted, 30);
    const alone = detectBucket(history, bucket, baselines, isTainted);
    const found = { ...alone, tests: alone.tests * services };
    const stepped = stepIncidents(state, { tenant: "t", bucket, ...found, callees: new Map(), graceSeconds: 6 });
    state = stepped.state;
    taints.set(bucket, taintedSeries(state, found.anomalies, found.tests));
    for (const { id, firstBucket } of state.open) {
      if (!opened.some((one) => one.id === id)) opened.push({ id, at: bucket, firstBucket });
    }
    resolved.push(...stepped.closed.map((one) => one.resolvedAt!));
  }
  return { opened, resolved, open: state.open };
}

const repeat = (count: number, moment: Moment) => Array.from({ length: count }, () => moment);
const fine = { calls: 3, failed: 0, ms: 20 };

describe("a service with three requests in ten seconds", () => {
  test("that fails entirely is found within half a minute, from its first bucket on, and closed when it is well", () => {
    const { opened, resolved, open } = play([
      ...repeat(40, fine),
      ...repeat(6, { ...fine, failed: 3 }),
      ...repeat(12, fine),
    ]);
    expect(opened).toHaveLength(1);
    expect(opened[0]!.at).toBeLessThanOrEqual(420);
    expect(opened[0]!.firstBucket).toBe(400);
    expect([resolved, open]).toEqual([[460], []]);
  });
  test("that gets slow is found within a minute", () => {
    const { opened } = play([...repeat(40, fine), ...repeat(8, { ...fine, ms: 900 })]);
    expect(opened).toHaveLength(1);
    expect(opened[0]!.at).toBeLessThanOrEqual(450);
    expect(opened[0]!.firstBucket).toBe(400);
  });
  test("whose every third request fails is found within five minutes", () => {
    const { opened } = play([...repeat(60, fine), ...repeat(30, { ...fine, failed: 1 })]);
    expect(opened).toHaveLength(1);
  });
  test.each([
    { name: "one bucket in which all fail", moments: [{ ...fine, failed: 3 }] },
    {
      name: "one failure here and there",
      moments: [{ ...fine, failed: 1 }, ...repeat(9, fine), { ...fine, failed: 1 }],
    },
    { name: "silence", moments: repeat(10, { calls: 0, failed: 0, ms: 0 }) },
  ])("$name is no incident", ({ moments }) => {
    expect(play([...repeat(60, fine), ...moments, ...repeat(5, fine)]).opened).toEqual([]);
  });
  test("after silence the incident is still open: nothing has shown that it is over", () => {
    const silent = { calls: 0, failed: 0, ms: 0 };
    expect(play([...repeat(40, fine), ...repeat(4, { ...fine, failed: 3 }), ...repeat(10, silent)]).open).toHaveLength(
      1,
    );
  });
});

describe("a service with fifty requests in ten seconds", () => {
  const usual = (i: number) => ({ calls: 50, failed: i % 4 === 0 ? 1 : 0, ms: 20 });
  const before = Array.from({ length: 60 }, (_, i) => usual(i));
  const harmed = { calls: 50, failed: 5, ms: 20 };

  test("a tenth of which fails is found within a minute and a half, from its first bucket on, and closed when it is well", () => {
    const { opened, resolved, open } = play([...before, ...repeat(12, harmed), ...before.slice(0, 6)], 500);
    expect(opened).toHaveLength(1);
    expect(opened[0]!.at).toBeLessThanOrEqual(690);
    expect(opened[0]!.firstBucket).toBe(600);
    expect([resolved, open]).toEqual([[720], []]);
  });
  test.each([
    { name: "one bucket of it", moments: [harmed] },
    {
      name: "one bucket of it every two minutes",
      moments: repeat(4, harmed).flatMap((m) => [m, ...before.slice(1, 12)]),
    },
  ])("$name is no incident", ({ moments }) => {
    expect(play([...before, ...moments, ...before.slice(0, 12)], 500).opened).toEqual([]);
  });
  test("of which a third always fails is no incident five minutes after one bucket in which nothing did", () => {
    const failing = { ...harmed, failed: 17 };
    const worse = { ...harmed, failed: 20 };
    const moments = [...repeat(60, failing), { ...harmed, failed: 0 }, ...repeat(29, failing), worse];
    expect(play(moments, 500).opened).toEqual([]);
  });
});

test("six hours of one request a bucket that fails once in fifty: no incident", () => {
  const random = seededRandom(5);
  const moments = Array.from({ length: 2160 }, () => {
    return { calls: 1, failed: random() < 0.02 ? 1 : 0, ms: 20 * Math.exp(random()) };
  });
  expect(play(moments).opened).toEqual([]);
});
