// The graph's reads against a real server: levels, merged clusters, limits, known places, coverage, as known at a time.
import { afterAll, beforeAll, expect, test } from "vitest";
import { readGraphCoverage } from "../../storage/graph-coverage.ts";
import {
  graphRefusal,
  type GraphEdgeRow,
  readGraphEdges,
  readGraphEntities,
  readGraphNodes,
} from "../../storage/graph-reads.ts";
import { rollUp } from "../../storage/rollups.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";
import { HOUR, randomEdge, randomOf, requestOf } from "./graph-seed.ts";
import { edgeFigures } from "./graph-sums.ts";

const LONG = { timeout: 240_000 };
let own: TestStorage;
beforeAll(async () => {
  own = await startTestStorage();
});
afterAll(() => own.stop());

async function truncate(...tables: string[]): Promise<void> {
  for (const table of tables) await own.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
}

const GRAPH = ["edge_buckets", "operation_buckets", "edge_minutes", "operation_minutes", "minute_rollups", "entities"];

const instant = (seconds: number) => new Date(seconds * 1000).toISOString();

/** One edge of one bucket; the rest is nothing. */
function edge(bucket: number, from: string, to: string, calls: number, more: Record<string, unknown> = {}) {
  const [fromCluster = "", fromService = ""] = from.split("/");
  const [toCluster = "", toService = ""] = to.split("/");
  return {
    Tenant: "default",
    Bucket: bucket,
    SrcKind: "service",
    SrcCluster: fromCluster,
    SrcService: fromService,
    DstKind: "service",
    DstCluster: toCluster,
    DstService: toService,
    Protocol: "http",
    Evidence: "span-pair",
    CallerCalls: calls,
    CalleeCalls: calls,
    ...more,
  };
}

test("levels, merged clusters and left-out histograms are sums of the finest rows, sources apart", LONG, async () => {
  await truncate(...GRAPH);
  const random = randomOf(9);
  const rows = Array.from({ length: 120 }, (_, i) => randomEdge(random, HOUR + 10 * (i % 24)));
  await own.storage.insertRows("edge_buckets", [...rows, randomEdge(random, HOUR, "another")]);
  await rollUp(own.storage, [{ from: HOUR + 180, to: HOUR + 240 }], HOUR + 240);
  const finest = await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 240));
  const calls = (list: readonly GraphEdgeRow[], source: string) =>
    list.filter((row) => row.Source === source).reduce((sum, row) => sum + row.CallerRequests + row.CalleeRequests, 0);
  for (const detail of ["CLUSTER", "NAMESPACE", "SERVICE", "INSTANCE"] as const) {
    for (const mergeClusters of [false, true]) {
      const list = await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 240, { detail, mergeClusters }));
      edgeFigures(list); // one row a place and source
      for (const source of ["spans", "access_logs", "metrics"]) {
        expect(calls(list, source), `${detail} ${source}`).toBe(calls(finest, source));
      }
      expect(list.every((row) => (row.FromCluster === "") === mergeClusters)).toBe(true);
      const services = list.filter((row) => row.ToKind === "service");
      expect(services.every((row) => (row.ToService === "") === (detail === "CLUSTER" || detail === "NAMESPACE"))).toBe(
        true,
      );
      expect(list.filter((row) => row.ToKind === "database").every((row) => row.ToService === "postgresql")).toBe(true);
      expect(list.some((row) => row.ToInstance !== "")).toBe(detail === "INSTANCE");
    }
  }
  const counts = await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 240, { histograms: false }));
  expect(counts.every((row) => row.CallerHistogram.length + row.CalleeHistogram.length === 0)).toBe(true);
  const withoutHistograms = finest.map((row) => ({ ...row, CallerHistogram: [], CalleeHistogram: [] }));
  expect(edgeFigures(counts)).toEqual(edgeFigures(withoutHistograms));
});

test("a limit keeps the busiest of each source, also across tables", LONG, async () => {
  await truncate(...GRAPH);
  const logs = { Source: "access_logs", Evidence: "access-log" };
  await own.storage.insertRows("edge_buckets", [
    edge(HOUR, "c/a", "c/b", 5),
    edge(HOUR, "c/a", "c/x", 6),
    edge(HOUR, "c/a", "c/y", 4),
    edge(HOUR, "c/a", "c/b", 9, logs),
    edge(HOUR, "c/a", "c/x", 1, logs),
    edge(HOUR + 120, "c/a", "c/b", 7),
  ]);
  await rollUp(own.storage, [], HOUR + 130);
  const rows = await readGraphEdges(own.storage, requestOf(HOUR, HOUR + 180, { detail: "SERVICE", limit: 1 }));
  expect(rows.map((row) => [row.ToService, row.Source, row.CallerRequests])).toEqual([
    ["b", "spans", 12],
    ["b", "access_logs", 9],
  ]);
});

test("two ranges of one plan do not overlap: a window before and one after a change", LONG, async () => {
  await truncate(...GRAPH);
  await own.storage.insertRows("edge_buckets", [
    edge(HOUR + 50, "c/a", "c/b", 5),
    edge(HOUR + 60, "c/a", "c/z", 3),
    edge(HOUR + 240, "c/a", "c/b", 1),
  ]);
  await rollUp(own.storage, [], HOUR + 250);
  const read = async (from: number, to: number) =>
    (await readGraphEdges(own.storage, requestOf(from, to))).map((row) => [row.ToService, row.CallerRequests]);
  expect(await read(HOUR, HOUR + 60)).toEqual([["b", 5]]);
  expect(await read(HOUR + 60, HOUR + 120)).toEqual([["z", 3]]);
});

test("coverage: gaps, the open bucket, sources, grain, first second", LONG, async () => {
  await truncate(...GRAPH, "arrivals", "analyzed_buckets");
  const now = HOUR + 245;
  const logs = { Source: "access_logs", Evidence: "access-log" };
  await own.storage.insertRows("edge_buckets", [
    ...Array.from({ length: 25 }, (_, i) => edge(HOUR + 10 * i, "c/a", "c/b", 1)),
    edge(HOUR + 10, "c/a", "c/b", 1, logs),
    edge(HOUR + 230, "c/a", "c/b", 1, logs),
  ]);
  await rollUp(own.storage, [{ from: HOUR + 240, to: HOUR + 250 }], now);
  const buckets = Array.from({ length: 25 }, (_, i) => HOUR + 10 * i);
  await own.storage.insertRows(
    "arrivals",
    buckets.map((Bucket) => ({
      Tenant: "default",
      Signal: "spans",
      Bucket,
      RowCount: 5,
      LastTimestamp: instant(Bucket + 3),
    })),
  );
  // The third was never put into the graph, the fourth has grown since.
  await own.storage.insertRows(
    "analyzed_buckets",
    buckets
      .filter((bucket) => bucket !== HOUR + 20)
      .map((Bucket) => ({
        Tenant: "default",
        Bucket,
        RowCount: 0,
        PairedRows: Bucket === HOUR + 30 ? 4 : 5,
        Revision: 1,
      })),
  );
  const coverage = await readGraphCoverage(own.storage, requestOf(HOUR - 60, HOUR + 300, { detail: "SERVICE" }), now);
  expect(coverage).toEqual({
    FirstAnalyzed: HOUR,
    LastAnalyzed: HOUR + 240,
    Missing: [HOUR + 20],
    OutdatedCount: 1,
    // 24 whole buckets but one, and 3 s of the open one.
    CoveredSeconds: 233,
    Silent: [],
    BySource: [
      { source: "spans", seconds: 250 },
      { source: "access_logs", seconds: 70 },
    ],
    Grain: "minutes",
    FirstAvailable: HOUR,
  });
  const later = await readGraphCoverage(own.storage, requestOf(HOUR, HOUR + 300), now + 600);
  expect(later.CoveredSeconds).toBe(240);
  const instances = await readGraphCoverage(own.storage, requestOf(HOUR, HOUR + 300, { detail: "INSTANCE" }), now);
  expect(instances.Grain).toBe("buckets");
});

test("a cluster that fell silent is named with its last second, in each window as of its end", LONG, async () => {
  await truncate(...GRAPH);
  const end = HOUR + 1800;
  const busy = Array.from({ length: 180 }, (_, i) => edge(HOUR + 10 * i, "east/a", "east/b", 1));
  const gone = Array.from({ length: 12 }, (_, i) => edge(HOUR + 600 + 10 * i, "west/a", "west/b", 1));
  // A call into the silent cluster that nobody there answered does not make it heard.
  const unanswered = edge(end - 10, "east/a", "west/b", 1, { CalleeCalls: 0, NeverArrived: 1 });
  await own.storage.insertRows("edge_buckets", [...busy, ...gone, unanswered]);
  await own.storage.insertRows(
    "entities",
    ["east", "west"].map((Cluster) => ({ Tenant: "default", Cluster, Service: "a", LastSeen: end })),
  );
  const silentIn = async (from: number, to: number) =>
    (await readGraphCoverage(own.storage, requestOf(from, to), end)).Silent;
  const west = [{ cluster: "west", lastSeen: HOUR + 720 }];
  for (let i = 0; i < 4; i++) await rollUp(own.storage, [], end);
  expect(await silentIn(end - 300, end)).toEqual(west);
  // It was heard until the end of a window of that time, and before it a window knows nothing of it.
  expect(await silentIn(HOUR + 300, HOUR + 720)).toEqual([]);
  expect(await silentIn(HOUR, HOUR + 300)).toEqual([]);
});

test("known places: idle ones with their last sight, and services that only objects tell of", LONG, async () => {
  await truncate("entities", "workloads");
  const at = (Service: string, Version: string, Instance: string, LastSeen: number) => ({
    Tenant: "default",
    Cluster: "c",
    Namespace: "shop",
    Service,
    Version,
    Instance,
    Runtime: "RUNC",
    LastSeen,
  });
  const object = (Service: string, Instance: string, more: Record<string, unknown> = {}) => ({
    ...at(Service, "v1", Instance, HOUR - 500_000),
    Kind: Instance === "" ? "Deployment" : "Pod",
    Name: `${Service}${Instance}`,
    Runtime: "KATA",
    Isolation: "KATA",
    ...more,
  });
  await own.storage.insertRows("entities", [
    at("cart", "v1", "cart-1", HOUR),
    at("idle", "v1", "idle-1", HOUR - 7200),
    at("forgotten", "v1", "f-1", HOUR - 200_000),
  ]);
  await own.storage.insertRows("workloads", [
    object("cart", "cart-1"),
    object("lonely", ""),
    object("lonely", "lonely-1"),
    object("template", ""),
    object("gone", "gone-1", { Gone: 1 }),
  ]);
  const services = await readGraphEntities(own.storage, requestOf(HOUR, HOUR + 60, { detail: "SERVICE" }));
  expect(services.map((row) => [row.AtService, row.Telemetry, row.LastSeen])).toEqual([
    ["cart", true, HOUR],
    ["idle", true, HOUR - 7200],
    ["lonely", false, HOUR - 500_000],
    ["template", false, HOUR - 500_000],
  ]);
  expect(services.find((row) => row.AtService === "lonely")?.Runtimes).toEqual(["KATA"]);
  const instances = await readGraphEntities(own.storage, requestOf(HOUR, HOUR + 60, { detail: "INSTANCE" }));
  expect(instances.map((row) => `${row.AtService}/${row.AtInstance}`)).toEqual([
    "cart/cart-1",
    "idle/idle-1",
    "lonely/lonely-1",
    "template/",
  ]);
});

test("as known at a time: what came later is not seen, and the answer stays the same", LONG, async () => {
  await truncate(...GRAPH, "span_edges");
  const span = (key: number, parent: number, kind: string, service: string, at: number, ingested: number) => ({
    Timestamp: instant(at),
    SpanKey: key,
    ParentKey: parent,
    Kind: kind,
    Outcome: "ok",
    Duration: 5_000_000,
    Tenant: "default",
    Cluster: "c",
    Namespace: "shop",
    Service: service,
    Operation: `${kind} it`,
    Protocol: "http",
    Peer: "b",
    PeerKind: "service",
    IngestedAt: instant(ingested),
  });
  const call = (key: number, at: number, ingested: number) => [
    span(key, 0, "Server", "a", at, ingested),
    span(key + 1, key, "Client", "a", at, ingested),
    span(key + 2, key + 1, "Server", "b", at, ingested),
  ];
  await own.storage.insertRows("span_edges", [...call(10, HOUR + 5, HOUR + 6), ...call(20, HOUR + 15, HOUR + 400)]);
  await own.storage.insertRows(
    "entities",
    ["a", "b"].map((Service) => ({ Tenant: "default", Cluster: "c", Namespace: "shop", Service, LastSeen: HOUR + 5 })),
  );
  const ask = async (seconds: number) => {
    const request = requestOf(HOUR, HOUR + 60, { detail: "SERVICE", knownAtMs: seconds * 1000 });
    const edges = await readGraphEdges(own.storage, request);
    const nodes = await readGraphNodes(own.storage, request, false);
    return {
      edges: edges
        .filter((row) => row.FromKind === "service")
        .map((row) => [row.FromService, row.ToService, row.CallerRequests]),
      nodes: nodes
        .toSorted((a, b) => (a.AtService < b.AtService ? -1 : 1))
        .map((row) => [row.AtService, row.RequestCount, row.Histogram.reduce((a, b) => a + b, 0)]),
    };
  };
  const before = await ask(HOUR + 100);
  expect(before).toEqual({
    edges: [["a", "b", 1]],
    nodes: [
      ["a", 1, 1],
      ["b", 1, 1],
    ],
  });
  expect((await ask(HOUR + 500)).edges).toEqual([["a", "b", 2]]);
  await own.storage.insertRows("span_edges", call(30, HOUR + 25, HOUR + 900));
  expect(await ask(HOUR + 100)).toEqual(before);
  expect(await ask(HOUR - 100)).toEqual({ edges: [], nodes: [] });
  const coverage = await readGraphCoverage(
    own.storage,
    requestOf(HOUR, HOUR + 60, { knownAtMs: HOUR * 1000 }),
    HOUR + 100,
  );
  expect(coverage.FirstAvailable).toBe(HOUR + 5);
});

test("more than an hour as known at a time is refused", () => {
  const request = requestOf(HOUR, HOUR + 3610, { knownAtMs: HOUR * 1000 });
  expect(graphRefusal(request)).toBe("known-at-range-too-long");
  expect(graphRefusal(requestOf(HOUR, HOUR + 3600, { knownAtMs: HOUR * 1000 }))).toBe(null);
  expect(graphRefusal({ ...request, knownAtMs: null })).toBe(null);
});
