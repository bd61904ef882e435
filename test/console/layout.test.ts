// The map's layout: what must hold for every graph, and that small changes move little.
// In: random graphs and a shop mesh. Out: assertions on places, routes and visits; never on time.
// Bounds: visits are counted by the layout itself, so the test means the same on every machine.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countCrossings } from "../../dashboards/console/map/layout/order.ts";
import { separate } from "../../dashboards/console/map/layout/place.ts";
import { findComponents, rankGraph } from "../../dashboards/console/map/layout/topology.ts";
import { layoutGraph } from "../../dashboards/console/map/layout/layout.ts";
import type { Layout, LayoutEdge, LayoutNode } from "../../dashboards/console/map/layout/types.ts";

const ROOM = { width: 1000, height: 700 };
const box = (id: string): LayoutNode => ({ id, width: 160, height: 46 });
const call = (source: string, target: string): LayoutEdge => ({ id: `${source}>${target}`, source, target });

const SHOP = [
  ["gateway", "frontend"],
  ["frontend", "catalog"],
  ["frontend", "cart"],
  ["frontend", "recommend"],
  ["frontend", "checkout"],
  ["recommend", "catalog"],
  ["catalog", "pricing"],
  ["catalog", "postgres"],
  ["pricing", "tax"],
  ["cart", "redis"],
  ["cart", "pricing"],
  ["checkout", "cart"],
  ["checkout", "payment"],
  ["checkout", "shipping"],
  ["checkout", "orders"],
  ["orders", "notify"],
  ["shipping", "inventory"],
  ["inventory", "postgres"],
].map(([a, b]) => call(a!, b!));
const SHOP_NODES = [...new Set(SHOP.flatMap((edge) => [edge.source, edge.target]))].map(box);

function overlaps(nodes: readonly LayoutNode[], layout: Layout): string[] {
  const out: string[] = [];
  nodes.forEach((a, i) => {
    for (const b of nodes.slice(i + 1)) {
      const [p, q] = [layout.centres[a.id]!, layout.centres[b.id]!];
      const apartX = Math.abs(p.x - q.x) >= (a.width + b.width) / 2 - 1e-6;
      const apartY = Math.abs(p.y - q.y) >= (a.height + b.height) / 2 - 1e-6;
      if (!apartX && !apartY) out.push(`${a.id} and ${b.id}`);
    }
  });
  return out;
}

const graphs = fc.integer({ min: 1, max: 40 }).chain((count) =>
  fc.record({
    nodes: fc.constant(Array.from({ length: count }, (_, i) => box(`s${String(i).padStart(2, "0")}`))),
    pairs: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: count * 3 }),
  }),
);
const edgesOf = (nodes: readonly LayoutNode[], pairs: readonly (readonly [number, number])[]): LayoutEdge[] => [
  ...new Map(pairs.map(([a, b]) => call(nodes[a]!.id, nodes[b]!.id)).map((edge) => [edge.id, edge] as const)).values(),
];

/** A mesh of 1,000 services in tiers; a small congruential generator, so that it is the same everywhere. */
function largeMesh(): { nodes: LayoutNode[]; edges: LayoutEdge[] } {
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const nodes = Array.from({ length: 1000 }, (_, i) => box(`s${i}`));
  const edges = new Map<string, LayoutEdge>();
  while (edges.size < 2000) {
    const from = random(999);
    const edge = call(`s${from}`, `s${Math.min(999, from + 1 + random(300))}`);
    edges.set(edge.id, edge);
  }
  return { nodes, edges: [...edges.values()] };
}

describe("every graph", () => {
  it("places every node once, without overlap, and routes every call", () => {
    fc.assert(
      fc.property(graphs, ({ nodes, pairs }) => {
        const edges = edgesOf(nodes, pairs);
        const layout = layoutGraph({ nodes, edges, room: ROOM });
        expect(Object.keys(layout.centres).toSorted()).toEqual(nodes.map((node) => node.id).toSorted());
        expect(overlaps(nodes, layout)).toEqual([]);
        for (const edge of edges.filter((one) => one.source !== one.target)) {
          const route = layout.routes[edge.id];
          expect(route?.length ?? 0, edge.id).toBeGreaterThanOrEqual(4);
          expect(route!.every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("does not depend on the order of its input", () => {
    fc.assert(
      fc.property(graphs, ({ nodes, pairs }) => {
        const edges = edgesOf(nodes, pairs);
        const layout = layoutGraph({ nodes, edges, room: ROOM });
        const turned = layoutGraph({ nodes: nodes.toReversed(), edges: edges.toReversed(), room: ROOM });
        expect(turned).toEqual(layout);
      }),
      { numRuns: 60 },
    );
  });

  it("stays exactly where it was when nothing changed", () => {
    fc.assert(
      fc.property(graphs, ({ nodes, pairs }) => {
        const edges = edgesOf(nodes, pairs);
        const first = layoutGraph({ nodes, edges, room: ROOM });
        const second = layoutGraph({ nodes, edges, room: ROOM, previous: first.memory });
        for (const node of nodes) {
          expect(second.centres[node.id]!.x).toBeCloseTo(first.centres[node.id]!.x, 3);
          expect(second.centres[node.id]!.y).toBeCloseTo(first.centres[node.id]!.y, 3);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("starts a call at its caller's side and ends it at its callee's", () => {
    const layout = layoutGraph({ nodes: SHOP_NODES, edges: SHOP, room: ROOM });
    for (const edge of SHOP) {
      const route = layout.routes[edge.id]!;
      const [from, to] = [layout.centres[edge.source]!, layout.centres[edge.target]!];
      expect(Math.hypot(route[0]! - from.x, route[1]! - from.y)).toBeLessThanOrEqual(81);
      expect(Math.hypot(route.at(-2)! - to.x, route.at(-1)! - to.y)).toBeLessThanOrEqual(81);
    }
  });
});

describe("small changes", () => {
  const first = layoutGraph({ nodes: SHOP_NODES, edges: SHOP, room: ROOM });

  it("makes room beside the place when a service joins, and moves nobody else", () => {
    const nodes = [...SHOP_NODES, box("fraud")];
    const edges = [...SHOP, call("payment", "fraud")];
    const layout = layoutGraph({ nodes, edges, room: ROOM, previous: first.memory });
    expect(overlaps(nodes, layout)).toEqual([]);
    const moved = SHOP_NODES.map(({ id }) => {
      const [a, b] = [first.centres[id]!, layout.centres[id]!];
      return Math.hypot(a.x - b.x, a.y - b.y);
    });
    expect(moved.filter((pixels) => pixels > 24).length).toBeLessThanOrEqual(2);
    expect(Math.max(...moved)).toBeLessThan(100);
  });

  it("keeps the order inside each layer when a call goes away", () => {
    const edges = SHOP.filter((edge) => edge.id !== "recommend>catalog");
    const layout = layoutGraph({ nodes: SHOP_NODES, edges, room: ROOM, previous: first.memory });
    const across = (one: Layout, id: string): number =>
      one.direction === "right" ? one.centres[id]!.y : one.centres[id]!.x;
    const rank = (one: Layout, id: string): number =>
      one.direction === "right" ? one.centres[id]!.x : one.centres[id]!.y;
    const together = (a: string, b: string): boolean =>
      rank(first, a) === rank(first, b) && rank(layout, a) === rank(layout, b);
    let compared = 0;
    for (const a of SHOP_NODES) {
      for (const b of SHOP_NODES) {
        if (together(a.id, b.id) && across(first, a.id) < across(first, b.id)) {
          compared++;
          expect(across(layout, a.id), `${a.id} before ${b.id}`).toBeLessThan(across(layout, b.id));
        }
      }
    }
    expect(compared).toBeGreaterThan(5);
  });

  it("draws afresh when most of the map is new", () => {
    const nodes = ["a", "b", "c", "d", "frontend"].map(box);
    const edges = [call("a", "b"), call("b", "c"), call("c", "d"), call("d", "frontend")];
    const fresh = layoutGraph({ nodes, edges, room: ROOM });
    expect(layoutGraph({ nodes, edges, room: ROOM, previous: first.memory }).centres).toEqual(fresh.centres);
  });
});

describe("shape", () => {
  it("ranks a caller before its callee, along the longest path", () => {
    const { ranks } = rankGraph(4, [
      [0, 1],
      [1, 2],
      [2, 3],
      [0, 3],
    ]);
    expect(ranks).toEqual([0, 1, 2, 3]);
  });

  it("cuts a cycle where calls enter it", () => {
    const { ranks, edges } = rankGraph(4, [
      [3, 1],
      [1, 2],
      [2, 1],
      [0, 3],
    ]);
    expect(ranks).toEqual([0, 2, 3, 1]);
    expect(edges.filter((edge) => edge.reversed).map((edge) => edge.origin)).toEqual([2]);
  });

  it("finds the strongly connected components", () => {
    const component = findComponents(5, [
      [0, 1],
      [1, 0],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 2],
    ]);
    expect(component[0]).toBe(component[1]);
    expect(new Set([component[2], component[3], component[4]]).size).toBe(1);
    expect(component[0]).not.toBe(component[2]);
  });

  it("pulls an uncalled job next to what it calls", () => {
    const layout = layoutGraph({
      nodes: [...SHOP_NODES, box("job")],
      edges: [...SHOP, call("job", "redis")],
      room: ROOM,
    });
    const along = (id: string): number =>
      layout.direction === "right" ? layout.centres[id]!.x : layout.centres[id]!.y;
    expect(along("job")).toBe(along("cart"));
  });

  it("survives a chain of 50,000 services", () => {
    const { ranks } = rankGraph(
      50_000,
      Array.from({ length: 49_999 }, (_, i) => [i, i + 1] as const),
    );
    expect(ranks[49_999]).toBe(49_999);
  });

  it("draws the shop with at most two crossings", () => {
    const layout = layoutGraph({ nodes: SHOP_NODES, edges: SHOP, room: ROOM });
    expect(drawnCrossings(layout)).toBeLessThanOrEqual(2);
  });

  it("counts crossings as the naive count does", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 20 }), (pairs) => {
        const unique = [...new Map(pairs.map((pair) => [pair.join(), pair])).values()];
        const down: number[][] = Array.from({ length: 14 }, () => []);
        for (const [a, b] of unique) down[a]!.push(7 + b);
        const layers = [
          [0, 1, 2, 3, 4, 5, 6],
          [7, 8, 9, 10, 11, 12, 13],
        ];
        let naive = 0;
        unique.forEach(([a, b], i) => {
          for (const [c, d] of unique.slice(i + 1)) if ((a - c) * (b - d) < 0) naive++;
        });
        expect(countCrossings(layers, down)).toBe(naive);
      }),
    );
  });

  it("separates wanted positions with the least squared movement", () => {
    expect(separate([0, 0], [1, 1], [10])).toEqual([-5, 5]);
    expect(separate([0, 100], [1, 1], [10])).toEqual([0, 100]);
    expect(separate([0, 0], [3, 1], [10])).toEqual([-2.5, 7.5]);
  });
});

/** Crossings of the straight lines between route points, those that share an end not counted. */
function drawnCrossings(layout: Layout): number {
  const segments = SHOP.flatMap((edge) => {
    const route = layout.routes[edge.id]!;
    return Array.from({ length: route.length / 2 - 1 }, (_, i) => ({
      edge,
      line: route.slice(i * 2, i * 2 + 4) as [number, number, number, number],
    }));
  });
  const side = (l: readonly number[], x: number, y: number): number =>
    Math.sign((l[2]! - l[0]!) * (y - l[1]!) - (l[3]! - l[1]!) * (x - l[0]!));
  let crossings = 0;
  segments.forEach((a, i) => {
    for (const b of segments.slice(i + 1)) {
      if (a.edge.source === b.edge.source || a.edge.target === b.edge.target) continue;
      if (
        side(a.line, b.line[0], b.line[1]) * side(a.line, b.line[2], b.line[3]) < 0 &&
        side(b.line, a.line[0], a.line[1]) * side(b.line, a.line[2], a.line[3]) < 0
      ) {
        crossings++;
      }
    }
  });
  return crossings;
}

describe("1,000 services, 2,000 calls", () => {
  const { nodes, edges } = largeMesh();
  const layout = layoutGraph({ nodes, edges, room: ROOM });

  it("visits vertices and links a bounded number of times", () => {
    expect(layout.operations).toBeLessThan(400_000);
  });

  it("has no overlap and a shape that suits the room", () => {
    expect(overlaps(nodes, layout)).toEqual([]);
    const aspect = layout.bounds.width / layout.bounds.height;
    expect(aspect).toBeGreaterThan(0.4);
    expect(aspect).toBeLessThan(5);
  });

  it("moves few when one service joins", () => {
    const joined = [...nodes, box("new")];
    const next = layoutGraph({
      nodes: joined,
      edges: [...edges, call("s5", "new")],
      room: ROOM,
      previous: layout.memory,
    });
    expect(overlaps(joined, next)).toEqual([]);
    const moved = nodes.filter(({ id }) => {
      const [a, b] = [layout.centres[id]!, next.centres[id]!];
      return Math.hypot(a.x - b.x, a.y - b.y) > 60;
    });
    expect(moved.length).toBeLessThan(30);
  });
});
