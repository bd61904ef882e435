// What the platform says of instances: resource figures, Kubernetes events, runtime classes; and a symptom by the second.
// In: instance and service names, windows in unix seconds. Out: plain rows, named as in the .sql files.
// Bounds: every read names its window and has a row limit.
import type { Windows } from "./buckets.ts";
import type { Storage } from "./client.ts";

/** One resource figure of one instance; `rise` is last minus first in the window, `average` as the metric's unit. */
export interface ResourceRow {
  readonly side: 0 | 1;
  readonly instance: string;
  readonly metric: string;
  readonly average: number;
  readonly most: number;
  readonly rise: number;
  /** Seconds between the first and the last point, at least 1. */
  readonly seconds: number;
}

/** Kubernetes events of one object and reason. */
export interface PlatformEventRow {
  readonly kind: string;
  readonly name: string;
  /** '' where the platform names none. */
  readonly node: string;
  readonly reason: string;
  readonly message: string;
  readonly events: number;
}

/** The runtime class of one instance; '' when nothing is known. */
export interface RuntimeRow {
  readonly service: string;
  readonly instance: string;
  readonly runtime: string;
  readonly isolation: string;
}

/** One second of a symptom. */
export interface OnsetSecondRow {
  /** Who tells of it. */
  readonly source: "spans" | "access_logs";
  readonly second: number;
  readonly calls: number;
  readonly failed: number;
  /** Refused: 4xx and alike. */
  readonly refused: number;
  readonly slow: number;
}

/** Resource figures of the named instances in both windows. */
export function readResourceWindow(
  storage: Storage,
  tenant: string,
  instances: readonly string[],
  windows: Windows,
): Promise<ResourceRow[]> {
  return storage.query<ResourceRow>("read_resource_window", { tenant, instances, ...windows });
}

/** Kubernetes events in [from, to), unix seconds. */
export function readPlatformEvents(
  storage: Storage,
  tenant: string,
  from: number,
  to: number,
): Promise<PlatformEventRow[]> {
  return storage.query<PlatformEventRow>("read_platform_events", { tenant, from, to });
}

/** One instance that restarted so many times. */
export interface RestartRow {
  readonly instance: string;
  readonly restarts: number;
}

/** Instances that restarted in [from, to), unix seconds. */
export function readRestarts(storage: Storage, tenant: string, from: number, to: number): Promise<RestartRow[]> {
  return storage.query<RestartRow>("read_restarts", { tenant, from, to });
}

/** Runtime classes of the instances of the named services. */
export function readRuntimes(storage: Storage, tenant: string, services: readonly string[]): Promise<RuntimeRow[]> {
  return storage.query<RuntimeRow>("read_runtimes", { tenant, services });
}

/** Which spans show a symptom; `slowNs` is what counts as slow. */
export interface OnsetQuery {
  readonly tenant: string;
  readonly service: string;
  readonly peer: string;
  readonly from: number;
  readonly to: number;
  readonly slowNs: number;
}

/** A symptom second by second, once as spans and once as access logs tell it. */
export function readOnsetSeconds(storage: Storage, query: OnsetQuery): Promise<OnsetSecondRow[]> {
  return storage.query<OnsetSecondRow>("read_onset_seconds", {
    tenant: query.tenant,
    service: query.service,
    peer: query.peer,
    from: query.from,
    to: query.to,
    slow_ns: query.slowNs,
  });
}
