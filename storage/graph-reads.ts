// What the service graph is drawn from: sums of the 10-second buckets at one level, known places, and how much is analysed.
// In: a tenant, a range in whole buckets, a level. Out: rows with both ledgers and histograms (model/histogram.ts).
// Bounds: every read has a row limit (one more than asked tells that it was cut) and a time limit.
import type { RuntimeClass } from "../model/entity.ts";
import type { Storage } from "./client.ts";

/** How finely places are told apart, coarse to fine; the number is the `level` parameter of the queries. */
export const GRAPH_DETAIL = { CLUSTER: 1, NAMESPACE: 2, SERVICE: 3, VERSION: 4, INSTANCE: 5 } as const;
export type GraphDetail = keyof typeof GRAPH_DETAIL;

/** A half-open range in unix seconds, both multiples of `BUCKET_SECONDS` (storage/buckets.ts). */
export interface BucketRange {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Which sums to read; at most `limit` rows. */
export interface GraphRequest {
  readonly tenant: string;
  readonly range: BucketRange;
  readonly detail: GraphDetail;
  readonly limit: number;
}

/** One edge of the range. `Caller*` is what the caller saw, `Callee*` what arrived; an empty histogram has no entries. */
export interface GraphEdgeRow {
  FromKind: "unknown" | "service" | "messaging";
  FromCluster: string;
  FromNamespace: string;
  FromService: string;
  FromVersion: string;
  FromInstance: string;
  ToKind: "service" | "database" | "messaging" | "external";
  ToCluster: string;
  ToNamespace: string;
  ToService: string;
  ToVersion: string;
  ToInstance: string;
  EdgeProtocol: string;
  EvidenceWords: string[];
  CallerRequests: number;
  CallerFailures: number;
  CallerDegradations: number;
  CallerHistogram: number[];
  CalleeRequests: number;
  CalleeFailures: number;
  CalleeDegradations: number;
  CalleeHistogram: number[];
}

/** What one place answered in the range. */
export interface GraphNodeRow {
  AtCluster: string;
  AtNamespace: string;
  AtService: string;
  AtVersion: string;
  AtInstance: string;
  AtOperation: string;
  RequestCount: number;
  FailureCount: number;
  DegradationCount: number;
  Histogram: number[];
}

/** A place that telemetry was seen from, with the classes of all its instances. */
export interface GraphEntityRow {
  AtCluster: string;
  AtNamespace: string;
  AtService: string;
  AtVersion: string;
  AtInstance: string;
  Runtimes: (RuntimeClass | "")[];
  Isolations: (RuntimeClass | "")[];
  Nodes: string[];
}

/** First and last analysed bucket ever (unix seconds, 0 when none), the range's buckets that were not analysed, and how many have grown since. */
export interface GraphCoverage {
  FirstAnalyzed: number;
  LastAnalyzed: number;
  Missing: number[];
  OutdatedCount: number;
}

/** How far ingest and analysis have come: unix seconds of the last bucket, 0 when none. */
export interface Progress {
  LastArrived: number;
  LastAnalyzed: number;
  SpansLastMinute: number;
}

/** A cluster that telemetry was seen from; `LastSeenAt` is RFC 3339 UTC. */
export interface ClusterRow {
  Name: string;
  ServiceCount: number;
  InstanceCount: number;
  LastSeenAt: string;
}

const READ_SETTINGS = { max_execution_time: 10 } as const;
// How long before the range a place may have been silent and still be shown as idle.
const IDLE_SECONDS = 24 * 3600;

function rangeParams(range: BucketRange): Record<string, number> {
  return { from_s: range.fromSeconds, to_s: range.toSeconds };
}

/** The edges of a range, busiest first. */
export async function readGraphEdges(storage: Storage, request: GraphRequest): Promise<GraphEdgeRow[]> {
  const { tenant, range, detail, limit } = request;
  return storage.query<GraphEdgeRow>(
    "graph_edges",
    { tenant, ...rangeParams(range), level: GRAPH_DETAIL[detail], limit },
    READ_SETTINGS,
  );
}

/** The places that answered in a range, busiest first; `byOperation` gives a row an operation of each place. */
export async function readGraphNodes(
  storage: Storage,
  request: GraphRequest,
  byOperation: boolean,
): Promise<GraphNodeRow[]> {
  const { tenant, range, detail, limit } = request;
  return storage.query<GraphNodeRow>(
    "graph_nodes",
    { tenant, ...rangeParams(range), level: GRAPH_DETAIL[detail], by_operation: byOperation ? 1 : 0, limit },
    READ_SETTINGS,
  );
}

/** The places known to exist around a range: seen after its start, or in the day before it. */
export async function readGraphEntities(storage: Storage, request: GraphRequest): Promise<GraphEntityRow[]> {
  const { tenant, range, detail, limit } = request;
  return storage.query<GraphEntityRow>(
    "graph_entities",
    { tenant, seen_s: Math.max(0, range.fromSeconds - IDLE_SECONDS), level: GRAPH_DETAIL[detail], limit },
    READ_SETTINGS,
  );
}

/** How much of a range has been analysed. */
export async function readGraphCoverage(storage: Storage, tenant: string, range: BucketRange): Promise<GraphCoverage> {
  const rows = await storage.query<GraphCoverage>("graph_coverage", { tenant, ...rangeParams(range) }, READ_SETTINGS);
  return rows[0] ?? { FirstAnalyzed: 0, LastAnalyzed: 0, Missing: [], OutdatedCount: 0 };
}

/** How far ingest and analysis have come at `nowSeconds`; buckets more than a minute in the future are ignored. */
export async function readProgress(storage: Storage, tenant: string, nowSeconds: number): Promise<Progress> {
  const rows = await storage.query<Progress>(
    "read_progress",
    { tenant, now_s: Math.floor(nowSeconds) },
    { max_execution_time: 5 },
  );
  return rows[0] ?? { LastArrived: 0, LastAnalyzed: 0, SpansLastMinute: 0 };
}

/** The clusters that have been seen, by name. */
export async function readClusters(storage: Storage, tenant: string, limit: number): Promise<ClusterRow[]> {
  return storage.query<ClusterRow>("read_clusters", { tenant, limit }, { max_execution_time: 5 });
}
