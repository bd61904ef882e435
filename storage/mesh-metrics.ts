// What metrics say of calls: increases of counters and histograms and levels of gauges, by edge and 10-second bucket.
// In: tenant and window in unix seconds. Out: plain rows, named as in the .sql files; mesh-edges.ts makes edges of them.
// Bounds: every read names its window; memory by the number of series. Figures are those of the stored points alone, so they do not depend on
// who read them, when the points came, how often, or which other buckets were read with them.
import type { Storage } from "./client.ts";

/** Points of one series further apart than this say nothing of the time between; Prometheus' own staleness. */
export const MESH_REACH_SECONDS = 300;

// The buckets of the .sql files.
const BUCKET_SECONDS = 10;

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

/** Whose calls, and how they ended: what all measures of one edge, reporter and status have in common. */
export interface MeshLabels {
  readonly origin: "istio" | "linkerd" | "envoy";
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
  /** mutual_tls, none; '' where the reporter does not know. */
  readonly security: string;
}

/** How much one measure rose. */
export interface MeshRise {
  readonly measure: string;
  /** Whole; of a histogram: observations. */
  readonly amount: number;
  /** What a histogram's observations add up to. */
  readonly total: number;
  /** Where a histogram's buckets begin and end in the measure's unit (null: nowhere), and observations in each, fractions; empty buckets are left out. */
  readonly starts: readonly number[];
  readonly bounds: readonly (number | null)[];
  readonly counts: readonly number[];
}

/** How much the measures of one edge, reporter and status rose in one bucket. */
export interface MeshIncrease {
  /** Start, unix seconds. */
  readonly bucket: number;
  readonly labels: MeshLabels;
  readonly rises: readonly MeshRise[];
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

type RiseRow = [
  bucket: number,
  measure: string,
  amount: number,
  total: number,
  starts: number[],
  bounds: (number | null)[],
  counts: number[],
];

/** How far beyond a window its figures reach, seconds; null: nothing is known of the window. */
export interface MeshReach {
  readonly backSeconds: number;
  readonly aheadSeconds: number;
}

const UNBOUNDED: MeshReach = { backSeconds: MESH_REACH_SECONDS, aheadSeconds: MESH_REACH_SECONDS };

/** How much the named measures rose in each bucket of the window, in no order; a smaller `reach` (from readMeshReach) reads less for the same figures. */
export async function readMeshIncreases(
  storage: Storage,
  tenant: string,
  { from, to }: MeshWindow,
  measures: readonly string[] = EDGE_MEASURES,
  { backSeconds, aheadSeconds }: MeshReach = UNBOUNDED,
): Promise<MeshIncrease[]> {
  const rows = await storage.query<MeshLabels & { readonly rises: readonly RiseRow[] }>("mesh_increases", {
    tenant,
    from,
    to,
    measures,
    reach_seconds: MESH_REACH_SECONDS,
    back_seconds: backSeconds,
    ahead_seconds: aheadSeconds,
  });
  const increases: MeshIncrease[] = [];
  for (const { rises, ...labels } of rows) {
    const byBucket = new Map<number, MeshRise[]>();
    for (const [bucket, measure, amount, total, starts, bounds, counts] of rises) {
      const rise = { measure, amount, total, starts, bounds, counts };
      const others = byBucket.get(bucket);
      if (others === undefined) byBucket.set(bucket, [rise]);
      else others.push(rise);
    }
    for (const [bucket, some] of byBucket) increases.push({ bucket, labels, rises: some });
  }
  return increases;
}

interface ReachRow {
  readonly needed_since: number;
  readonly needed_until: number;
  readonly touched_since: number;
  readonly touched_until: number;
}

async function readReach(storage: Storage, tenant: string, { from, to }: MeshWindow): Promise<ReachRow | undefined> {
  const [row] = await storage.query<ReachRow>("mesh_reach", { tenant, from, to, reach_seconds: MESH_REACH_SECONDS });
  return row;
}

/** How far beyond the window points must be read for its figures; null where no counter rose in it or could have. */
export async function readMeshReach(storage: Storage, tenant: string, window: MeshWindow): Promise<MeshReach | null> {
  const row = await readReach(storage, tenant, window);
  if (row === undefined || row.needed_until === 0) return null;
  const within = (seconds: number): number => Math.min(MESH_REACH_SECONDS, Math.max(0, Math.ceil(seconds)));
  return {
    backSeconds: within(window.from - row.needed_since),
    aheadSeconds: within(row.needed_until - window.to),
  };
}

/**
 * The whole buckets whose figures depend on points within the window: a scrape says what happened since the one before it, so they begin earlier (by
 * MESH_REACH_SECONDS at most), and end later where points came out of order. The window itself where no counter has points in it.
 */
export async function readMeshDue(storage: Storage, tenant: string, window: MeshWindow): Promise<MeshWindow> {
  const row = await readReach(storage, tenant, window);
  if (row === undefined || row.touched_until === 0) return window;
  return {
    from: Math.min(window.from, Math.floor(row.touched_since / BUCKET_SECONDS) * BUCKET_SECONDS),
    to: Math.max(window.to, Math.ceil(row.touched_until / BUCKET_SECONDS) * BUCKET_SECONDS),
  };
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
