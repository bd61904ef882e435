// Reads what the platform says of the candidates: resources, Kubernetes events, runtime classes.
// In: instance names and the windows. Out: the signs of platform-signs.ts and the runtime of each instance.
// Bounds: three bounded reads, from one minute before the fault; a runtime that is not a known class is UNKNOWN.
import { RUNTIME_CLASSES, type RuntimeClass } from "../../model/entity.ts";
import { BUCKET_SECONDS, type Windows } from "../../storage/buckets.ts";
import type { Storage } from "../../storage/client.ts";
import { readPlatformEvents, readResourceWindow, readRuntimes } from "../../storage/platform-signals.ts";
import type { PlatformSigns } from "./platform-signs.ts";

/** The platform's signs with the runtime of each instance by name. */
export interface Platform extends PlatformSigns {
  readonly runtimes: ReadonlyMap<string, RuntimeClass>;
}

/** An instance as named in storage. */
export interface InstanceName {
  readonly service: string;
  readonly instance: string;
}

const LOOK_BACK_SECONDS = 60;

/** Reads the platform's signs on some instances. */
export async function readPlatform(
  storage: Storage,
  tenant: string,
  windows: Windows,
  instances: readonly InstanceName[],
): Promise<Platform> {
  if (instances.length === 0) return { resources: [], events: [], runtimes: new Map() };
  const names = instances.map((i) => i.instance);
  const services = [...new Set(instances.map((i) => i.service))];
  const from = Math.min(...windows.fault) - LOOK_BACK_SECONDS;
  const to = Math.max(...windows.fault) + BUCKET_SECONDS;
  const [resources, events, runtimeRows] = await Promise.all([
    readResourceWindow(storage, tenant, names, windows),
    readPlatformEvents(storage, tenant, from, to),
    readRuntimes(storage, tenant, services),
  ]);
  const runtimes = new Map<string, RuntimeClass>();
  for (const row of runtimeRows) {
    const runtime = RUNTIME_CLASSES.find((known) => known === row.runtime.toUpperCase());
    runtimes.set(row.instance, runtime ?? "UNKNOWN");
  }
  return { resources, events, runtimes };
}
