// The part of a graph that a person wants to see: some places and their neighbours, and no more than fits.
// In: nodes and edges. Out: fewer nodes and edges; both ends of every edge stay among the nodes.
// Bounds: depth ≤ MAX_DEPTH hops; the busiest nodes and edges are kept when there are too many.
import { entityId } from "../model/entity.ts";
import type { GraphEdge, GraphNode } from "./graph.ts";

/** How many hops a filter may reach. */
export const MAX_DEPTH = 10;

/** Names to keep; an absent list keeps all, an empty list keeps none. `depth` hops of neighbours come along. */
export interface GraphFilter {
  readonly clusters: readonly string[] | null;
  readonly namespaces: readonly string[] | null;
  readonly services: readonly string[] | null;
  readonly depth: number;
}

interface NodesAndEdges {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

function matches(node: GraphNode, filter: GraphFilter): boolean {
  const { cluster, namespace, service } = node.entity;
  return (
    (filter.clusters?.includes(cluster) ?? true) &&
    (filter.namespaces?.includes(namespace) ?? true) &&
    (filter.services?.includes(service) ?? true)
  );
}

function induced(graph: NodesAndEdges, kept: ReadonlySet<string>): NodesAndEdges {
  return {
    nodes: graph.nodes.filter((node) => kept.has(node.id)),
    edges: graph.edges.filter((edge) => kept.has(edge.source) && kept.has(edge.target)),
  };
}

/** The matching places and everything within `depth` hops of them, callers and callees alike. */
export function filterGraph(graph: NodesAndEdges, filter: GraphFilter): NodesAndEdges {
  const neighbours = new Map<string, string[]>();
  const connect = (a: string, b: string): void => {
    const known = neighbours.get(a);
    if (known === undefined) neighbours.set(a, [b]);
    else known.push(b);
  };
  for (const { source, target } of graph.edges) {
    connect(source, target);
    connect(target, source);
  }
  const kept = new Set(graph.nodes.filter((node) => matches(node, filter)).map((node) => node.id));
  let border = [...kept];
  for (let hop = 0; hop < filter.depth && border.length > 0; hop++) {
    const next: string[] = [];
    for (const id of border) {
      for (const neighbour of neighbours.get(id) ?? []) {
        if (kept.has(neighbour)) continue;
        kept.add(neighbour);
        next.push(neighbour);
      }
    }
    border = next;
  }
  // An operation belongs to its service: it comes along when the service does.
  for (const { id, entity } of graph.nodes) {
    if (entity.kind !== "OPERATION") continue;
    if (kept.has(entityId({ ...entity, kind: "SERVICE", operation: "" }))) kept.add(id);
  }
  return induced(graph, kept);
}

function byTraffic(a: GraphNode | GraphEdge, b: GraphNode | GraphEdge): number {
  return (b.requestsPerSecond ?? 0) - (a.requestsPerSecond ?? 0) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The busiest `maxNodes` and `maxEdges`, in a stable order; `cut` tells that some are missing. */
export function limitGraph(
  graph: NodesAndEdges,
  maxNodes: number,
  maxEdges: number,
): { nodes: GraphNode[]; edges: GraphEdge[]; cut: boolean } {
  const nodes = graph.nodes.toSorted(byTraffic).slice(0, maxNodes);
  const kept = new Set(nodes.map((node) => node.id));
  const edges = graph.edges
    .filter((edge) => kept.has(edge.source) && kept.has(edge.target))
    .toSorted(byTraffic)
    .slice(0, maxEdges);
  return {
    nodes,
    edges,
    cut: nodes.length < graph.nodes.length || edges.length < graph.edges.length,
  };
}
