// What services with an objective did in the windows of burn rates.
// In: a tenant, service names, the windows' end. Out: requests, failures and durations by service and window.
// Bounds: one statement over six hours of the named services.
import type { Storage } from "./client.ts";

/** One service in one window that ends at the asked time. */
export interface SloWindowRow {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly window_seconds: number;
  readonly requests: number;
  readonly failed: number;
  readonly hist: readonly number[];
}

/** The windows of 5 min, 30 min, 1 h and 6 h before `at`, unix seconds, a whole minute. */
export function readSloWindows(
  storage: Storage,
  tenant: string,
  services: readonly string[],
  at: number,
): Promise<SloWindowRow[]> {
  return storage.query<SloWindowRow>("slo_windows", { tenant, services, at });
}
