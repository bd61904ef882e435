// What instances did in a localization's windows, read in two parts: counts of each, and histograms, which are most of the bytes, by service.
// In: a tenant and two sets of buckets. Out: plain rows, named as in the .sql files.
// Bounds: two statements over the named buckets; storage/buckets.ts reads both at once, by instance and operation.
import type { OperationWindowRow, Windows } from "./buckets.ts";
import type { Storage } from "./client.ts";

/** Latency of all requests of a service over a window; `side` 1 = fault, 0 = baseline. */
export interface ServiceHistogramRow {
  readonly side: 0 | 1;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly hist: number[];
  readonly self_hist: number[];
}

/** Instances and operations over both windows, without the histograms of what spans tell of. */
export function readOperationCounts(storage: Storage, tenant: string, windows: Windows): Promise<OperationWindowRow[]> {
  return storage.query<OperationWindowRow>("read_operation_counts", { tenant, ...windows });
}

/** Histograms of the services of these names ([] = all), as spans tell. */
export function readServiceHistograms(
  storage: Storage,
  tenant: string,
  windows: Windows,
  services: readonly string[],
): Promise<ServiceHistogramRow[]> {
  return storage.query<ServiceHistogramRow>("service_histograms", { tenant, ...windows, services });
}
