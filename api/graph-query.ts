// One question for the service graph: which rows to read, how much of the range they cover, what to show of it.
// In: storage, a tenant, a range, a level, a filter. Out: the ServiceGraph of api/graph.ts.
// Bounds: row limits of storage/graph-reads.ts; what is cut or not yet analysed is said by `truncated` and `partial`.
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import {
  type BucketRange,
  type GraphCoverage,
  type GraphDetail,
  readGraphCoverage,
  readGraphEdges,
  readGraphEntities,
  readGraphNodes,
} from "../storage/graph-reads.ts";
import type { TimeRange } from "../model/localization.ts";
import type { Storage } from "../storage/client.ts";
import { filterGraph, type GraphFilter, limitGraph } from "./graph-filter.ts";
import { foldGraph, type ServiceGraph } from "./graph.ts";
import { instantOfSeconds, wholeBuckets } from "./instant.ts";

/** The levels of the contract; OPERATION is the level SERVICE with a node for each operation beside. */
export const GRAPH_LEVELS = ["CLUSTER", "NAMESPACE", "SERVICE", "VERSION", "INSTANCE", "OPERATION"] as const;
export type GraphLevel = (typeof GRAPH_LEVELS)[number];

/** What to draw. */
export interface GraphQuestion {
  readonly tenant: string;
  readonly range: TimeRange;
  readonly level: GraphLevel;
  readonly filter: GraphFilter | null;
  readonly maxNodes: number;
  readonly maxEdges: number;
}

/** Seconds of a range that were analysed, and whether any are missing. Gaps without telemetry between two buckets are idle time. */
export function coverageOf(range: BucketRange, coverage: GraphCoverage): { coveredSeconds: number; partial: boolean } {
  const wanted = range.toSeconds - range.fromSeconds;
  if (coverage.LastAnalyzed === 0) return { coveredSeconds: 0, partial: true };
  const from = Math.max(range.fromSeconds, coverage.FirstAnalyzed);
  const to = Math.min(range.toSeconds, coverage.LastAnalyzed + BUCKET_SECONDS);
  const missing = coverage.Missing.filter((bucket) => bucket >= from && bucket < to).length;
  const covered = Math.max(0, to - from - missing * BUCKET_SECONDS);
  return { coveredSeconds: covered, partial: covered < wanted || coverage.OutdatedCount > 0 };
}

/** Reads and folds the graph of a range. */
export async function askGraph(storage: Storage, question: GraphQuestion): Promise<ServiceGraph> {
  const { tenant, level, maxNodes, maxEdges } = question;
  const range = wholeBuckets(question.range, BUCKET_SECONDS);
  const detail: GraphDetail = level === "OPERATION" ? "SERVICE" : level;
  const common = { tenant, range, detail };
  const [edges, nodes, operations, entities, coverage] = await Promise.all([
    readGraphEdges(storage, { ...common, limit: maxEdges + 1 }),
    readGraphNodes(storage, { ...common, limit: maxNodes + 1 }, false),
    level === "OPERATION" ? readGraphNodes(storage, { ...common, limit: maxNodes + 1 }, true) : Promise.resolve([]),
    readGraphEntities(storage, { ...common, limit: maxNodes + 1 }),
    readGraphCoverage(storage, tenant, range),
  ]);
  const { coveredSeconds, partial } = coverageOf(range, coverage);
  const whole = foldGraph({ detail, edges, nodes, operations, entities, coveredSeconds });
  const wanted = question.filter === null ? whole : filterGraph(whole, question.filter);
  const shown = limitGraph(wanted, maxNodes, maxEdges);
  const cutInStorage = edges.length > maxEdges || [nodes, operations, entities].some((rows) => rows.length > maxNodes);
  return {
    range: { from: instantOfSeconds(range.fromSeconds), to: instantOfSeconds(range.toSeconds) },
    coveredSeconds,
    nodes: shown.nodes,
    edges: shown.edges,
    truncated: cutInStorage || shown.cut,
    partial,
  };
}
