// The graph over real ClickHouse: several sources of the same calls, a silent cluster, merged clusters, two windows compared.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { type EdgeSeed, seedEdges, seedEntities, seedOperations, seedProgress } from "./seed.ts";
import { type Answer, codes, type Json, startTestApi, type TestApi } from "./server-fixture.ts";

const T0 = Date.parse("2026-01-31T14:00:00Z") / 1000;
const at = (seconds: number) => new Date((T0 + seconds) * 1000).toISOString();
const range = (from: number, to: number) => ({ from: at(from), to: at(to) });
const buckets = (from: number, to: number) => Array.from({ length: (to - from) / 10 }, (_, i) => T0 + from + i * 10);

const LEDGER = `ledger { caller { calls failed basis latencyMeanMs } callee { calls latencyP50Ms } neverArrived originFailed
  retries { requests attempts factor } flags { flag count owner meaning } gapMs proxyMs basis latencyBasis samplingRatio latencyRelativeError }`;
const GRAPH = `query Graph($range: TimeRangeInput!, $level: GraphLevel! = SERVICE, $filter: GraphFilter, $merge: Boolean! = false) {
  serviceGraph(range: $range, level: $level, filter: $filter, mergeClusters: $merge) {
    coveredSeconds partial warnings grain basis { source seconds edges } silentClusters { cluster lastSeen }
    clockSkew { from to offsetMs uncertaintyMs calls }
    nodes { entity { id cluster service } requestsPerSecond health healthReasons { code summary } basis idleSince }
    edges { id source target crossCluster confidence requestsPerSecond latencyP50Ms mtls { state securedRatio } bytes { request response } ${LEDGER} }
  }
}`;
const DIFF = `query Diff($a: TimeRangeInput!, $b: TimeRangeInput!, $filter: GraphFilter) {
  serviceGraphDiff(a: $a, b: $b, filter: $filter) { truncated a { coveredSeconds } b { coveredSeconds partial warnings }
    nodes { change significant a { entity { id } } b { entity { id } } }
    edges { change significant a { source target requestsPerSecond } b { source target requestsPerSecond }
      requestsPerSecond { a b difference ratio pValue significant } errorRatio { difference significant } } } }`;

const cart: EdgeSeed = { from: "east/shop/web", to: "east/shop/cart" };
const pay: EdgeSeed = { from: "east/shop/cart", to: "west/shop/pay", protocol: "grpc" };

let database: TestStorage;
let api: TestApi;
beforeAll(async () => {
  database = await startTestStorage();
  const { storage } = database;
  for (const bucket of buckets(0, 60)) {
    await seedEdges(storage, bucket, [
      {
        ...cart,
        caller: { calls: 10, failed: 1, ms: 30 },
        callee: { calls: 10, ms: 20 },
        more: { GapNs: 50e6, ProxyNs: 20e6 },
      },
      {
        ...cart,
        source: "access_logs",
        evidence: "access-log",
        caller: { calls: 100, failed: 10 },
        callee: { calls: 130 },
        more: { Flags: { UH: 6, RL: 4 }, RequestBytes: 5000, ResponseBytes: 9000, CallerHist: [], CalleeHist: [] },
      },
      {
        ...cart,
        source: "metrics",
        evidence: "destination-reporter",
        callee: { calls: 100 },
        more: { SecuredCalls: 75, PlainCalls: 25, CalleeHist: [] },
      },
      {
        ...pay,
        caller: { calls: 50, ms: 40 },
        callee: { calls: 50, ms: 30 },
        more: { GapNs: 500e6, OffsetNs: 2000e6, OffsetCalls: 50 },
      },
      { from: "west/shop/cart", to: "west/shop/pay", protocol: "grpc", caller: { calls: 5 }, callee: { calls: 5 } },
    ]);
    await seedOperations(storage, bucket, [{ at: "east/shop/cart", operation: "GET /", requests: 10, ms: 20 }]);
  }
  // Later: cart is slow, pay is gone with its whole cluster, and there is a new one.
  for (const bucket of buckets(600, 660)) {
    await seedEdges(storage, bucket, [
      { ...cart, caller: { calls: 10, ms: 90 }, callee: { calls: 10, ms: 80 } },
      { from: "east/shop/cart", to: "east/shop/ledger", caller: { calls: 50, ms: 4 }, callee: { calls: 50, ms: 4 } },
    ]);
    await seedOperations(storage, bucket, [{ at: "east/shop/cart", operation: "GET /", requests: 10, ms: 80 }]);
  }
  await seedOperations(storage, T0 + 590, [{ at: "east/shop/cart", operation: "GET /", requests: 60, ms: 20 }]);
  await seedEntities(storage, T0 + 60, [{ at: "east/shop/lonely/v1/lonely-1" }, { at: "west/shop/pay/v1/pay-1" }]);
  await seedProgress(storage, buckets(0, 660), 10, 10);
  api = await startTestApi(storage);
}, 180_000);
afterAll(async () => {
  await api?.stop();
  await database?.stop();
});

async function ask(query: string, variables: Record<string, unknown>): Promise<Json> {
  const answer: Answer = await api.ask(query, variables);
  expect(answer.errors).toBeUndefined();
  return answer.data.serviceGraph ?? answer.data.serviceGraphDiff;
}

describe("serviceGraph", () => {
  it("believes one source an edge, and shows both sides, retries, flags, security and bytes", async () => {
    const graph = await ask(GRAPH, { range: range(0, 60) });
    expect(graph).toMatchObject({
      coveredSeconds: 60,
      partial: false,
      warnings: [],
      grain: "TEN_SECONDS",
      silentClusters: [],
    });
    const edge = graph.edges.find((one: Json) => one.target === "service:east/shop/cart");
    expect(edge).toMatchObject({
      crossCluster: false,
      requestsPerSecond: 13,
      mtls: { state: "MIXED", securedRatio: 0.75 },
      bytes: { request: 30_000, response: 54_000 },
      ledger: {
        caller: { calls: 600, failed: 60, basis: "ACCESS_LOGS" },
        callee: { calls: 780 },
        retries: { requests: 600, attempts: 780, factor: 1.3 },
        flags: [
          { flag: "UH", count: 36, owner: "destination", meaning: "no healthy upstream" },
          { flag: "RL", count: 24, owner: "edge", meaning: "rate limited" },
        ],
        gapMs: 5,
        proxyMs: 2,
        basis: "ACCESS_LOGS",
        latencyBasis: "SPANS",
        samplingRatio: 0.1,
      },
    });
    expect(edge.confidence).toBe(0.999);
    expect(edge.latencyP50Ms).toBeGreaterThan(17);
    expect(edge.latencyP50Ms).toBeLessThan(23);
    expect(edge.ledger.latencyRelativeError).toBeLessThanOrEqual(0.07);
    expect(graph.basis.map((one: Json) => [one.source, one.edges])).toEqual(
      expect.arrayContaining([
        ["SPANS", 2],
        ["ACCESS_LOGS", 1],
      ]),
    );
  });

  it("tells the same of a gap whether latencies are asked for or not", async () => {
    const query = `query Gaps($range: TimeRangeInput!) { serviceGraph(range: $range) { edges { target ledger { gapMs } } } }`;
    const { edges } = await ask(query, { range: range(0, 60) });
    expect(edges.find((one: Json) => one.target === "service:east/shop/cart").ledger.gapMs).toBe(5);
  });

  it("measures the clocks of two clusters, also where these are merged", async () => {
    const skew = [{ from: "east", to: "west", offsetMs: 40, uncertaintyMs: 5, calls: 300 }];
    const apart = await ask(GRAPH, { range: range(0, 60) });
    expect(apart.clockSkew).toEqual(skew);
    expect(apart.edges.find((one: Json) => one.target === "service:west/shop/pay").crossCluster).toBe(true);
    const merged = await ask(GRAPH, { range: range(0, 60), merge: true });
    expect(merged.clockSkew).toEqual(skew);
  });

  it("makes one node of a service in several clusters on request", async () => {
    const { nodes, edges } = await ask(GRAPH, { range: range(0, 60), merge: true });
    const carts = nodes.filter((one: Json) => one.entity.service === "cart");
    expect(carts.map((one: Json) => one.entity)).toEqual([
      { id: "service:/shop/cart", cluster: null, service: "cart" },
    ]);
    const toPay = edges.filter((one: Json) => one.target === "service:/shop/pay");
    expect(toPay).toHaveLength(1);
    expect(toPay[0]).toMatchObject({ crossCluster: null, ledger: { caller: { calls: 330 } } });
    const refused = await api.ask(GRAPH, { range: range(0, 60), merge: true, level: "CLUSTER" });
    expect(codes(refused)).toEqual(["BAD_ARGUMENT"]);
  });

  it("goes on without a cluster that fell silent, and says so", async () => {
    const graph = await ask(GRAPH, { range: range(600, 660) });
    expect(graph.silentClusters).toEqual([{ cluster: "west", lastSeen: at(60) }]);
    expect(graph.partial).toBe(true);
    expect(graph.warnings.join(" ")).toContain("Cluster west has told nothing");
    expect(graph.edges).toHaveLength(2);
    const node = (service: string) => graph.nodes.find((one: Json) => one.entity.service === service);
    expect(node("pay")).toMatchObject({ health: "UNKNOWN", healthReasons: [{ code: "CLUSTER_SILENT" }] });
    expect(node("lonely")).toMatchObject({
      health: "IDLE",
      idleSince: at(60),
      requestsPerSecond: 0,
      healthReasons: [{ code: "NO_TRAFFIC" }],
    });
    // Its own history: the minute before.
    expect(node("cart")).toMatchObject({ health: "HEALTHY", healthReasons: [{ code: "LATENCY" }] });
  });

  it("keeps to callers or callees of a place", async () => {
    const filter = { focus: ["service:east/shop/cart"], downstream: 1 };
    const { nodes } = await ask(GRAPH, { range: range(0, 60), filter });
    expect(nodes.map((one: Json) => one.entity.id).toSorted()).toEqual([
      "service:east/shop/cart",
      "service:west/shop/pay",
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["a range older than anything kept", { range: range(-7200, -3600) }, "NOT_KEPT"],
    ["an id that is none", { range: range(0, 60), filter: { focus: ["nonsense"] } }, "BAD_ID"],
    ["too many hops", { range: range(0, 60), filter: { upstream: 11 } }, "BAD_ARGUMENT"],
    [
      "clusters where they are merged",
      { range: range(0, 60), merge: true, filter: { clusters: ["east"] } },
      "BAD_ARGUMENT",
    ],
    ["operations at another level", { range: range(0, 60), filter: { operations: ["GET /"] } }, "BAD_ARGUMENT"],
  ])("refuses %s", async (_name, variables, code) => {
    expect(codes(await api.ask(GRAPH, variables))).toEqual([code]);
  });

  it("refuses a graph as known at a time over more than raw telemetry may be read for", async () => {
    const query = `query K($range: TimeRangeInput!, $knownAt: DateTime) { serviceGraph(range: $range, knownAt: $knownAt) { partial } }`;
    expect(codes(await api.ask(query, { range: range(0, 7200), knownAt: at(60) }))).toEqual(["BAD_RANGE"]);
  });
});

describe("serviceGraphDiff", () => {
  it("tells what came, went and changed between two windows", async () => {
    const diff = await ask(DIFF, { a: range(0, 60), b: range(600, 660) });
    expect(diff.a.coveredSeconds).toBe(60);
    expect(diff.b.warnings.join(" ")).toContain("west");
    const name = (item: Json) => `${(item.b ?? item.a).source}>${(item.b ?? item.a).target} ${item.change}`;
    expect(diff.edges.map(name).toSorted()).toEqual([
      "service:east/shop/cart>service:east/shop/ledger ADDED",
      "service:east/shop/cart>service:west/shop/pay REMOVED",
      "service:east/shop/web>service:east/shop/cart CHANGED",
      "service:west/shop/cart>service:west/shop/pay REMOVED",
    ]);
    const changed = diff.edges.find((item: Json) => item.change === "CHANGED");
    expect(changed.errorRatio.difference).toBeCloseTo(-0.1);
    // No failure among 60 calls may be chance where one in ten failed before (p = 0.02).
    expect(changed.errorRatio.significant).toBe(false);
    expect(changed.requestsPerSecond).toMatchObject({ a: 13, b: 1, difference: -12, significant: true });
    const states = Object.fromEntries(diff.nodes.map((item: Json) => [(item.b ?? item.a).entity.id, item.change]));
    expect(states).toMatchObject({
      "service:east/shop/ledger": "ADDED",
      "service:west/shop/pay": "REMOVED",
      "service:east/shop/lonely": "SAME",
    });
  });

  it("chooses among the places of both windows together", async () => {
    const diff = await ask(DIFF, { a: range(0, 60), b: range(600, 660), filter: { services: ["ledger"], depth: 1 } });
    expect(diff.edges.map((item: Json) => item.change)).toEqual(["ADDED"]);
  });
});
