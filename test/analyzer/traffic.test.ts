// Requests that stay away: what an outage of them is, what upstream explains, and that floods alone are no harm.
import { describe, expect, test } from "vitest";
import { History, type ToldEdge } from "../../analyzer/history.ts";
import { NO_INCIDENTS, stepIncidents, type IncidentState, taintedSeries } from "../../analyzer/incident.ts";
import { detectTraffic, learnRate, rateTailLog10, type UsualRate } from "../../analyzer/traffic.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { anomaly, histogramOf, toldEdge } from "./made.ts";

/** Requests in each bucket, by "frontend" (entered by users) or "frontend>cart". */
type Flow = Readonly<Record<string, (bucket: number) => number>>;

function serviceRow(bucket: number, service: string, requests: number): ServiceBucketRow {
  const about = { bucket, cluster: "", namespace: "", service, requests, failed: 0, hist: histogramOf([requests, 10]) };
  return { ...about, degraded: 0, origin_failed: 0, total_ns: 0, self_ns: 0 };
}

const edgeRow = (bucket: number, from: string, to: string, calls: number): ToldEdge => ({
  ...toldEdge(bucket, from, to, calls),
  src_namespace: "",
  dst_namespace: "",
});

/** Plays the flow; from `toldFrom` on the edges are told by metrics. */
function play(flow: Flow, buckets: number, usual?: UsualRate, toldFrom = Number.POSITIVE_INFINITY) {
  const history = new History(180, 10);
  const taints = new Map<number, ReadonlySet<string>>();
  const isTainted = (key: string, b: number) => taints.get(b)?.has(key) ?? false;
  let state: IncidentState = NO_INCIDENTS;
  const opened = new Map<string, { at: number; start: number }>();
  let last = detectTraffic(history, 0, isTainted);
  for (let bucket = 0; bucket < buckets * 10; bucket += 10) {
    const all = Object.entries(flow).map(([name, rate]) => ({ name, calls: rate(bucket) }));
    const seen = all.filter(({ calls }) => calls > 0);
    const services = seen
      .filter(({ name }) => !name.includes(">"))
      .map(({ name, calls }) => serviceRow(bucket, name, calls));
    const edges = seen.flatMap(({ name, calls }) => {
      const [from = "", to] = name.split(">");
      const source = bucket < toldFrom ? ("spans" as const) : ("metrics" as const);
      return to === undefined ? [] : [{ ...edgeRow(bucket, from, to, calls), source }];
    });
    history.replace(bucket, bucket + 10, services, edges);
    last = detectTraffic(history, bucket, isTainted, usual);
    const findings = { tenant: "t", bucket, ...last, callees: history.callees(), graceSeconds: 6 };
    state = stepIncidents(state, findings).state;
    taints.set(bucket, taintedSeries(state, last.anomalies, last.tests));
    for (const one of state.open) if (!opened.has(one.id)) opened.set(one.id, { at: bucket, start: one.firstBucket });
  }
  return { opened: [...opened.values()], last, state };
}

// A little unsteady, without randomness.
const steady = (rate: number) => (bucket: number) => rate + ((bucket / 10) % 7) - 3;
const until = (at: number, before: (b: number) => number, after: (b: number) => number) => (b: number) =>
  b < at ? before(b) : after(b);
const nothing = () => 0;

describe("another source that begins to tell", () => {
  const fewer = { "frontend>cart": until(400, steady(1000), steady(100)) };
  test("with fewer requests is no drop", () => expect(play(fewer, 60, undefined, 400).opened).toEqual([]));
  test("does not hide silence", () => {
    const silent = { "frontend>cart": (b: number) => (b < 400 ? 1000 : b < 700 ? 100 + (b % 3) : 0) };
    expect(play(silent, 76, undefined, 400).opened).toEqual([{ at: 720, start: 700 }]);
  });
});

describe("drops", () => {
  test("an entry that falls silent is an incident after 30 s, from the first silent bucket on, and stays one", () => {
    const { opened, state } = play({ frontend: until(400, steady(100), nothing) }, 60);
    expect(opened).toEqual([{ at: 420, start: 400 }]);
    expect(state.open).toHaveLength(1);
  });
  test("what hangs below it is explained", () => {
    const fall = until(400, steady(100), nothing);
    const { last } = play(
      { frontend: fall, "frontend>cart": fall, cart: fall, "cart>pricing": fall, pricing: fall },
      44,
    );
    const opening = last.anomalies.filter((a) => a.opensAfter !== null).map((a) => a.entity.service);
    expect([last.anomalies.length, opening]).toEqual([5, ["frontend"]]);
  });
  test("a service that falls silent while its callers still call", () => {
    const { opened, last } = play(
      { frontend: steady(100), "frontend>cart": steady(100), cart: until(400, steady(100), nothing) },
      50,
    );
    expect(opened).toEqual([{ at: 420, start: 400 }]);
    expect(last.anomalies.map((a) => a.entity.service)).toEqual(["cart"]);
  });
  test("a third of the requests is left: an incident after a minute", () => {
    expect(play({ frontend: until(400, steady(120), steady(40)) }, 60).opened).toEqual([{ at: 450, start: 400 }]);
  });
  test.each([
    { name: "one silent bucket", rate: (b: number) => (b === 400 ? 0 : 100) },
    { name: "two thirds are left", rate: until(400, steady(100), steady(66)) },
    { name: "a rate that always came in bursts", rate: (b: number) => (b % 40 === 0 ? 400 : 3) },
    { name: "too few to tell", rate: until(400, () => 1, nothing) },
    { name: "a slow decline", rate: (b: number) => Math.round(200 * Math.exp(-b / 900)) },
  ])("$name is no incident", ({ rate }) => expect(play({ frontend: rate }, 60).opened).toEqual([]));
  test("a quiet service is judged over a longer window", () => {
    const { opened } = play({ frontend: until(600, () => 4, nothing) }, 90);
    expect(opened).toHaveLength(1);
  });
  test("a drop that this hour of every day brings is none", () => {
    const flow = { frontend: until(400, steady(100), steady(5)) };
    expect(play(flow, 60, () => 5).opened).toEqual([]);
    expect(play(flow, 60, () => null).opened).toHaveLength(1);
  });
});

describe("surges", () => {
  const surge = { frontend: until(400, steady(100), steady(500)) };
  test("open nothing, and are told of as what may confound", () => {
    const { opened, last } = play(surge, 42);
    expect(opened).toEqual([]);
    expect(last.anomalies).toMatchObject([{ indicator: "TRAFFIC", isConfounder: true, opensAfter: null }]);
  });
  test("with harm at the same place they are a symptom of its incident, and do not prolong it", () => {
    const { last } = play(surge, 42);
    const frontend = { ...anomaly("frontend"), from: last.anomalies[0]!.to, to: last.anomalies[0]!.to };
    const step = (state: IncidentState, anomalies: typeof last.anomalies, bucket: number) =>
      stepIncidents(state, {
        tenant: "t",
        bucket,
        anomalies,
        tests: 10,
        judged: new Set([frontend.seriesKey]),
        callees: new Map(),
        graceSeconds: 6,
      });
    let { state, closed } = step(NO_INCIDENTS, [frontend, ...last.anomalies], 0);
    expect([...state.open[0]!.symptoms.values()].map((a) => a.indicator)).toEqual(["LATENCY", "TRAFFIC"]);
    for (const bucket of [10, 20, 30]) ({ state, closed } = step(state, last.anomalies, bucket));
    expect(closed).toHaveLength(1);
  });
});

test("the usual rate is the median, and its spread is beyond chance", () => {
  expect(learnRate([100, 98, 103, 900, 101]).median).toBe(101);
  const [calm, uneven] = [learnRate(Array.from({ length: 20 }, () => 100)), learnRate([10, 100, 1000, 20, 300, 4000])];
  expect(calm.spread.sd).toBeLessThan(0.25);
  expect(uneven.spread.sd).toBeGreaterThan(0.5);
});

test.each([
  { observed: 100, expected: 100, atMost: 0, atLeast: 0 },
  { observed: 0, expected: 100, atMost: -8, atLeast: -60 },
  { observed: 70, expected: 100, atMost: 0, atLeast: -2 },
  { observed: 400, expected: 100, atMost: -3, atLeast: -60 },
])("$observed where $expected are usual", ({ observed, expected, atMost, atLeast }) => {
  const p = rateTailLog10(observed, expected, { sd: 0.25, df: 20 });
  expect(p).toBeLessThanOrEqual(atMost);
  expect(p).toBeGreaterThanOrEqual(atLeast);
});
