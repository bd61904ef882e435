// Levels and restarts of instances, for detection: how full, throttled, behind, how often started anew.
// In: a tenant and a time. Out: one row an instance, container and metric that rose; plain figures.
// Bounds: one statement over ten minutes; 20,000 rows.
import type { Storage } from "./client.ts";

/** One level of one instance just before a time, and what was usual in the ten minutes before; see read_saturation.sql. */
export interface SaturationRow {
  readonly cluster: string;
  readonly namespace: string;
  /** '' where no span named the instance. */
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly metric: string;
  readonly container: string;
  readonly now: number;
  readonly usual: number;
  readonly low: number;
  readonly high: number;
  readonly points: number;
  readonly restarts: number;
  readonly last: number;
}

/** The levels `metrics` and the restarts of all instances in the time before `at`, unix seconds. */
export function readSaturation(
  storage: Storage,
  tenant: string,
  at: number,
  metrics: readonly string[],
): Promise<SaturationRow[]> {
  return storage.query<SaturationRow>("read_saturation", { tenant, at, metrics });
}
