// How workloads run, with what says so: telemetry, the cluster's own objects, and the attributes of the newest spans.
// In: a tenant and services. Out: plain rows; model/runtime.ts judges.
// Bounds: PER_SERVICE rows a service and source; attributes of spans of ATTRIBUTES_SECONDS before an instance was last heard of, at most
// ATTRIBUTES_MINUTES such stretches of time; five seconds a read.
import type { Storage } from "./client.ts";

/** A place that runs something; unknown parts are ''. */
export interface RuntimePlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

/** An instance as its telemetry says; `lastSeen` unix s. */
export interface RuntimeInstanceRow extends RuntimePlace {
  readonly runtime: string;
  readonly isolation: string;
  readonly lastSeen: number;
}

/** A pod (`instance` its name) or a template ('') as its own object says. */
export interface RuntimeWorkloadRow extends RuntimeInstanceRow {
  readonly confidence: number;
  readonly rule: string;
  readonly attribute: string;
}

/** What the newest span of an instance carried. */
export interface RuntimeAttributesRow extends RuntimePlace {
  readonly attributes: Readonly<Record<string, string>>;
}

const PER_SERVICE = 200;
const ATTRIBUTES_SECONDS = 10;
const ATTRIBUTES_MINUTES = 5;
const READ_SETTINGS = { max_execution_time: 5 } as const;

/** The instances of services by telemetry, newest first. */
export function readRuntimeInstances(
  storage: Storage,
  tenant: string,
  services: readonly string[],
): Promise<RuntimeInstanceRow[]> {
  const params = { tenant, services, per_service: PER_SERVICE };
  return storage.query<RuntimeInstanceRow>("runtime_instances", params, READ_SETTINGS);
}

/** The templates and pods of services, and the pods of these names, by the cluster's own objects: what is there before what is gone, the surest first. */
export function readRuntimeWorkloads(
  storage: Storage,
  tenant: string,
  services: readonly string[],
  instances: readonly string[],
): Promise<RuntimeWorkloadRow[]> {
  const params = { tenant, services, instances, per_service: PER_SERVICE };
  return storage.query<RuntimeWorkloadRow>("runtime_workloads", params, READ_SETTINGS);
}

/** What the newest spans of instances carried; instances that fell silent at many different times, or long ago, may be missing. */
export async function readRuntimeAttributes(
  storage: Storage,
  tenant: string,
  instances: readonly RuntimeInstanceRow[],
): Promise<RuntimeAttributesRow[]> {
  const byMinute = new Map<number, RuntimeInstanceRow[]>();
  for (const row of instances) {
    const minute = Math.floor(row.lastSeen / 60);
    byMinute.set(minute, [...(byMinute.get(minute) ?? []), row]);
  }
  const stretches = [...byMinute.values()].sort((a, b) => b.length - a.length).slice(0, ATTRIBUTES_MINUTES);
  const rows: RuntimeAttributesRow[] = [];
  for (const stretch of stretches) {
    const seen = stretch.map((row) => row.lastSeen);
    const found = await storage.query<RuntimeAttributesRow>(
      "runtime_attributes",
      {
        tenant,
        services: [...new Set(stretch.map((row) => row.service))],
        instances: [...new Set(stretch.map((row) => row.instance))],
        from: Math.max(0, Math.min(...seen) - ATTRIBUTES_SECONDS),
        to: Math.max(...seen) + 1,
      },
      READ_SETTINGS,
    );
    rows.push(...found);
  }
  return rows;
}
