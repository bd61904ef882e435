// The part of a graph that is shown: chosen places, their neighbours, the busiest.
import { describe, expect, it } from "vitest";
import { filterGraph, type GraphFilter, limitGraph } from "../../api/graph-filter.ts";
import { edge, fold, known, node } from "./graph-rows.ts";

const KEEP_ALL: GraphFilter = {
  clusters: null,
  namespaces: null,
  services: null,
  operations: null,
  focus: null,
  health: null,
  kinds: null,
  depth: 0,
  upstream: null,
  downstream: null,
};

// clients → web → cart → db, clients → admin, and lonely.
const graph = fold({
  edges: [
    edge("", "web", { CalleeRequests: 400 }),
    edge("", "admin", { CalleeRequests: 10 }),
    edge("web", "cart", { CallerRequests: 300, CallerFailures: 30 }),
    edge("cart", "db", { ToKind: "database", CallerRequests: 200 }),
  ],
  entities: [known("lonely", { AtCluster: "west" })],
});

function names(nodes: readonly { entity: { service: string } }[]): string[] {
  return nodes.map((one) => one.entity.service).toSorted();
}

function shown(filter: Partial<GraphFilter>): string[] {
  return names(filterGraph(graph, { ...KEEP_ALL, ...filter }).nodes);
}

describe("filterGraph", () => {
  it.each<[string, Partial<GraphFilter>, string[]]>([
    ["all", {}, ["admin", "cart", "clients", "db", "lonely", "web"]],
    ["a name", { services: ["cart"] }, ["cart"]],
    ["a name and its neighbours", { services: ["cart"], depth: 1 }, ["cart", "db", "web"]],
    ["two hops", { services: ["cart"], depth: 2 }, ["cart", "clients", "db", "web"]],
    [
      "not through unknown clients to all that they call",
      { services: ["cart"], depth: 5 },
      ["cart", "clients", "db", "web"],
    ],
    ["no hop from a lonely one", { services: ["lonely"], depth: 5 }, ["lonely"]],
    ["an empty list", { services: [], depth: 5 }, []],
    ["lists together", { services: ["cart"], clusters: ["west"] }, []],
    ["a cluster", { clusters: ["west"] }, ["lonely"]],
    ["callers only", { services: ["cart"], upstream: 1 }, ["cart", "web"]],
    ["callees only", { services: ["web"], downstream: 2 }, ["cart", "db", "web"]],
    [
      "callers and callees, each so far",
      { services: ["cart"], upstream: 2, downstream: 1 },
      ["cart", "clients", "db", "web"],
    ],
    ["hops one way do not turn back", { services: ["db"], upstream: 0, downstream: 3, depth: 3 }, ["db"]],
    ["an id", { focus: ["service:east/shop/cart"] }, ["cart"]],
    ["the id of a virtual place", { focus: ["database:east/shop/db"], upstream: 1 }, ["cart", "db"]],
    ["an id stands for all in it", { focus: ["namespace:east/shop"] }, ["admin", "cart", "db", "web"]],
    ["a finer id than the level keeps nothing", { focus: ["version:east/shop/cart/v1"] }, []],
    ["health", { health: ["FAILING"], depth: 0 }, ["cart"]],
    ["kinds", { kinds: ["DATABASE", "UNKNOWN"] }, ["clients", "db"]],
  ])("keeps by %s", (_name, filter, expected) => {
    expect(shown(filter)).toEqual(expected);
  });

  it("keeps an edge with both of its ends only", () => {
    const { edges } = filterGraph(graph, { ...KEEP_ALL, services: ["cart"], upstream: 1 });
    expect(edges.map((one) => one.target)).toEqual(["service:east/shop/cart"]);
  });

  it("lets operations come along with their service, unless operations are chosen", () => {
    const operations = ["GET /", "POST /"].map((name) => node("cart", { AtOperation: name, RequestCount: 5 }));
    const both = fold({ edges: [edge("web", "cart", { CallerRequests: 3 })], operations });
    const kept = (filter: Partial<GraphFilter>): string[] =>
      filterGraph(both, { ...KEEP_ALL, ...filter }).nodes.map((one) => one.entity.operation || one.entity.service);
    expect(kept({ services: ["cart"] })).toEqual(["cart", "GET /", "POST /"]);
    expect(kept({ operations: ["GET /"] })).toEqual(["GET /"]);
    expect(kept({ operations: ["GET /"], upstream: 1 })).toEqual(["cart", "GET /"]);
  });
});

describe("limitGraph", () => {
  it("keeps the busiest and never an edge without its ends", () => {
    const cut = limitGraph(graph, 2, 10);
    expect(cut.cut).toBe(true);
    expect(names(cut.nodes)).toEqual(["cart", "web"]);
    expect(cut.edges).toHaveLength(1);
    expect(limitGraph(graph, 10, 10).cut).toBe(false);
    expect(limitGraph(graph, 10, 2)).toMatchObject({ cut: true });
  });

  it("keeps what was asked for before what is busier", () => {
    const seeds = new Set(["service:west/shop/lonely"]);
    expect(names(limitGraph(graph, 2, 10, seeds).nodes)).toEqual(["lonely", "web"]);
  });
});
