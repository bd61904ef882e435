// Adds up what different tables tell of the same range: hours, minutes and buckets of one edge are one row.
// In: rows of all statements. Out: rows, one a place and source, busiest first; rows that are added to others are changed.
// Bounds: one key a row.
import { addHistogram } from "../model/histogram.ts";
import type { GraphEdgeRow, GraphNodeRow } from "./graph-reads.ts";

type Figures<Row> = { [Name in keyof Row as Row[Name] extends number ? Name : never]: Row[Name] };

const EDGE_FIGURES = [
  "CallerRequests",
  "CallerFailures",
  "CallerDegradations",
  "CallerCancelled",
  "CallerNs",
  "CalleeRequests",
  "CalleeFailures",
  "CalleeDegradations",
  "CalleeCancelled",
  "CalleeNs",
  "NeverArrived",
  "OriginFailed",
  "GapNs",
  "ProxyNs",
  "Retries",
  "RequestBytes",
  "ResponseBytes",
  "SecuredCalls",
  "PlainCalls",
  "OffsetNs",
  "OffsetCalls",
  "OrphanRequests",
] as const satisfies readonly (keyof Figures<GraphEdgeRow>)[];

const NODE_FIGURES = [
  "RequestCount",
  "FailureCount",
  "DegradationCount",
  "CancelledCount",
  "OriginFailedCount",
  "TotalNs",
  "SelfNs",
] as const satisfies readonly (keyof Figures<GraphNodeRow>)[];

function fold<Row>(
  parts: readonly (readonly Row[])[],
  keyOf: (row: Row) => string,
  add: (to: Row, row: Row) => void,
): Row[] {
  const filled = parts.filter((rows) => rows.length > 0);
  // One statement's rows are one a place as they are.
  if (filled.length < 2) return [...(filled[0] ?? [])];
  const sums = new Map<string, Row>();
  for (const row of filled.flat()) {
    const key = keyOf(row);
    const known = sums.get(key);
    if (known === undefined) sums.set(key, row);
    else add(known, row);
  }
  return [...sums.values()];
}

function edgeKey(row: GraphEdgeRow): string {
  const from = `${row.FromKind}\n${row.FromCluster}\n${row.FromNamespace}\n${row.FromService}\n${row.FromVersion}\n${row.FromInstance}`;
  const to = `${row.ToKind}\n${row.ToCluster}\n${row.ToNamespace}\n${row.ToService}\n${row.ToVersion}\n${row.ToInstance}`;
  return `${from}\n${to}\n${row.EdgeProtocol}\n${row.Source}`;
}

function addEdge(to: GraphEdgeRow, row: GraphEdgeRow): void {
  for (const name of EDGE_FIGURES) to[name] += row[name];
  for (const word of row.EvidenceWords) if (!to.EvidenceWords.includes(word)) to.EvidenceWords.push(word);
  for (const [flag, count] of Object.entries(row.Flags)) to.Flags[flag] = (to.Flags[flag] ?? 0) + count;
  addHistogram(to.CallerHistogram, row.CallerHistogram);
  addHistogram(to.CalleeHistogram, row.CalleeHistogram);
}

/** Edges of all tables as one list, busiest first, at most `limit` of each source. */
export function foldEdges(parts: readonly (readonly GraphEdgeRow[])[], limit: number): GraphEdgeRow[] {
  const left = new Map<string, number>();
  const calls = (row: GraphEdgeRow): number => Math.max(row.CallerRequests, row.CalleeRequests);
  return fold(parts, edgeKey, addEdge)
    .sort((a, b) => calls(b) - calls(a))
    .filter(({ Source }) => {
      const rest = left.get(Source) ?? limit;
      left.set(Source, rest - 1);
      return rest > 0;
    });
}

function nodeKey(row: GraphNodeRow): string {
  const place = `${row.AtCluster}\n${row.AtNamespace}\n${row.AtService}\n${row.AtVersion}\n${row.AtInstance}`;
  return `${place}\n${row.AtOperation}`;
}

function addNode(to: GraphNodeRow, row: GraphNodeRow): void {
  for (const name of NODE_FIGURES) to[name] += row[name];
  addHistogram(to.Histogram, row.Histogram);
}

/** Places of all tables as one list, busiest first, at most `limit`. */
export function foldNodes(parts: readonly (readonly GraphNodeRow[])[], limit: number): GraphNodeRow[] {
  return fold(parts, nodeKey, addNode)
    .sort((a, b) => b.RequestCount - a.RequestCount)
    .slice(0, limit);
}
