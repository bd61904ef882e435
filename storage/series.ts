// The counters behind the scrape of series (table graph_series): what a stretch of time adds, how far they have come, how they stand.
// In: a tenant, times in unix seconds. Out: plain rows; a step is written once, whoever makes it.
// Bounds: row limits by argument, ten seconds a read. Counts only ever grow: a step adds, nothing is taken back.
import type { Storage } from "./client.ts";

/** What a series is about. */
export type SeriesFamily = "edge" | "span";

/** Order of the names of an edge's series. */
export const EDGE_NAMES = [
  "client",
  "server",
  "connection_type",
  "virtual_node",
  "client_k8s_cluster_name",
  "client_k8s_namespace_name",
  "server_k8s_cluster_name",
  "server_k8s_namespace_name",
] as const;

/** Order of the names of a span's series. */
export const SPAN_NAMES = [
  "service_name",
  "span_name",
  "span_kind",
  "status_code",
  "k8s_cluster_name",
  "k8s_namespace_name",
] as const;

/** One series: its names, its counters by name, its buckets by index of the bound. */
export interface SeriesRow {
  readonly family: SeriesFamily;
  readonly names: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly serverBuckets: Readonly<Record<string, number>>;
  readonly clientBuckets: Readonly<Record<string, number>>;
}

/** One edge as one source tells it; histograms as in model/histogram.ts. */
export interface SeriesEdgeRow {
  readonly fromKind: "unknown" | "service" | "messaging" | "external";
  readonly fromCluster: string;
  readonly fromNamespace: string;
  readonly fromService: string;
  readonly toKind: "unknown" | "service" | "database" | "messaging" | "external";
  readonly toCluster: string;
  readonly toNamespace: string;
  readonly toService: string;
  readonly source: "spans" | "access_logs" | "metrics";
  readonly targetSeen: 0 | 1;
  readonly callerCalls: number;
  readonly callerFailed: number;
  readonly callerDegraded: number;
  readonly callerCancelled: number;
  readonly callerNs: number;
  readonly callerHist: readonly number[];
  readonly calleeCalls: number;
  readonly calleeFailed: number;
  readonly calleeDegraded: number;
  readonly calleeCancelled: number;
  readonly calleeNs: number;
  readonly calleeHist: readonly number[];
}

/** Spans of one service, operation, kind and outcome. */
export interface SeriesSpanRow {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly operation: string;
  readonly kind: "Unspecified" | "Internal" | "Server" | "Client" | "Producer" | "Consumer";
  readonly failed: 0 | 1;
  readonly calls: number;
  readonly ns: number;
  readonly buckets: Readonly<Record<string, number>>;
}

/** A stretch of event time of one tenant, half-open, unix seconds. */
export interface SeriesRange {
  readonly tenant: string;
  readonly from: number;
  readonly to: number;
}

const READ_SETTINGS = { max_execution_time: 10 } as const;

/** How far the counters have come (`through`, 0 never) and the first bucket of the range that the graph still lacks (`waiting`, 0 none). */
export async function readSeriesHorizon(
  storage: Storage,
  { tenant, from, to }: SeriesRange,
): Promise<{ readonly through: number; readonly waiting: number }> {
  const params = { tenant, since: from, until: to };
  const rows = await storage.query<{ through: number; waiting: number }>("series_horizon", params, READ_SETTINGS);
  return rows[0] ?? { through: 0, waiting: 0 };
}

/** The edges of a range by source, busiest first. */
export function readSeriesEdges(storage: Storage, range: SeriesRange, limit: number): Promise<SeriesEdgeRow[]> {
  return storage.query<SeriesEdgeRow>("series_edges", { ...range, limit }, READ_SETTINGS);
}

/** The spans of a range, most frequent first; buckets by `boundsMs`. */
export function readSeriesSpans(
  storage: Storage,
  range: SeriesRange,
  boundsMs: readonly number[],
  limit: number,
): Promise<SeriesSpanRow[]> {
  return storage.query<SeriesSpanRow>("series_spans", { ...range, bounds_ms: boundsMs, limit }, READ_SETTINGS);
}

/** The series that grew since (unix s), as they stand. */
export function readSeriesTotals(storage: Storage, tenant: string, since: number, limit: number): Promise<SeriesRow[]> {
  return storage.query<SeriesRow>("series_totals", { tenant, since, limit }, READ_SETTINGS);
}

/** Adds a step to the counters that stood at `mark` (unix s, 0 = none); where another was added to these already, nothing, as a whole. */
export async function writeSeriesStep(
  storage: Storage,
  { tenant, to }: SeriesRange,
  mark: number,
  rows: readonly SeriesRow[],
): Promise<void> {
  const reached = { Tenant: tenant, Family: "mark", Names: [], Through: to, LastSeen: to };
  const added = rows.map((row) => ({
    Tenant: tenant,
    Family: row.family,
    Names: row.names,
    Counts: row.counts,
    ServerBuckets: row.serverBuckets,
    ClientBuckets: row.clientBuckets,
    LastSeen: to,
  }));
  await storage.insertRows("graph_series", [reached, ...added], `series:${tenant}:${mark}`);
}
