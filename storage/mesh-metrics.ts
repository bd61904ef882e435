// What metrics say of calls: increases of counters and histograms and levels of gauges, by edge and 10-second bucket.
// In: tenant and window in unix seconds. Out: plain rows, named as in the .sql files; mesh-edges.ts makes edges of them.
// Bounds: every read names its window; memory by the number of series. Figures are those of the stored points alone, so they do not depend on
// who read them, when the points came or how often.
import type { Storage } from "./client.ts";

/** Points of one series further apart than this say nothing of the time between; Prometheus' own staleness. */
export const MESH_REACH_SECONDS = 300;

/** Measures of model/metric-names.ts that edges are made of. */
export const EDGE_MEASURES = [
  "requests",
  "request_duration_ms",
  "request_bytes",
  "response_bytes",
  "request_messages",
  "response_messages",
  "tcp_request_bytes",
  "tcp_response_bytes",
  "tcp_connections_opened",
  "tcp_connections_closed",
  "upstream_requests",
  "upstream_response_classes",
  "upstream_retries",
  "upstream_duration_ms",
] as const;

/** How much one measure rose in one bucket, for one edge, reporter and status; fractions come from spreading over time. */
export interface MeshIncrease {
  /** Start, unix seconds. */
  readonly bucket: number;
  readonly origin: "istio" | "linkerd" | "envoy";
  readonly measure: string;
  readonly reporter: "source" | "destination" | "waypoint";
  readonly proxy: string;
  readonly src_cluster: string;
  readonly src_namespace: string;
  readonly src_service: string;
  readonly src_workload: string;
  readonly src_version: string;
  readonly dst_cluster: string;
  readonly dst_namespace: string;
  readonly dst_service: string;
  readonly dst_workload: string;
  readonly dst_version: string;
  readonly dst_host: string;
  readonly subset: string;
  readonly protocol: string;
  readonly code: string;
  readonly grpc_status: string;
  readonly flags: string;
  /** Of a histogram: observations. */
  readonly amount: number;
  /** What a histogram's observations add up to. */
  readonly total: number;
  /** Upper bounds in the measure's unit; null: none. */
  readonly bounds: readonly (number | null)[];
  readonly counts: readonly number[];
  /** Upper bounds again, and where each one's bucket begins. */
  readonly starts_of: readonly (number | null)[];
  readonly starts: readonly number[];
}

/** The level of one gauge in one bucket, for one edge and reporting instance. */
export interface MeshLevel {
  readonly bucket: number;
  readonly measure: string;
  readonly instance: string;
  readonly src_cluster: string;
  readonly src_namespace: string;
  readonly src_service: string;
  readonly src_version: string;
  readonly dst_cluster: string;
  readonly dst_namespace: string;
  readonly dst_service: string;
  readonly subset: string;
  readonly last: number;
  readonly highest: number;
}

/** A window of whole buckets, [from, to) in unix seconds. */
export interface MeshWindow {
  readonly from: number;
  readonly to: number;
}

/** How much the named measures rose in each bucket of the window. */
export function readMeshIncreases(
  storage: Storage,
  tenant: string,
  { from, to }: MeshWindow,
  measures: readonly string[] = EDGE_MEASURES,
  reachSeconds: number = MESH_REACH_SECONDS,
): Promise<MeshIncrease[]> {
  return storage.query<MeshIncrease>("mesh_increases", { tenant, from, to, measures, reach_seconds: reachSeconds });
}

/** The levels of the named gauges in each bucket of the window. */
export function readMeshLevels(
  storage: Storage,
  tenant: string,
  { from, to }: MeshWindow,
  measures: readonly string[],
): Promise<MeshLevel[]> {
  return storage.query<MeshLevel>("mesh_levels", { tenant, from, to, measures });
}
