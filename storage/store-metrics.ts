// What databases, caches and brokers say of themselves, for localization.
// In: a tenant and both windows. Out: plain rows, named as in the .sql file.
// Bounds: a closed list of metric names; the statement has a row limit.
import type { Windows } from "./buckets.ts";
import type { Storage } from "./client.ts";

/** One figure of one store in one window; `names` is everything that the store may be called. */
export interface StoreMetricRow {
  readonly side: 0 | 1;
  readonly cluster: string;
  readonly names: readonly string[];
  readonly metric: string;
  /** Queue or topic; '' where there is none. */
  readonly destination: string;
  readonly average: number;
  readonly most: number;
  /** What a counter added a second; 0 for a gauge. */
  readonly per_second: number;
}

/** The figures of all stores in both windows. */
export function readStoreMetrics(storage: Storage, tenant: string, windows: Windows): Promise<StoreMetricRow[]> {
  return storage.query<StoreMetricRow>("read_store_metrics", { tenant, ...windows });
}
