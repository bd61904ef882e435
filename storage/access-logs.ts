// The edges that access logs tell of, for the graph: who called whom, how often, how it ended and how long it took.
// In: a tenant and a range in whole buckets. Out: one row an edge, bucket and protocol, both sides apart, histograms as model/histogram.ts.
// Bounds: one statement over the raw rows of the range; ranges of minutes, not of days.
import type { BucketRange } from "./graph-reads.ts";
import type { Storage } from "./client.ts";

/** What reported a side of an edge; '' when that side has no rows. */
export type AccessLogReporter = "" | "unknown" | "source" | "destination" | "gateway" | "waypoint" | "ztunnel";

/** One edge in one bucket (unix seconds). `caller_*` is what callers saw, `callee_*` what arrived; an empty histogram has no entries. */
export interface AccessLogEdgeRow {
  readonly bucket: number;
  readonly src_kind: "unknown" | "service" | "external";
  readonly src_cluster: string;
  readonly src_namespace: string;
  readonly src_service: string;
  readonly src_version: string;
  readonly src_instance: string;
  readonly dst_kind: "unknown" | "service" | "external";
  readonly dst_cluster: string;
  readonly dst_namespace: string;
  readonly dst_service: string;
  readonly dst_version: string;
  readonly dst_instance: string;
  readonly protocol: "" | "http" | "grpc" | "tcp";
  readonly caller_reporter: AccessLogReporter;
  readonly callee_reporter: AccessLogReporter;
  readonly caller_calls: number;
  readonly caller_failed: number;
  readonly caller_degraded: number;
  readonly caller_cancelled: number;
  readonly caller_ns: number;
  readonly caller_hist: number[];
  readonly callee_calls: number;
  readonly callee_failed: number;
  readonly callee_degraded: number;
  readonly callee_cancelled: number;
  readonly callee_ns: number;
  readonly callee_hist: number[];
  readonly never_arrived: number;
  readonly origin_failed: number;
  readonly gap_ns: number;
  readonly flags: Readonly<Record<string, number>>;
}

/** The edges of a range by bucket; callers must give multiples of BUCKET_SECONDS. */
export async function readAccessLogEdges(
  storage: Storage,
  tenant: string,
  range: BucketRange,
): Promise<AccessLogEdgeRow[]> {
  return storage.query<AccessLogEdgeRow>("access_log_edges", { tenant, from: range.fromSeconds, to: range.toSeconds });
}
