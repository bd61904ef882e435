// The part of a graph that a person wants to see: some places and their neighbours, and no more than fits.
// In: nodes and edges. Out: fewer nodes and edges; both ends of every edge stay among the nodes.
// Bounds: depth ≤ MAX_DEPTH hops; the busiest nodes and edges are kept when there are too many, the places asked for before all others.
import { type Entity, type EntityKind, entityId, parseEntityId } from "../model/entity.ts";
import type { GraphEdge } from "./graph-edges.ts";
import type { GraphNode } from "./graph-nodes.ts";
import type { Health } from "./health.ts";

/** How many hops a filter may reach. */
export const MAX_DEPTH = 10;

/**
 * Places to keep: those that are in every list; an absent list (null) keeps all, an empty list keeps none. `focus` are entity ids and stand
 * for everything in them. Neighbours come along: `depth` hops of callers and callees alike, or, where given, `upstream` hops of callers
 * and `downstream` hops of callees.
 */
export interface GraphFilter {
  readonly clusters: readonly string[] | null;
  readonly namespaces: readonly string[] | null;
  readonly services: readonly string[] | null;
  readonly operations: readonly string[] | null;
  readonly focus: readonly string[] | null;
  readonly health: readonly Health[] | null;
  readonly kinds: readonly EntityKind[] | null;
  readonly depth: number;
  readonly upstream: number | null;
  readonly downstream: number | null;
}

interface NodesAndEdges {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const PARTS = ["cluster", "namespace", "service", "version", "instance", "node", "operation"] as const;
const VIRTUAL = new Set<EntityKind>(["DATABASE", "MESSAGING", "EXTERNAL", "UNKNOWN"]);

/** Whether a place is `whole` or a part of it; virtual places are parts of nothing but their cluster and namespace. */
function isWithin(place: Entity, whole: Entity): boolean {
  if (VIRTUAL.has(whole.kind) ? place.kind !== whole.kind : VIRTUAL.has(place.kind) && whole.service !== "")
    return false;
  return PARTS.every((part) => whole[part] === "" || whole[part] === place[part]);
}

function matcher(filter: GraphFilter): (node: GraphNode) => boolean {
  const ids = new Set(filter.focus ?? []);
  const wholes = [...ids].map(parseEntityId).filter((whole) => whole !== null);
  return ({ id, entity, health }) =>
    (filter.clusters?.includes(entity.cluster) ?? true) &&
    (filter.namespaces?.includes(entity.namespace) ?? true) &&
    (filter.services?.includes(entity.service) ?? true) &&
    (filter.operations?.includes(entity.operation) ?? true) &&
    (filter.health?.includes(health) ?? true) &&
    (filter.kinds?.includes(entity.kind) ?? true) &&
    (filter.focus === null || ids.has(id) || wholes.some((whole) => isWithin(entity, whole)));
}

type Neighbours = ReadonlyMap<string, readonly string[]>;

function connect(edges: readonly GraphEdge[]): { callers: Neighbours; callees: Neighbours } {
  const [callers, callees] = [new Map<string, string[]>(), new Map<string, string[]>()];
  const add = (neighbours: Map<string, string[]>, from: string, to: string): void => {
    const known = neighbours.get(from);
    if (known === undefined) neighbours.set(from, [to]);
    else known.push(to);
  };
  for (const { source, target } of edges) {
    add(callers, target, source);
    add(callees, source, target);
  }
  return { callers, callees };
}

function reach(
  seeds: Iterable<string>,
  hops: number,
  ways: readonly Neighbours[],
  isEnd: (id: string) => boolean,
): Set<string> {
  const reached = new Set(seeds);
  let border = [...reached];
  for (let hop = 0; hop < hops && border.length > 0; hop++) {
    const next: string[] = [];
    for (const id of border) {
      if (hop > 0 && isEnd(id)) continue;
      for (const neighbour of ways.flatMap((neighbours) => neighbours.get(id) ?? [])) {
        if (reached.has(neighbour)) continue;
        reached.add(neighbour);
        next.push(neighbour);
      }
    }
    border = next;
  }
  return reached;
}

/** The matching places and the neighbours that come along; `seeds` are the matching ones. */
export function filterGraph(graph: NodesAndEdges, filter: GraphFilter): NodesAndEdges & { seeds: ReadonlySet<string> } {
  const seeds = new Set(graph.nodes.filter(matcher(filter)).map((node) => node.id));
  const { callers, callees } = connect(graph.edges);
  // "Somebody unknown" is no place: two services that are called by it have nothing in common.
  const unknown = new Set(graph.nodes.filter((node) => node.entity.kind === "UNKNOWN").map((node) => node.id));
  const isEnd = (id: string): boolean => unknown.has(id);
  const { depth, upstream, downstream } = filter;
  const kept =
    upstream === null && downstream === null
      ? reach(seeds, depth, [callers, callees], isEnd)
      : new Set([...reach(seeds, upstream ?? 0, [callers], isEnd), ...reach(seeds, downstream ?? 0, [callees], isEnd)]);
  // An operation belongs to its service: it comes along when the service does, unless operations were chosen.
  for (const { id, entity } of graph.nodes) {
    if (entity.kind !== "OPERATION" || filter.operations !== null || filter.kinds !== null) continue;
    if (kept.has(entityId({ ...entity, kind: "SERVICE", operation: "" }))) kept.add(id);
  }
  return {
    nodes: graph.nodes.filter((node) => kept.has(node.id)),
    edges: graph.edges.filter((edge) => kept.has(edge.source) && kept.has(edge.target)),
    seeds,
  };
}

function byTraffic(a: GraphNode | GraphEdge, b: GraphNode | GraphEdge): number {
  return (b.requestsPerSecond ?? 0) - (a.requestsPerSecond ?? 0) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The busiest `maxNodes` and `maxEdges`, those of `seeds` first, in a stable order; `cut` tells that some are missing. */
export function limitGraph(
  graph: NodesAndEdges,
  maxNodes: number,
  maxEdges: number,
  seeds: ReadonlySet<string> = new Set(),
): { nodes: GraphNode[]; edges: GraphEdge[]; cut: boolean } {
  const sorted = graph.nodes.toSorted(byTraffic);
  const isCut = sorted.length > maxNodes;
  const nodes = isCut
    ? [...sorted.filter((node) => seeds.has(node.id)), ...sorted.filter((node) => !seeds.has(node.id))].slice(
        0,
        maxNodes,
      )
    : sorted;
  const kept = new Set(nodes.map((node) => node.id));
  const edges = graph.edges
    .filter((edge) => kept.has(edge.source) && kept.has(edge.target))
    .toSorted(byTraffic)
    .slice(0, maxEdges);
  return { nodes, edges, cut: isCut || edges.length < graph.edges.length };
}
