// One question for the service graph: which rows to read, how much of the range they cover, what to show of it.
// In: storage, a tenant, a range, a level, a filter. Out: a ServiceGraph.
// Bounds: row limits of storage/graph-reads.ts; what is cut, missing or not final is said by `truncated`, `partial` and `warnings`.
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { LedgerSource } from "../model/ledger.ts";
import type { TimeRange } from "../model/localization.ts";
import type { Storage } from "../storage/client.ts";
import { readGraphCoverage } from "../storage/graph-coverage.ts";
import {
  type GraphCoverage,
  type GraphGrain,
  graphRefusal,
  type GraphRequest,
  KNOWN_AT_MAX_SECONDS,
  readGraphEdges,
  readGraphEntities,
  readGraphNodes,
} from "../storage/graph-reads.ts";
import { readOperationCalls } from "../storage/operation-calls.ts";
import { checkKept, type Completeness, completenessOf } from "./graph-coverage.ts";
import { basisOf, type GraphEdge } from "./graph-edges.ts";
import { filterGraph, type GraphFilter, limitGraph } from "./graph-filter.ts";
import type { GraphNode } from "./graph-nodes.ts";
import { withReasons } from "./graph-reasons.ts";
import { type ClockSkew, clockSkews } from "./graph-skew.ts";
import { type FoldedGraph, foldGraph, type SilentCluster } from "./graph.ts";
import { instantNs, instantOfSeconds, wholeBuckets } from "./instant.ts";
import { refuse } from "./refusal.ts";

/** The levels of the contract; OPERATION is the level SERVICE with a node for each operation beside. */
export const GRAPH_LEVELS = ["CLUSTER", "NAMESPACE", "SERVICE", "VERSION", "INSTANCE", "OPERATION"] as const;
export type GraphLevel = (typeof GRAPH_LEVELS)[number];

/** What to draw. `histograms`, `reasons` and `skew`: whether anything that is asked for needs them. */
export interface GraphQuestion {
  readonly tenant: string;
  readonly range: TimeRange;
  readonly level: GraphLevel;
  readonly filter: GraphFilter | null;
  readonly knownAt: string | null;
  readonly mergeClusters: boolean;
  readonly histograms: boolean;
  readonly reasons: boolean;
  readonly skew: boolean;
  readonly maxNodes: number;
  readonly maxEdges: number;
  readonly nowSeconds: number;
}

/** How much rests on a source: the seconds of the range in which it told of calls, and the edges whose figures are its. */
export interface GraphBasis {
  readonly source: LedgerSource;
  readonly seconds: number;
  readonly edges: number;
}

/** The graph of a range; `coveredSeconds` of it are in the graph and are what the rates are over. */
export interface ServiceGraph {
  readonly range: TimeRange;
  readonly coveredSeconds: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly truncated: boolean;
  readonly partial: boolean;
  readonly warnings: readonly string[];
  readonly grain: GraphGrain;
  readonly basis: readonly GraphBasis[];
  readonly silentClusters: readonly SilentCluster[];
  readonly clockSkew: readonly ClockSkew[];
}

function requestOf(question: GraphQuestion): GraphRequest {
  const { tenant, level, knownAt, mergeClusters, histograms, maxNodes } = question;
  return {
    tenant,
    range: wholeBuckets(question.range, BUCKET_SECONDS),
    detail: level === "OPERATION" ? "SERVICE" : level,
    limit: maxNodes + 1,
    histograms,
    knownAtMs: knownAt === null ? null : Number(instantNs(knownAt) / 1_000_000n),
    mergeClusters,
  };
}

function checkRequest(request: GraphRequest): void {
  if (graphRefusal(request) !== null) {
    throw refuse(
      "BAD_RANGE",
      `A graph as known at a time is computed anew from raw telemetry, for at most ${KNOWN_AT_MAX_SECONDS} s; narrow the range.`,
    );
  }
}

function basesOf(coverage: GraphCoverage, edges: readonly GraphEdge[]): GraphBasis[] {
  return coverage.BySource.map(({ source, seconds }) => ({
    source,
    seconds,
    edges: edges.filter((edge) => basisOf(edge.ledger) === source).length,
  }));
}

/** A graph as it was read and folded: not filtered, not cut. */
export interface WholeGraph {
  readonly graph: FoldedGraph;
  readonly request: GraphRequest;
  readonly coverage: GraphCoverage;
  readonly clockSkew: readonly ClockSkew[];
  readonly isCutInStorage: boolean;
  /** The callers of operations would take too much to read. */
  readonly areCallersUntold: boolean;
}

/** Reads and folds the graph of a range; refuses a range of which nothing is kept. */
export async function readWholeGraph(storage: Storage, question: GraphQuestion): Promise<WholeGraph> {
  const { level, maxNodes, maxEdges } = question;
  const request = requestOf(question);
  checkRequest(request);
  const isByOperation = level === "OPERATION";
  const unmerged: GraphRequest = { ...request, detail: "CLUSTER", mergeClusters: false, histograms: false };
  const [coverage, edges, nodes, operations, operationCalls, entities, byCluster] = await Promise.all([
    readGraphCoverage(storage, request, question.nowSeconds),
    readGraphEdges(storage, { ...request, limit: maxEdges + 1 }),
    readGraphNodes(storage, request, false),
    isByOperation ? readGraphNodes(storage, request, true) : [],
    isByOperation ? readOperationCalls(storage, request, maxEdges) : [],
    readGraphEntities(storage, request),
    question.skew && request.mergeClusters ? readGraphEdges(storage, unmerged) : null,
  ]);
  checkKept(request.range, coverage, request.knownAtMs !== null);
  const graph = foldGraph({
    detail: request.detail,
    range: request.range,
    edges,
    nodes,
    operations,
    operationCalls: operationCalls ?? [],
    entities,
    coveredSeconds: coverage.CoveredSeconds,
    silent: coverage.Silent,
  });
  return {
    graph,
    request,
    coverage,
    clockSkew: question.skew ? clockSkews(byCluster ?? edges) : [],
    areCallersUntold: operationCalls === null,
    isCutInStorage:
      areEdgesCut(edges, maxEdges) || [nodes, operations, entities].some((rows) => rows.length > maxNodes),
  };
}

/** What is missing of a graph, or not final. */
export function completenessOfGraph({ graph, request, coverage, areCallersUntold }: WholeGraph): Completeness {
  const { partial, warnings } = completenessOf(request.range, coverage, request.knownAtMs !== null);
  const lost = graph.lostParentEdges;
  return {
    partial,
    warnings: [
      ...warnings,
      ...(lost === 0 ? [] : [`${lost} edges from unknown callers are left out: lost spans explain them.`]),
      ...(areCallersUntold
        ? ["Who calls each operation is not told: there are too many spans; narrow the range."]
        : []),
    ],
  };
}

/** The graph of a range as the question wants it. */
export async function askGraph(storage: Storage, question: GraphQuestion): Promise<ServiceGraph> {
  const { filter, maxNodes, maxEdges } = question;
  const whole = await readWholeGraph(storage, question);
  const { request, coverage, clockSkew } = whole;
  const wanted = filter === null ? { ...whole.graph, seeds: new Set<string>() } : filterGraph(whole.graph, filter);
  const shown = limitGraph(wanted, maxNodes, maxEdges, wanted.seeds);
  return {
    range: rangeOf(request),
    coveredSeconds: coverage.CoveredSeconds,
    nodes: question.reasons ? await withReasons(storage, request, shown.nodes, coverage.Silent) : shown.nodes,
    edges: shown.edges,
    truncated: whole.isCutInStorage || shown.cut,
    ...completenessOfGraph(whole),
    grain: coverage.Grain,
    basis: basesOf(coverage, shown.edges),
    silentClusters: coverage.Silent,
    clockSkew,
  };
}

/** The range that was read, in whole buckets. */
export function rangeOf({ range }: GraphRequest): TimeRange {
  return { from: instantOfSeconds(range.fromSeconds), to: instantOfSeconds(range.toSeconds) };
}

// The limit of rows is a source's.
function areEdgesCut(rows: readonly { Source: LedgerSource }[], maxEdges: number): boolean {
  const counts = new Map<LedgerSource, number>();
  for (const { Source } of rows) counts.set(Source, (counts.get(Source) ?? 0) + 1);
  return [...counts.values()].some((count) => count > maxEdges);
}
