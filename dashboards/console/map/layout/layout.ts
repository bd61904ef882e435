// The layered layout of the service map: who stands where, and how each call is routed.
// In: nodes with sizes, edges by id, the room on the screen, the memory of the last layout. Out: centres, routes, bounds.
// How: cycles cut, longest-path ranks (topology), crossings reduced (order), positions by isotonic regression (place).
// Long calls get a bend in every layer that they pass, so that they run between the nodes and not over them.
// Bounds: pure and deterministic (input order does not matter); bends stop at BEND_LIMIT; about 40 visits a vertex and link.
import { placeApart } from "./apart.ts";
import { boundsOf, includeRoutes } from "./bounds.ts";
import { orderLayers } from "./order.ts";
import { placeAlongLayers, type Pull } from "./place.ts";
import { rankGraph } from "./topology.ts";
import {
  type Direction,
  LAYER_GAP,
  type Layout,
  type LayoutInput,
  type LayoutMemory,
  NODE_GAP,
  type Vertex,
  WRAP_GAP,
} from "./types.ts";
import { wrapLayers } from "./wrap.ts";

const BEND_LIMIT = 1500;
const BEND_NODE_LIMIT = 300;
const BEND_EXTENT = 10;

/** Lays the graph out in the direction that fills the room better; keeps the earlier direction when there is one. */
export function layoutGraph(input: LayoutInput): Layout {
  const ids = new Set(input.nodes.map((node) => node.id));
  const isKnown = (id: string): boolean =>
    input.previous?.cross[id] !== undefined || input.previous?.cell[id] !== undefined;
  const known = input.nodes.filter((node) => isKnown(node.id)).length;
  // A map that is mostly new is drawn afresh: old places would only spoil it.
  const previous = known * 2 >= ids.size ? input.previous : undefined;
  if (previous !== undefined) return layoutOneWay(input, previous.direction, previous);
  const right = layoutOneWay(input, "right", undefined);
  const down = layoutOneWay(input, "down", undefined);
  const fit = (layout: Layout): number =>
    Math.min(input.room.width / layout.bounds.width, input.room.height / layout.bounds.height);
  const best = fit(right) >= fit(down) ? right : down;
  return { ...best, operations: right.operations + down.operations };
}

function layoutOneWay(input: LayoutInput, direction: Direction, previous: LayoutMemory | undefined): Layout {
  const nodes = [...new Map(input.nodes.map((node) => [node.id, node])).values()].toSorted((a, b) =>
    a.id < b.id ? -1 : 1,
  );
  const index = new Map(nodes.map((node, i) => [node.id, i]));
  const edges = input.edges
    .filter((edge) => index.has(edge.source) && index.has(edge.target))
    .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const ranking = rankGraph(
    nodes.length,
    edges.map((edge) => [index.get(edge.source)!, index.get(edge.target)!] as const),
  );
  const linked = new Uint8Array(nodes.length);
  for (const edge of ranking.edges) linked[edge.from] = linked[edge.to] = 1;

  const isDown = direction === "down";
  const vertices: Vertex[] = nodes.map((node, i) => ({
    key: node.id,
    rank: ranking.ranks[i]!,
    thickness: isDown ? node.height : node.width,
    extent: isDown ? node.width : node.height,
    isBend: false,
  }));
  const up: Pull[][] = nodes.map(() => []);
  const down: Pull[][] = nodes.map(() => []);
  const link = (from: number, to: number): void => {
    const bends = Number(vertices[from]!.isBend) + Number(vertices[to]!.isBend);
    const weight = bends === 2 ? 8 : bends === 1 ? 2 : 1;
    down[from]!.push({ vertex: to, weight });
    up[to]!.push({ vertex: from, weight });
  };
  const spanned = ranking.edges.reduce((sum, edge) => sum + ranking.ranks[edge.to]! - ranking.ranks[edge.from]! - 1, 0);
  // Where calls skip layers by the hundred, bends would push the nodes far apart and help nobody.
  const bendsAllowed = nodes.length <= BEND_NODE_LIMIT && spanned <= Math.min(BEND_LIMIT, 60 + nodes.length * 4);
  const bendsOf: number[][] = [];
  for (const edge of ranking.edges) {
    const bends: number[] = [];
    let last = edge.from;
    if (bendsAllowed) {
      for (let rank = ranking.ranks[edge.from]! + 1; rank < ranking.ranks[edge.to]!; rank++) {
        const bend = vertices.length;
        const way = edge.reversed ? "<" : ">";
        const key = `${nodes[edge.from]!.id}${way}${nodes[edge.to]!.id}@${rank}`;
        vertices.push({ key, rank, thickness: 0, extent: BEND_EXTENT, isBend: true });
        up.push([]);
        down.push([]);
        link(last, bend);
        bends.push(bend);
        last = bend;
      }
    }
    link(last, edge.to);
    bendsOf.push(bends);
  }

  const before = vertices.map((vertex) => previous?.cross[vertex.key] ?? NaN);
  const layers: number[][] = [];
  const enter = (vertex: number): void => {
    const rank = vertices[vertex]!.rank;
    while (layers.length <= rank) layers.push([]);
    layers[rank]!.push(vertex);
  };
  for (const vertex of walkDepthFirst(vertices, down, linked)) enter(vertex);

  const ordered = orderLayers({
    layers,
    up: up.map((pulls) => pulls.map((pull) => pull.vertex)),
    down: down.map((pulls) => pulls.map((pull) => pull.vertex)),
    before,
  });
  const part: Record<string, number> = {};
  const cell: Record<string, number> = {};
  const rows = wrapLayers(ordered.layers, vertices, direction, input.room, previous, part);
  const placed = placeAlongLayers({
    layers: rows.map((row) => row.vertices),
    extent: vertices.map((vertex) => vertex.extent),
    gap: NODE_GAP[direction],
    up,
    down,
    before,
  });

  const along: number[] = [];
  let at = 0;
  const thickness: number[] = [];
  rows.forEach((row, r) => {
    const thick = row.vertices.reduce((most, vertex) => Math.max(most, vertices[vertex]!.thickness), 0);
    if (r > 0) at += row.continues ? WRAP_GAP : LAYER_GAP[direction];
    for (const vertex of row.vertices) {
      along[vertex] = at + thick / 2;
      thickness[vertex] = thick;
    }
    at += thick;
  });

  const point = (u: number, v: number): [number, number] => (isDown ? [v, u] : [u, v]);
  const centres: Record<string, { x: number; y: number }> = {};
  const cross: Record<string, number> = {};
  vertices.forEach((vertex, i) => {
    if (!vertex.isBend && linked[i] !== 1) return;
    cross[vertex.key] = placed.position[i]!;
    if (vertex.isBend) return;
    const [x, y] = point(along[i]!, placed.position[i]!);
    centres[vertex.key] = { x, y };
  });

  const routes: Record<string, number[]> = {};
  ranking.edges.forEach((edge, e) => {
    const from = vertices[edge.from]!;
    const to = vertices[edge.to]!;
    // The answer to a call that closes a cycle runs beside the call that it answers.
    const shift = edge.reversed ? 9 : 0;
    const line: [number, number][] = [
      point(along[edge.from]! + from.thickness / 2, placed.position[edge.from]! + shift),
    ];
    for (const bend of bendsOf[e]!) {
      const half = thickness[bend]! / 2;
      line.push(point(along[bend]! - half, placed.position[bend]!), point(along[bend]! + half, placed.position[bend]!));
    }
    line.push(point(along[edge.to]! - to.thickness / 2, placed.position[edge.to]! + shift));
    if (edge.reversed) line.reverse();
    routes[edges[edge.origin]!.id] = line.flat();
  });

  const apart = nodes.filter((_, i) => linked[i] !== 1);
  for (const [id, place] of placeApart(apart, nodes, centres, input.room, previous?.cell ?? {})) {
    centres[id] = { x: place.x, y: place.y };
    cell[id] = place.cell;
  }
  return {
    direction,
    centres,
    routes,
    bounds: includeRoutes(boundsOf(nodes, centres), Object.values(routes)),
    memory: { direction, cross, part, cell },
    operations: ranking.operations + ordered.operations + placed.operations + vertices.length,
  };
}

/** Visits linked vertices depth first from the entry points, so that a chain starts out in one line. */
function walkDepthFirst(vertices: readonly Vertex[], down: readonly (readonly Pull[])[], linked: Uint8Array): number[] {
  const seen = new Uint8Array(vertices.length);
  const order: number[] = [];
  const starts = vertices
    .map((_, i) => i)
    .filter((i) => !vertices[i]!.isBend && linked[i] === 1)
    .toSorted((a, b) => vertices[a]!.rank - vertices[b]!.rank || a - b);
  for (const start of starts) {
    const stack = [start];
    while (stack.length > 0) {
      const vertex = stack.pop()!;
      if (seen[vertex] === 1) continue;
      seen[vertex] = 1;
      order.push(vertex);
      for (const pull of down[vertex]!.toReversed()) if (seen[pull.vertex] !== 1) stack.push(pull.vertex);
    }
  }
  return order;
}
