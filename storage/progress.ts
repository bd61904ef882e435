// How far ingest and analysis have come, and which clusters were seen.
// In: a tenant, the clock. Out: plain rows.
// Bounds: one row a bucket of two days, one a cluster; 5 s.
import type { Storage } from "./client.ts";

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
