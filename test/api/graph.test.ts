// The fold from rows to a graph: whose figures count, which places are nodes, how the graph is cut.
import { describe, expect, it } from "vitest";
import { filterGraph, limitGraph } from "../../api/graph-filter.ts";
import { coverageOf } from "../../api/graph-query.ts";
import { foldGraph, type GraphParts } from "../../api/graph.ts";
import { judgeHealth } from "../../api/health.ts";
import { bucketOf } from "../../model/histogram.ts";
import type { GraphEdgeRow, GraphEntityRow, GraphNodeRow } from "../../storage/graph-reads.ts";

function histogram(durationMs: number, count: number): number[] {
  const counts = Array.from({ length: 96 }, () => 0);
  counts[bucketOf(durationMs * 1e6)] = count;
  return counts;
}

function edge(from: string, to: string, more: Partial<GraphEdgeRow> = {}): GraphEdgeRow {
  return {
    FromKind: from === "" ? "unknown" : "service",
    FromCluster: from === "" ? "" : "east",
    FromNamespace: from === "" ? "" : "shop",
    FromService: from,
    FromVersion: "",
    FromInstance: "",
    ToKind: "service",
    ToCluster: "east",
    ToNamespace: "shop",
    ToService: to,
    ToVersion: "",
    ToInstance: "",
    EdgeProtocol: "http",
    EvidenceWords: ["span-pair"],
    CallerRequests: 0,
    CallerFailures: 0,
    CallerDegradations: 0,
    CallerHistogram: [],
    CalleeRequests: 0,
    CalleeFailures: 0,
    CalleeDegradations: 0,
    CalleeHistogram: [],
    ...more,
  };
}

function node(service: string, more: Partial<GraphNodeRow> = {}): GraphNodeRow {
  return {
    AtCluster: "east",
    AtNamespace: "shop",
    AtService: service,
    AtVersion: "",
    AtInstance: "",
    AtOperation: "",
    RequestCount: 0,
    FailureCount: 0,
    DegradationCount: 0,
    Histogram: [],
    ...more,
  };
}

function known(service: string, more: Partial<GraphEntityRow> = {}): GraphEntityRow {
  return {
    AtCluster: "east",
    AtNamespace: "shop",
    AtService: service,
    AtVersion: "",
    AtInstance: "",
    Runtimes: ["RUNC"],
    Isolations: [""],
    Nodes: [],
    ...more,
  };
}

function fold(parts: Partial<GraphParts>) {
  return foldGraph({
    detail: "SERVICE",
    edges: [],
    nodes: [],
    operations: [],
    entities: [],
    coveredSeconds: 100,
    ...parts,
  });
}

describe("foldGraph", () => {
  it("takes rate and latency from the callee, failures from the caller who saw what never arrived", () => {
    const graph = fold({
      edges: [
        edge("web", "cart", {
          CallerRequests: 200,
          CallerFailures: 50,
          CallerHistogram: histogram(900, 200),
          CalleeRequests: 160,
          CalleeFailures: 10,
          CalleeHistogram: histogram(10, 160),
        }),
      ],
    });
    const [only] = graph.edges;
    expect(only).toMatchObject({ requestsPerSecond: 1.6, errorRatio: 0.25, health: "FAILING", confidence: 0.99 });
    expect(only?.latencyP99Ms).toBeGreaterThan(9);
    expect(only?.latencyP99Ms).toBeLessThan(12);
  });

  it("takes all from the caller where nothing arrived, and from the callee where the caller is unknown", () => {
    const graph = fold({
      edges: [
        edge("cart", "db", {
          ToKind: "database",
          EvidenceWords: ["inferred"],
          CallerRequests: 100,
          CallerFailures: 1,
          CallerHistogram: histogram(50, 100),
        }),
        edge("", "web", { CalleeRequests: 300, CalleeFailures: 30, CalleeHistogram: histogram(5, 300) }),
      ],
    });
    const [toDb, toWeb] = graph.edges;
    expect(toDb).toMatchObject({ requestsPerSecond: 1, errorRatio: 0.01, health: "DEGRADED", confidence: 0.6 });
    expect(toWeb).toMatchObject({ requestsPerSecond: 3, errorRatio: 0.1 });
    const clients = graph.nodes.find((one) => one.entity.kind === "UNKNOWN");
    expect(clients).toMatchObject({ entity: { service: "clients" }, requestsPerSecond: null, health: "UNKNOWN" });
    expect(toWeb?.source).toBe(clients?.id);
    const db = graph.nodes.find((one) => one.entity.kind === "DATABASE");
    expect(db).toMatchObject({ entity: { service: "db" }, requestsPerSecond: 1, errorRatio: 0.01 });
  });

  it("says null, not zero, where nothing was measured or nothing is covered", () => {
    const row = edge("web", "cart", { CallerRequests: 5 });
    expect(fold({ edges: [row] }).edges[0]).toMatchObject({ latencyP50Ms: null, latencyP99Ms: null, errorRatio: 0 });
    expect(fold({ edges: [row], coveredSeconds: 0 }).edges[0]?.requestsPerSecond).toBeNull();
    const idle = fold({ entities: [known("lonely")], coveredSeconds: 0 }).nodes[0];
    expect(idle).toMatchObject({ requestsPerSecond: null, health: "UNKNOWN" });
  });

  it("keeps isolated services as nodes: busy by their own telemetry, idle when only known", () => {
    const graph = fold({
      nodes: [node("batch", { RequestCount: 100, DegradationCount: 10, Histogram: histogram(1, 100) })],
      entities: [known("batch", { Runtimes: ["KATA"], Isolations: ["KATA", ""] }), known("lonely")],
    });
    expect(graph.nodes.map((one) => [one.entity.service, one.health, one.requestsPerSecond])).toEqual([
      ["batch", "DEGRADED", 1],
      ["lonely", "IDLE", 0],
    ]);
    expect(graph.nodes[0]?.entity).toMatchObject({ runtime: "KATA", isolation: "KATA" });
  });

  it("does not choose a runtime where instances differ", () => {
    const [mixed] = fold({ entities: [known("mixed", { Runtimes: ["RUNC", "GVISOR"] })] }).nodes;
    expect(mixed?.entity.runtime).toBe("UNKNOWN");
  });

  it("joins a topic's producers and consumers at one node, across namespaces", () => {
    const graph = fold({
      edges: [
        edge("cart", "orders", { ToKind: "messaging", EdgeProtocol: "kafka", CallerRequests: 10 }),
        edge("orders", "billing", {
          FromKind: "messaging",
          FromNamespace: "finance",
          EdgeProtocol: "kafka",
          EvidenceWords: ["link"],
          CalleeRequests: 10,
        }),
      ],
    });
    const topic = graph.nodes.filter((one) => one.entity.kind === "MESSAGING");
    expect(topic).toHaveLength(1);
    expect(graph.edges.map((one) => [one.source === topic[0]?.id, one.target === topic[0]?.id])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  it("falls back to a coarser place where version or instance is unknown", () => {
    const rows = [
      edge("web", "cart", { FromVersion: "v1", ToVersion: "v2", ToInstance: "cart-1", CallerRequests: 9 }),
      edge("web", "cart", { FromVersion: "v1", CallerRequests: 1, CallerFailures: 1 }),
    ];
    const kinds = (detail: "VERSION" | "INSTANCE") =>
      fold({ detail, edges: rows }).nodes.map((one) => `${one.entity.kind} ${one.entity.service}`);
    expect(kinds("VERSION")).toEqual(["VERSION web", "VERSION cart", "SERVICE cart"]);
    expect(kinds("INSTANCE")).toEqual(["VERSION web", "INSTANCE cart", "SERVICE cart"]);
  });

  it("shows an instance once, with the node that it is known to run on", () => {
    const { nodes, edges } = fold({
      detail: "INSTANCE",
      edges: [
        edge("web", "cart", { FromInstance: "web-1", ToInstance: "cart-1", CallerRequests: 9, CalleeRequests: 9 }),
      ],
      nodes: [node("cart", { AtInstance: "cart-1", RequestCount: 9 })],
      entities: [known("cart", { AtInstance: "cart-1", Nodes: ["node-7"] })],
    });
    const carts = nodes.filter((one) => one.entity.service === "cart");
    expect(carts).toHaveLength(1);
    expect(carts[0]).toMatchObject({ entity: { node: "node-7" }, requestsPerSecond: expect.any(Number) as number });
    expect(edges[0]!.target).toBe(carts[0]!.id);
  });

  it("takes a few calls from nowhere for lost parents, many for clients", () => {
    const callers = (fromNowhere: number) =>
      fold({
        edges: [edge("", "cart", { CalleeRequests: fromNowhere, EvidenceWords: ["inferred"] })],
        nodes: [node("cart", { RequestCount: 100 })],
      }).edges.length;
    expect(callers(9)).toBe(0);
    expect(callers(10)).toBe(1);
  });

  it("gives every edge ends among the nodes, and the same ids for the same rows in any order", () => {
    const rows = [
      edge("web", "cart", { CallerRequests: 3 }),
      edge("cart", "db", { ToKind: "database", CallerRequests: 2 }),
      edge("", "web", { CalleeRequests: 4 }),
      edge("web", "cart", { EdgeProtocol: "grpc", CallerRequests: 1 }),
    ];
    const [there, back] = [fold({ edges: rows }), fold({ edges: rows.toReversed() })];
    const ids = new Set(there.nodes.map((one) => one.id));
    for (const one of there.edges) expect(ids.has(one.source) && ids.has(one.target)).toBe(true);
    expect(new Set(there.edges.map((one) => one.id)).size).toBe(4);
    expect(back.edges.map((one) => one.id).toSorted()).toEqual(there.edges.map((one) => one.id).toSorted());
  });

  it("puts operations beside their services", () => {
    const graph = fold({
      nodes: [node("cart", { RequestCount: 100 })],
      operations: [node("cart", { AtOperation: "GET /cart", RequestCount: 60, FailureCount: 30 })],
      entities: [known("cart", { Runtimes: ["FAAS"] })],
    });
    const operation = graph.nodes.find((one) => one.entity.kind === "OPERATION");
    expect(operation).toMatchObject({ errorRatio: 0.5, entity: { operation: "GET /cart", runtime: "FAAS" } });
  });
});

describe("coverageOf", () => {
  const range = { fromSeconds: 1000, toSeconds: 1100 };
  it.each([
    ["all analysed", { FirstAnalyzed: 500, LastAnalyzed: 1090, Missing: [], OutdatedCount: 0 }, 100, false],
    ["nothing analysed ever", { FirstAnalyzed: 0, LastAnalyzed: 0, Missing: [1000], OutdatedCount: 0 }, 0, true],
    ["telemetry began inside", { FirstAnalyzed: 1050, LastAnalyzed: 1200, Missing: [], OutdatedCount: 0 }, 50, true],
    [
      "analysis lags behind",
      { FirstAnalyzed: 500, LastAnalyzed: 1060, Missing: [1070, 1080], OutdatedCount: 0 },
      70,
      true,
    ],
    ["a bucket inside waits", { FirstAnalyzed: 500, LastAnalyzed: 1200, Missing: [1030], OutdatedCount: 0 }, 90, true],
    ["late rows wait", { FirstAnalyzed: 500, LastAnalyzed: 1200, Missing: [], OutdatedCount: 1 }, 100, true],
    ["the range is before all", { FirstAnalyzed: 5000, LastAnalyzed: 6000, Missing: [], OutdatedCount: 0 }, 0, true],
  ])("%s", (_name, coverage, coveredSeconds, partial) => {
    expect(coverageOf(range, coverage)).toEqual({ coveredSeconds, partial });
  });
});

describe("judgeHealth", () => {
  it.each([
    [null, "UNKNOWN"],
    [{ requests: 0, failures: 0, degradations: 0 }, "IDLE"],
    [{ requests: 1000, failures: 9, degradations: 99 }, "HEALTHY"],
    [{ requests: 1000, failures: 10, degradations: 0 }, "DEGRADED"],
    [{ requests: 1000, failures: 0, degradations: 100 }, "DEGRADED"],
    [{ requests: 1000, failures: 100, degradations: 0 }, "FAILING"],
  ])("%j is %s", (counts, health) => {
    expect(judgeHealth(counts)).toBe(health);
  });
});

describe("filterGraph and limitGraph", () => {
  // clients → web → cart → db, and lonely.
  const graph = fold({
    edges: [
      edge("", "web", { CalleeRequests: 400 }),
      edge("web", "cart", { CallerRequests: 300 }),
      edge("cart", "db", { ToKind: "database", CallerRequests: 200 }),
    ],
    entities: [known("lonely")],
  });
  const names = (nodes: readonly { entity: { service: string } }[]) =>
    nodes.map((one) => one.entity.service).toSorted();
  const filter = (services: string[], depth: number) =>
    filterGraph(graph, { clusters: null, namespaces: null, services, depth });

  it("keeps the named places and their neighbours to the depth asked for", () => {
    expect(names(filter(["cart"], 0).nodes)).toEqual(["cart"]);
    expect(filter(["cart"], 0).edges).toEqual([]);
    expect(names(filter(["cart"], 1).nodes)).toEqual(["cart", "db", "web"]);
    expect(names(filter(["cart"], 2).nodes)).toEqual(["cart", "clients", "db", "web"]);
    expect(filter(["cart"], 1).edges).toHaveLength(2);
    expect(names(filter(["lonely"], 5).nodes)).toEqual(["lonely"]);
    expect(filter([], 5).nodes).toEqual([]);
  });

  it("combines lists: a place must match them all", () => {
    const other = filterGraph(graph, { clusters: ["west"], namespaces: null, services: ["cart"], depth: 0 });
    expect(other.nodes).toEqual([]);
  });

  it("keeps the busiest and never an edge without its ends", () => {
    const cut = limitGraph(graph, 2, 10);
    expect(cut.cut).toBe(true);
    expect(names(cut.nodes)).toEqual(["cart", "web"]);
    expect(cut.edges).toHaveLength(1);
    expect(limitGraph(graph, 10, 10).cut).toBe(false);
    expect(limitGraph(graph, 10, 2)).toMatchObject({ cut: true });
  });
});
