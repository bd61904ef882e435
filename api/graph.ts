// The service graph of a range: nodes and edges, folded from rows.
// In: rows of storage/graph-reads.ts and what they cover. Out: nodes and edges; every end of an edge is a node.
// Steps: known places, calls that nobody saw arrive put where they went (graph-guesses.ts), edges by all that tells of them
// (graph-sums.ts), those that lost spans made taken out (graph-lost-parents.ts), confidence (evidence-grades.ts), figures (graph-edges.ts, graph-nodes.ts).
// Bounds: linear in the rows.
import type {
  BucketRange,
  GraphCoverage,
  GraphDetail,
  GraphEdgeRow,
  GraphEntityRow,
  GraphNodeRow,
} from "../storage/graph-reads.ts";
import type { OperationCallRow } from "../storage/operation-calls.ts";
import { edgeConfidences } from "./evidence-grades.ts";
import { type GraphEdge, makeEdge, type SecondsOf } from "./graph-edges.ts";
import { placeGuesses } from "./graph-guesses.ts";
import { withoutLostParents } from "./graph-lost-parents.ts";
import { type GraphNode, makeNodes, makeOperationNodes, type Sighting } from "./graph-nodes.ts";
import { operationEdges } from "./graph-operations.ts";
import { createPlaces, type Place } from "./graph-places.ts";
import { sumEdges } from "./graph-sums.ts";
import { groupBy } from "../model/group-by.ts";

/** A cluster that fell silent, and the end of the last bucket that it told of, unix seconds. */
export type SilentCluster = GraphCoverage["Silent"][number];

/** Everything a graph is folded from; `coveredSeconds` of the range are in the rows. */
export interface GraphParts {
  readonly detail: GraphDetail;
  readonly range: BucketRange;
  readonly edges: readonly GraphEdgeRow[];
  readonly nodes: readonly GraphNodeRow[];
  readonly operations: readonly GraphNodeRow[];
  readonly operationCalls: readonly OperationCallRow[];
  readonly entities: readonly GraphEntityRow[];
  readonly coveredSeconds: number;
  readonly silent: readonly SilentCluster[];
}

/** Nodes and edges, not yet filtered or cut. */
export interface FoldedGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Edges from unknown callers that were taken for lost spans and left out. */
  readonly lostParentEdges: number;
}

// Rates of a cluster that fell silent are over the time in which it told.
function secondsByCluster({ range, coveredSeconds, silent }: GraphParts): SecondsOf {
  const told = new Map(
    silent.map(({ cluster, lastSeen }) => [
      cluster,
      Math.max(0, Math.min(coveredSeconds, lastSeen - range.fromSeconds)),
    ]),
  );
  return (cluster) => told.get(cluster) ?? coveredSeconds;
}

/** Folds rows into nodes and edges; every end of an edge is a node, and so is every known place without traffic. */
export function foldGraph(parts: GraphParts): FoldedGraph {
  const { detail, silent } = parts;
  const secondsOf = secondsByCluster(parts);
  const silentClusters = new Set(silent.map(({ cluster }) => cluster));
  const isSilent = (cluster: string): boolean => silentClusters.has(cluster);

  const places = createPlaces(detail);
  const sightings = new Map<Place, Sighting>();
  for (const row of parts.entities) {
    const place = places.known(row);
    const seen = sightings.get(place);
    if (seen === undefined) sightings.set(place, { lastSeen: row.LastSeen, hasTelemetry: row.Telemetry });
    else {
      seen.lastSeen = Math.max(seen.lastSeen, row.LastSeen);
      seen.hasTelemetry ||= row.Telemetry;
    }
  }
  const rowsOf = groupBy(parts.nodes, (row) => places.at(row));
  const told = sumEdges(placeGuesses(parts.edges, parts.entities), detail, places);
  const answeredBy = (place: Place): number =>
    (rowsOf.get(place) ?? []).reduce((sum, row) => sum + row.RequestCount, 0);
  const sums = withoutLostParents(told, answeredBy);
  const confidences = edgeConfidences(sums);
  const edges = sums.map((edge, index) => makeEdge(edge, confidences[index] ?? 0, secondsOf, isSilent));
  const operations = makeOperationNodes(parts.operations, places, secondsOf);
  const calls = operationEdges(operations, parts.operationCalls, places, secondsOf);

  // Not all places: one that only a false edge reached or left is none.
  const met = new Set<Place>([...sightings.keys(), ...rowsOf.keys()]);
  for (const { source, target } of sums) met.add(source).add(target);
  for (const { service } of operations) met.add(service);
  for (const { source } of calls) met.add(source);
  const nodes = makeNodes({ places: met, rowsOf, edges: sums, sightings, secondsOf, toSeconds: parts.range.toSeconds });
  return {
    nodes: [...nodes, ...operations],
    edges: [...edges, ...calls.map((call) => call.edge)],
    lostParentEdges: told.length - sums.length,
  };
}
