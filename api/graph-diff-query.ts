// One question for what differs between two windows of the service graph.
// In: storage, two ranges, a level, a filter. Out: a GraphDiff.
// Bounds: as one graph for each window; the filter chooses among the places of both together, so that nothing falls out of one window alone.
import type { TimeRange } from "../model/localization.ts";
import type { Storage } from "../storage/client.ts";
import type { GraphGrain } from "../storage/graph-reads.ts";
import type { GraphEdge } from "./graph-edges.ts";
import { filterGraph, limitGraph } from "./graph-filter.ts";
import { diffGraphs, type ItemChange } from "./graph-diff.ts";
import type { GraphNode } from "./graph-nodes.ts";
import { completenessOfGraph, type GraphQuestion, rangeOf, readWholeGraph, type WholeGraph } from "./graph-query.ts";

/** The question of a graph, for two ranges. */
export interface DiffQuestion extends Omit<GraphQuestion, "range" | "knownAt" | "skew" | "reasons"> {
  readonly a: TimeRange;
  readonly b: TimeRange;
}

/** How complete one window is. */
export interface DiffWindow {
  readonly range: TimeRange;
  readonly coveredSeconds: number;
  readonly partial: boolean;
  readonly warnings: readonly string[];
  readonly grain: GraphGrain;
}

/** What differs from a to b. */
export interface GraphDiff {
  readonly a: DiffWindow;
  readonly b: DiffWindow;
  readonly nodes: readonly ItemChange<GraphNode>[];
  readonly edges: readonly ItemChange<GraphEdge>[];
  readonly truncated: boolean;
}

function windowOf(whole: WholeGraph): DiffWindow {
  const { CoveredSeconds, Grain } = whole.coverage;
  return {
    range: rangeOf(whole.request),
    coveredSeconds: CoveredSeconds,
    grain: Grain,
    ...completenessOfGraph(whole),
  };
}

/** Items of both windows, the later one's where both have it. */
function union<Item extends { readonly id: string }>(a: readonly Item[], b: readonly Item[]): Item[] {
  return [...new Map([...a, ...b].map((item) => [item.id, item])).values()];
}

/** Reads both windows and tells what differs. */
export async function askGraphDiff(storage: Storage, question: DiffQuestion): Promise<GraphDiff> {
  const { filter, maxNodes, maxEdges } = question;
  const ask = (range: TimeRange) =>
    readWholeGraph(storage, { ...question, range, knownAt: null, skew: false, reasons: false });
  const [a, b] = await Promise.all([ask(question.a), ask(question.b)]);
  const both = {
    nodes: union(a.graph.nodes, b.graph.nodes),
    edges: union(a.graph.edges, b.graph.edges),
  };
  const wanted = filter === null ? { ...both, seeds: new Set<string>() } : filterGraph(both, filter);
  const shown = limitGraph(wanted, maxNodes, maxEdges, wanted.seeds);
  const ids = new Set([...shown.nodes, ...shown.edges].map((item) => item.id));
  const side = ({ graph, coverage }: WholeGraph) => ({
    nodes: graph.nodes.filter((node) => ids.has(node.id)),
    edges: graph.edges.filter((edge) => ids.has(edge.id)),
    coveredSeconds: coverage.CoveredSeconds,
  });
  return {
    a: windowOf(a),
    b: windowOf(b),
    ...diffGraphs(side(a), side(b)),
    truncated: a.isCutInStorage || b.isCutInStorage || shown.cut,
  };
}
