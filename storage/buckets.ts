// The analyzer's reads and writes of the 10-second buckets: what arrived, what was analysed, edges and operations.
// In: bucket starts in unix seconds (multiples of 10). Out: plain rows, named as in the .sql files.
// Bounds: every read names a window; writes replace whole minutes, so that repeating one changes nothing.
import type { Storage } from "./client.ts";

/** Length of a bucket in seconds. */
export const BUCKET_SECONDS = 10;

/** Arrived and analysed rows of one bucket; `last_ms` is the newest span's start, unix milliseconds. */
export interface ArrivalRow {
  readonly tenant: string;
  readonly bucket: number;
  readonly arrived: number;
  readonly analyzed: number;
  readonly last_ms: number;
}

/** One service in one bucket. */
export interface ServiceBucketRow {
  readonly bucket: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly requests: number;
  readonly failed: number;
  readonly degraded: number;
  readonly origin_failed: number;
  readonly total_ns: number;
  readonly self_ns: number;
  readonly hist: number[];
}

/** Kinds of the two ends of an edge. */
export type SourceKind = "unknown" | "service" | "messaging";
export type TargetKind = "service" | "database" | "messaging" | "external";

interface EdgeEnds {
  readonly src_kind: SourceKind;
  readonly src_cluster: string;
  readonly src_namespace: string;
  readonly src_service: string;
  readonly dst_kind: TargetKind;
  readonly dst_cluster: string;
  readonly dst_namespace: string;
  readonly dst_service: string;
}

/** One service-level edge in one bucket. */
export interface EdgeBucketRow extends EdgeEnds {
  readonly bucket: number;
  readonly caller_calls: number;
  readonly caller_failed: number;
  readonly callee_calls: number;
  readonly callee_failed: number;
  readonly never_arrived: number;
  readonly origin_failed: number;
  readonly caller_ns: number;
  readonly hist: number[];
}

/** One instance and operation over a window; `side` 1 = fault, 0 = baseline. */
export interface OperationWindowRow {
  readonly side: 0 | 1;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly node: string;
  readonly operation: string;
  readonly protocol: string;
  readonly requests: number;
  readonly failed: number;
  readonly degraded: number;
  readonly origin_failed: number;
  readonly total_ns: number;
  readonly self_ns: number;
  readonly hist: number[];
  readonly self_hist: number[];
  readonly flags: Record<string, number>;
}

/** One edge between versions over a window; `side` 1 = fault, 0 = baseline. */
export interface EdgeWindowRow extends EdgeEnds {
  readonly side: 0 | 1;
  readonly src_version: string;
  readonly dst_version: string;
  readonly caller_calls: number;
  readonly caller_failed: number;
  readonly caller_cancelled: number;
  readonly callee_calls: number;
  readonly callee_failed: number;
  readonly never_arrived: number;
  readonly origin_failed: number;
  readonly caller_ns: number;
  readonly callee_ns: number;
  readonly gap_ns: number;
  readonly caller_hist: number[];
  readonly flags: Record<string, number>;
}

/** Reads which buckets between two unix seconds have arrived and been analysed. */
export function readArrivals(storage: Storage, since: number, until: number): Promise<ArrivalRow[]> {
  return storage.query<ArrivalRow>("read_arrivals", { since: Math.max(0, since), until });
}

/** Records that buckets were analysed from so many rows. */
export async function writeAnalyzed(
  storage: Storage,
  rows: readonly Pick<ArrivalRow, "tenant" | "bucket" | "arrived">[],
  revision: bigint,
): Promise<void> {
  await storage.insertRows(
    "analyzed_buckets",
    rows.map((row) => ({
      Tenant: row.tenant,
      Bucket: row.bucket,
      RowCount: row.arrived,
      Revision: revision.toString(),
    })),
  );
}

const STEPS = [
  { table: "edge", compute: "pair_edges" },
  { table: "operation", compute: "own_time" },
] as const;

/** Computes edges and operations of the buckets [from, to) anew and swaps the minutes they lie in. */
export async function recomputeBuckets(storage: Storage, from: number, to: number): Promise<void> {
  for (const { table, compute } of STEPS) {
    await storage.command(`clear_${table}_staging`);
    await storage.command(compute, { from, to });
    await storage.command(`keep_${table}_buckets`, { from, to });
    for (let minute = from - (from % 60); minute < to; minute += 60) {
      await storage.command(
        `replace_${table}_minute`,
        { partition: String(minute) },
        { allow_replace_partition_from_empty_source: 1 },
      );
    }
  }
}

/** Services by bucket in [from, to). */
export function readServiceBuckets(
  storage: Storage,
  tenant: string,
  from: number,
  to: number,
): Promise<ServiceBucketRow[]> {
  return storage.query<ServiceBucketRow>("read_service_buckets", { tenant, from, to });
}

/** Service-level edges by bucket in [from, to). */
export function readEdgeBuckets(storage: Storage, tenant: string, from: number, to: number): Promise<EdgeBucketRow[]> {
  return storage.query<EdgeBucketRow>("read_edge_buckets", { tenant, from, to });
}

/** The two sets of buckets that a localization compares; neither may be empty. */
export interface Windows {
  readonly fault: readonly number[];
  readonly baseline: readonly number[];
}

/** Instances and operations over the fault's and the baseline's buckets. */
export function readOperationWindow(storage: Storage, tenant: string, windows: Windows): Promise<OperationWindowRow[]> {
  return storage.query<OperationWindowRow>("read_operation_window", { tenant, ...windows });
}

/** Edges between versions over the fault's and the baseline's buckets. */
export function readEdgeWindow(storage: Storage, tenant: string, windows: Windows): Promise<EdgeWindowRow[]> {
  return storage.query<EdgeWindowRow>("read_edge_window", { tenant, ...windows });
}

/** Where to look for exemplar traces; '' matches any. */
export interface ExemplarQuery {
  readonly tenant: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly peer: string;
  readonly from: number;
  readonly to: number;
  readonly failed: boolean;
  readonly maxCount: number;
}

/** Trace ids that show a fault at one place, slowest first. */
export async function readExemplarTraces(storage: Storage, query: ExemplarQuery): Promise<string[]> {
  const rows = await storage.query<{ trace_id: string }>("read_exemplar_traces", {
    tenant: query.tenant,
    service: query.service,
    version: query.version,
    instance: query.instance,
    peer: query.peer,
    from: query.from,
    to: query.to,
    failed: query.failed ? 1 : 0,
    max_count: query.maxCount,
  });
  return rows.map((row) => row.trace_id);
}
