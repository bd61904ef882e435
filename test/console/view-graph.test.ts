// What is drawn of a graph: groups, names, joined calls; and where a finding is on it.
import { describe, expect, it } from "vitest";
import type { Entity, GraphEdge, GraphNode } from "../../dashboards/console/api/types.ts";
import { callRows, findRows, placeRows, sortRows } from "../../dashboards/console/graph/rows.ts";
import { EN } from "../../dashboards/console/language/en.ts";
import { nameOf } from "../../dashboards/console/language/names.ts";
import { findBlamed, locate } from "../../dashboards/console/map/blame.ts";
import { GROUP_ABOVE, joinHealth, makeViewGraph } from "../../dashboards/console/map/view-graph.ts";
import { largeGraph, type MockGraph, place, shopGraph, shopService } from "../browser/mock/mesh.ts";

interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}
const asGraph = (graph: MockGraph): Graph => graph as unknown as Graph;
const asEntity = (entity: unknown): Entity => entity as Entity;
const NOTHING: ReadonlySet<string> = new Set();
const options = { keep: NOTHING, open: [], name: (entity: Entity) => nameOf(entity, EN), unnamedGroup: "-" };
const shop = asGraph(shopGraph("SERVICE"));
const versions = asGraph(shopGraph("VERSION"));
const large = asGraph(largeGraph(1000));

describe("groups", () => {
  it("are not made of what can be read", () => {
    const view = makeViewGraph(shop, options);
    expect(view.groupedBy).toBeNull();
    expect(view.nodes.map((node) => node.id).toSorted()).toEqual(shop.nodes.map((node) => node.entity.id).toSorted());
  });

  it("hold every place once, and leave the unhealthy alone", () => {
    const view = makeViewGraph(large, options);
    expect(view.groupedBy).toBe("namespace");
    expect(view.nodes.length).toBeLessThan(GROUP_ABOVE);
    const held = view.nodes.flatMap((node) => (node.kind === "GROUP" ? node.members : [node.id]));
    expect(held.toSorted()).toEqual(large.nodes.map((node) => node.entity.id).toSorted());
    const failing = large.nodes.find((node) => node.health === "FAILING");
    expect(view.nodes.find((node) => node.id === failing?.entity.id)?.kind).toBe("SERVICE");
  });

  it("leave the blamed and the chosen alone, and open on demand", () => {
    const quiet = large.nodes.find((node) => node.health === "HEALTHY")!.entity.id;
    expect(makeViewGraph(large, options).boxOf.get(quiet)).toMatch(/^group:/);
    expect(makeViewGraph(large, { ...options, keep: new Set([quiet]) }).boxOf.get(quiet)).toBe(quiet);
    const group = makeViewGraph(large, options).boxOf.get(quiet)!;
    const opened = makeViewGraph(large, { ...options, open: [group] });
    expect(opened.nodes.some((node) => node.id === group)).toBe(false);
    expect(opened.boxOf.get(quiet)).toBe(quiet);
    expect(makeViewGraph(large, { ...options, open: ["all"] }).nodes).toHaveLength(1000);
  });

  it("carry the calls of their members, rates added and errors weighted", () => {
    const view = makeViewGraph(large, options);
    const total = (edges: readonly { requestsPerSecond: number | null }[]): number =>
      edges.reduce((sum, edge) => sum + (edge.requestsPerSecond ?? 0), 0);
    const crossing = large.edges.filter((edge) => view.boxOf.get(edge.source) !== view.boxOf.get(edge.target));
    expect(total(view.edges)).toBeCloseTo(total(crossing), 6);
    const joined = view.edges.find((edge) => edge.origins.length > 1)!;
    expect(joined.latencyP99Ms).toBeNull();
  });

  it("are as healthy as the worst that was measured", () => {
    expect(joinHealth(["HEALTHY", "IDLE", "DEGRADED"])).toBe("DEGRADED");
    expect(joinHealth(["IDLE", "HEALTHY", "UNKNOWN"])).toBe("HEALTHY");
    expect(joinHealth(["IDLE", "UNKNOWN"])).toBe("IDLE");
  });
});

describe("joined calls", () => {
  it("weight error shares by their rate and never guess a quantile", () => {
    const [edge] = shop.edges;
    const other = { ...edge!, id: "other", protocol: "http", requestsPerSecond: 19, errorRatio: 0.5 };
    const view = makeViewGraph(
      { nodes: shop.nodes, edges: [{ ...edge!, protocol: "grpc", requestsPerSecond: 181, errorRatio: 0 }, other] },
      options,
    );
    expect(view.edges).toHaveLength(1);
    expect(view.edges[0]).toMatchObject({ requestsPerSecond: 200, latencyP99Ms: null, protocols: ["grpc", "http"] });
    expect(view.edges[0]!.errorRatio).toBeCloseTo(0.0475, 6);
  });

  it("leave out calls to places that are not there", () => {
    const view = makeViewGraph({ nodes: shop.nodes.slice(0, 1), edges: shop.edges }, options);
    expect(view.edges).toEqual([]);
  });
});

describe("names", () => {
  it("say what tells apart places of one name", () => {
    const twice = ["eu-1", "us-1"].map((cluster) => ({
      ...shop.nodes[0]!,
      entity: asEntity(place("SERVICE", { cluster, namespace: "shop", service: "cart" })),
    }));
    const view = makeViewGraph({ nodes: [...twice, ...shop.nodes.slice(0, 1)], edges: [] }, options);
    expect(view.nodes.map((node) => node.detail)).toEqual(["eu-1", "us-1", ""]);
  });
});

describe("a finding on the map", () => {
  const version2 = asEntity(shopService("pricing", "v2"));
  const path = ["gateway", "frontend", "catalog"].map((name) => asEntity(shopService(name)));

  it("is found at its own level and at a coarser one", () => {
    expect(locate(version2, versions.nodes)).toEqual([version2.id]);
    expect(locate(version2, shop.nodes)).toEqual([shopService("pricing").id]);
  });

  it("lights all parts of a place that the map divides", () => {
    const pricing = asEntity(shopService("pricing"));
    expect(locate(pricing, versions.nodes).toSorted()).toEqual(
      [shopService("pricing", "v1").id, shopService("pricing", "v2").id].toSorted(),
    );
  });

  it("covers the way from the symptom to the cause, and nothing beside it", () => {
    const blamed = findBlamed({ entity: version2, blamePath: [...path, version2] }, shop.nodes, shop.edges);
    expect([...blamed.edges].map((id) => shop.edges.find((edge) => edge.id === id)!.target)).toEqual(
      ["frontend", "catalog", "pricing"].map((name) => shopService(name).id),
    );
    expect([...blamed.symptom]).toEqual([shopService("gateway").id]);
    expect([...blamed.cause]).toEqual([shopService("pricing").id]);
    expect(blamed.nodes.size).toBe(4);
  });

  it("is the call itself when the cause is one", () => {
    const edge = asEntity(
      place("EDGE", { cluster: "eu-1", namespace: "shop", service: "catalog", peer: shopService("pricing") }),
    );
    const blamed = findBlamed({ entity: edge, blamePath: [] }, shop.nodes, shop.edges);
    expect([...blamed.edges]).toEqual([`${shopService("catalog").id}>${shopService("pricing").id}`]);
  });

  it("does not light the wrong place when the right one is not there", () => {
    const stranger = asEntity(place("SERVICE", { cluster: "eu-1", namespace: "shop", service: "stranger" }));
    const unnamed = { ...shop.nodes[0]!, entity: asEntity(place("UNKNOWN", { cluster: "eu-1" })) };
    expect(locate(stranger, [...shop.nodes, unnamed])).toEqual([]);
    expect(locate(asEntity(place("UNKNOWN", {})), shop.nodes)).toEqual([]);
  });
});

describe("the table", () => {
  const view = makeViewGraph(shop, options);
  const rows = placeRows(view.nodes);

  it("puts the worst first, then the busiest", () => {
    expect(
      sortRows(rows, null, false)
        .slice(0, 4)
        .map((row) => row.name),
    ).toEqual(["pricing", "frontend", "catalog", "gateway"]);
  });

  it("sorts by any column, what was not measured last", () => {
    const missing = { ...rows[0]!, id: "x", name: "x", latencyP99Ms: null };
    for (const isUp of [true, false]) {
      const sorted = sortRows([missing, ...rows], "p99", isUp);
      expect(sorted.at(-1)?.name).toBe("x");
      const figures = sorted.slice(0, -1).map((row) => row.latencyP99Ms!);
      expect(figures).toEqual(figures.toSorted((a, b) => (isUp ? a - b : b - a)));
    }
    expect(sortRows(rows, "name", true)[0]?.name).toBe("cart");
  });

  it("finds calls by either end", () => {
    const calls = callRows(view.edges, view.nodes);
    expect(findRows(calls, "PRICING").map((row) => `${row.name} ${row.callee}`)).toEqual([
      "catalog pricing",
      "cart pricing",
      "pricing tax",
    ]);
  });
});
