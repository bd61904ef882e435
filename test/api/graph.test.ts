// The fold from rows to a graph: whose figures count, which places are nodes.
import { describe, expect, it } from "vitest";
import type { OperationCallRow } from "../../storage/operation-calls.ts";
import { edge, fold, histogram, known, node } from "./graph-rows.ts";

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

  it("puts operations beside their services, and hangs them there where nobody tells who calls them", () => {
    const graph = fold({
      nodes: [node("cart", { RequestCount: 100 })],
      operations: [node("cart", { AtOperation: "GET /cart", RequestCount: 60, FailureCount: 30 })],
      entities: [known("cart", { Runtimes: ["FAAS"] })],
    });
    const operation = graph.nodes.find((one) => one.entity.kind === "OPERATION");
    expect(operation).toMatchObject({ errorRatio: 0.5, entity: { operation: "GET /cart", runtime: "FAAS" } });
    expect(graph.edges).toMatchObject([
      { source: "service:east/shop/cart", target: operation?.id, evidence: ["inferred"], requestsPerSecond: 0.6 },
    ]);
  });

  it("joins callers with the operations that they call", () => {
    const call: OperationCallRow = {
      FromKind: "service",
      FromCluster: "east",
      FromNamespace: "shop",
      FromService: "web",
      AtCluster: "east",
      AtNamespace: "shop",
      AtService: "cart",
      AtOperation: "GET /cart",
      CallProtocol: "http",
      Calls: 60,
      Failures: 6,
      Degradations: 0,
      Cancellations: 0,
      Ns: 0,
      Histogram: histogram(10, 60),
    };
    const graph = fold({
      operations: [node("cart", { AtOperation: "GET /cart", RequestCount: 100 })],
      operationCalls: [
        call,
        { ...call, FromKind: "unknown", FromCluster: "", FromNamespace: "", FromService: "", Calls: 40 },
        // Cut off by the limit of operations: no node to lead to.
        { ...call, AtOperation: "GET /rare" },
      ],
    });
    const target = "operation:east/shop/cart////GET%20%2Fcart";
    expect(graph.edges.map((one) => [one.source, one.target, one.requestsPerSecond, one.evidence])).toEqual([
      ["service:east/shop/web", target, 0.6, ["span-pair"]],
      ["unknown://clients", target, 0.4, ["span-pair"]],
    ]);
    expect(graph.edges[0]).toMatchObject({ errorRatio: 0.1, protocol: "http" });
    expect(graph.nodes.map((one) => one.id).toSorted()).toEqual([
      target,
      "service:east/shop/cart",
      "service:east/shop/web",
      "unknown://clients",
    ]);
  });

  it("tells apart what only the cluster's objects know from what is idle", () => {
    const graph = fold({ entities: [known("unseen", { Telemetry: false }), known("idle", { LastSeen: 950 })] });
    expect(graph.nodes.map((one) => [one.entity.service, one.health, one.idleSince])).toEqual([
      ["unseen", "UNKNOWN", null],
      ["idle", "IDLE", "1970-01-01T00:15:50.000Z"],
    ]);
  });

  it("knows external callers and callees that nobody knows", () => {
    const graph = fold({
      edges: [
        edge("partner.example", "web", { FromKind: "external", FromNamespace: "", CalleeRequests: 5 }),
        edge("web", "", { ToKind: "unknown", ToCluster: "", ToNamespace: "", CallerRequests: 5 }),
      ],
    });
    expect(graph.nodes.map((one) => `${one.entity.kind} ${one.entity.service}`)).toEqual([
      "EXTERNAL partner.example",
      "SERVICE web",
      "UNKNOWN unknown",
    ]);
  });
});
