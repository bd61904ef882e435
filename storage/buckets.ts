// The analyzer's reads and writes of the 10-second buckets: what arrived, what was analysed, edges and operations.
// In: bucket starts in unix seconds (multiples of 10). Out: plain rows, named as in the .sql files.
// Bounds: every read names a window; recompute.ts fills the tables.
import type { Storage } from "./client.ts";
import { type ToldBy, chooseEdgeBuckets, chooseEdgeWindow } from "./edge-choice.ts";

/** Length of a bucket in seconds. */
export const BUCKET_SECONDS = 10;

/** Rows of each signal in one bucket. */
export interface SignalRows {
  readonly spans: number;
  readonly logs: number;
  readonly points: number;
}

/**
 * What has arrived of one bucket, and what of it was used. `arrived` and `analyzed` are rows of the signals that the analysis counts: spans
 * and access logs, or mesh metrics where a tenant has neither. `last_ms`: newest start within the bucket of the signal that leads the
 * tenant's time (spans, else access logs, else metrics), unix milliseconds, 0 = none. `longest_ns`: the longest span.
 */
export interface ArrivalRow {
  readonly tenant: string;
  readonly bucket: number;
  readonly arrived: number;
  readonly analyzed: number;
  readonly last_ms: number;
  readonly rows: SignalRows;
  readonly paired: SignalRows;
  readonly longest_ns: number;
  readonly producers: number;
}

interface StoredArrival {
  readonly tenant: string;
  readonly bucket: number;
  readonly spans: number;
  readonly logs: number;
  readonly points: number;
  readonly paired_spans: number;
  readonly paired_logs: number;
  readonly paired_points: number;
  readonly analyzed: number;
  readonly last_span_ms: number;
  readonly last_log_ms: number;
  readonly last_point_ms: number;
  readonly longest_ns: number;
  readonly producers: number;
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
  /** Long polls and alike among them, whose durations `hist` leaves out. */
  readonly held_requests?: number;
  /** Health checks and scrapes, which the figures above leave out; the instances that answered. */
  readonly health_requests?: number;
  readonly health_failed?: number;
  readonly health_hist?: number[];
  readonly instances?: readonly string[];
}

/** Kinds of the two ends of an edge. */
export type SourceKind = "unknown" | "service" | "messaging" | "external";
export type TargetKind = "unknown" | "service" | "database" | "messaging" | "external";

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
  /** Requests that fault injection aborted or delayed. */
  readonly injected?: number;
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
  /** Calls that ended degraded or cancelled, by side. */
  readonly caller_other?: number;
  readonly callee_other?: number;
  /** Attempts beyond the first that the caller's side tells of. */
  readonly caller_retries?: number;
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

/** Reads which buckets between two unix seconds have arrived, been paired and been analysed. */
export async function readArrivals(storage: Storage, since: number, until: number): Promise<ArrivalRow[]> {
  const stored = await storage.query<StoredArrival>("read_arrivals", { since: Math.max(0, since), until });
  const hasSpans = new Set(stored.filter((row) => row.spans > 0).map((row) => row.tenant));
  const hasLogs = new Set(stored.filter((row) => row.logs > 0).map((row) => row.tenant));
  return stored.map((row) => {
    const { tenant, bucket, analyzed, longest_ns, producers, spans, logs, points } = row;
    const leads = hasSpans.has(tenant) ? "spans" : hasLogs.has(tenant) ? "logs" : "points";
    const last = { spans: row.last_span_ms, logs: row.last_log_ms, points: row.last_point_ms }[leads];
    const paired = { spans: row.paired_spans, logs: row.paired_logs, points: row.paired_points };
    const arrived = leads === "points" ? points : spans + logs;
    return {
      tenant,
      bucket,
      arrived,
      analyzed,
      last_ms: last,
      rows: { spans, logs, points },
      paired,
      longest_ns,
      producers,
    };
  });
}

/** What was used of a bucket: `analyzed` rows by the analysis (0 = not yet), `paired` rows by the graph. */
export type UsedBucket = Pick<ArrivalRow, "tenant" | "bucket" | "analyzed" | "paired">;

/** Records what was used of buckets; the newest revision holds. */
export async function writeAnalyzed(storage: Storage, used: readonly UsedBucket[], revision: bigint): Promise<void> {
  await storage.insertRows(
    "analyzed_buckets",
    used.map(({ tenant, bucket, analyzed, paired }) => ({
      Tenant: tenant,
      Bucket: bucket,
      RowCount: analyzed,
      PairedRows: paired.spans,
      PairedLogs: paired.logs,
      PairedPoints: paired.points,
      Revision: revision.toString(),
    })),
  );
}

/** Buckets since a unix second whose edges name a callee at a place that is no longer what its name says, newest first, 60 at most. */
export async function readMisplacedBuckets(storage: Storage, since: number): Promise<number[]> {
  const rows = await storage.query<{ bucket: number }>("misplaced_buckets", { since: Math.max(0, since) });
  return rows.map((row) => row.bucket);
}

/** Services by bucket in [from, to); `services` narrows to those of these names, [] = all. */
export function readServiceBuckets(
  storage: Storage,
  tenant: string,
  from: number,
  to: number,
  services: readonly string[] = [],
): Promise<ServiceBucketRow[]> {
  return storage.query<ServiceBucketRow>("read_service_buckets", { tenant, from, to, services });
}

/** Service-level edges by bucket in [from, to), each as its best source tells of it; `source` says which. `services`: with one of these ends. */
export async function readEdgeBuckets(
  storage: Storage,
  tenant: string,
  from: number,
  to: number,
  services: readonly string[] = [],
): Promise<(EdgeBucketRow & ToldBy)[]> {
  const params = { tenant, from, to, services };
  return chooseEdgeBuckets(await storage.query<EdgeBucketRow & ToldBy>("read_edge_buckets", params));
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

/** Which edges to read: those to the named callees (all where it names none), with or without the histograms, which are most of the bytes. */
export interface EdgeWindowChoice {
  readonly targets?: readonly string[];
  readonly histograms?: boolean;
}

/** Edges between versions over the fault's and the baseline's buckets, each as the best source of its services tells of it. */
export async function readEdgeWindow(
  storage: Storage,
  tenant: string,
  windows: Windows,
  { targets = [], histograms = true }: EdgeWindowChoice = {},
): Promise<EdgeWindowRow[]> {
  const params = { tenant, ...windows, targets, with_hist: histograms ? 1 : 0 };
  return chooseEdgeWindow(await storage.query<EdgeWindowRow & ToldBy>("read_edge_window", params));
}
