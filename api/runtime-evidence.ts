// How the instances of a place run, with the rule and the attribute that decided.
// In: instances by telemetry, workloads by the cluster's objects, attributes of the newest spans (storage/runtimes.ts). Out: evidence a place.
// Rule (as known_instances has it): a class that telemetry names stands; "some pod" (RUNC, UNKNOWN) gives way to the pod's own object, else
// to the template of its version, else to the service's template without one. Where nothing runs by telemetry, the objects alone tell.
// Bounds: MAX_EVIDENCE a place, the most instances first; all places of one turn of the event loop are read together.
import { RUNTIME_CLASSES, type Entity, type RuntimeClass } from "../model/entity.ts";
import { resolveRuntime } from "../model/runtime.ts";
import type { Storage } from "../storage/client.ts";
import {
  readRuntimeAttributes,
  readRuntimeInstances,
  readRuntimeWorkloads,
  type RuntimeAttributesRow,
  type RuntimeInstanceRow,
  type RuntimePlace,
  type RuntimeWorkloadRow,
} from "../storage/runtimes.ts";

/** Who says how something runs. */
export const RUNTIME_ORIGINS = ["TELEMETRY", "KUBERNETES"] as const;
export type RuntimeOrigin = (typeof RUNTIME_ORIGINS)[number];

/** How some instances of a place run, and why that is known; rule, attribute and confidence are null where the spans are not kept any more. */
export interface RuntimeEvidence {
  readonly runtime: RuntimeClass;
  readonly isolation: RuntimeClass | null;
  readonly rule: string | null;
  readonly attribute: string | null;
  readonly confidence: number | null;
  readonly origin: RuntimeOrigin;
  /** Instances, or templates where no instance is known. */
  readonly count: number;
}

/** Evidence of one place; [] for what is no workload. */
export type ReadRuntimeEvidence = (place: Entity) => Promise<RuntimeEvidence[]>;

const MAX_EVIDENCE = 10;
const MAX_SERVICES = 2_000;
const WORKLOADS: ReadonlySet<string> = new Set(["SERVICE", "VERSION", "INSTANCE", "OPERATION"]);
/** What telemetry says of any pod. */
const WEAK: ReadonlySet<string> = new Set(["", "UNKNOWN", "RUNC"]);

/** Objects by service, and pods by where and how they are called; of several the first of the read counts. */
interface Workloads {
  readonly byService: ReadonlyMap<string, readonly RuntimeWorkloadRow[]>;
  readonly pods: ReadonlyMap<string, RuntimeWorkloadRow>;
}

interface Known {
  readonly instances: ReadonlyMap<string, readonly RuntimeInstanceRow[]>;
  readonly workloads: Workloads;
  readonly attributes: ReadonlyMap<string, RuntimeAttributesRow>;
}

/** A reader that asks for all places of a turn at once. */
export function batchRuntimeEvidence(storage: Storage, tenant: string): ReadRuntimeEvidence {
  let batch: { readonly services: Set<string>; readonly known: Promise<Known> } | null = null;
  return async (place) => {
    if (!WORKLOADS.has(place.kind)) return [];
    if (batch === null || (batch.services.size >= MAX_SERVICES && !batch.services.has(place.service))) {
      const services = new Set<string>();
      batch = {
        services,
        known: new Promise((resolve, reject) => {
          setImmediate(() => {
            if (batch?.services === services) batch = null;
            readKnown(storage, tenant, [...services]).then(resolve, reject);
          });
        }),
      };
    }
    batch.services.add(place.service);
    return evidenceOf(place, await batch.known);
  };
}

async function readKnown(storage: Storage, tenant: string, services: readonly string[]): Promise<Known> {
  const instances = await readRuntimeInstances(storage, tenant, services);
  const names = [...new Set(instances.map((row) => row.instance))];
  const rows = await readRuntimeWorkloads(storage, tenant, services, names);
  const workloads: Workloads = {
    byService: groupByService(rows),
    pods: new Map(
      rows
        .filter((row) => row.instance !== "")
        .map((row) => [podOf(row), row] as const)
        .toReversed(),
    ),
  };
  const asked = instances.filter((row) => deciding(row, workloads) === null);
  const attributes = await readRuntimeAttributes(storage, tenant, asked);
  return {
    instances: groupByService(instances),
    workloads,
    attributes: new Map(attributes.map((row) => [keyOf(row), row])),
  };
}

function groupByService<Row extends RuntimePlace>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.service);
    if (group === undefined) groups.set(row.service, [row]);
    else group.push(row);
  }
  return groups;
}

function keyOf({ cluster, namespace, service, version, instance }: RuntimePlace): string {
  return [cluster, namespace, service, version, instance].join("\0");
}

function podOf({ cluster, namespace, instance }: RuntimePlace): string {
  return [cluster, namespace, instance].join("\0");
}

/** The object that decides for an instance; null where its telemetry does. */
function deciding(row: RuntimeInstanceRow, { byService, pods }: Workloads): RuntimeWorkloadRow | null {
  if (!WEAK.has(row.runtime)) return null;
  const templates = (byService.get(row.service) ?? []).filter(
    (one) => one.instance === "" && one.cluster === row.cluster && one.namespace === row.namespace,
  );
  const found =
    (row.instance === "" ? undefined : pods.get(podOf(row))) ??
    templates.find((one) => one.version === row.version) ??
    templates.find((one) => one.version === "");
  return found === undefined || found.runtime === "" || found.runtime === "UNKNOWN" ? null : found;
}

// A part that the asked place does not carry (clusters may be merged) fits any.
function isOf(place: Entity, row: RuntimePlace): boolean {
  return (["cluster", "namespace", "version", "instance"] as const).every(
    (part) => place[part] === "" || place[part] === row[part],
  );
}

function evidenceOf(place: Entity, known: Known): RuntimeEvidence[] {
  const instances = (known.instances.get(place.service) ?? []).filter((row) => isOf(place, row));
  if (instances.length > 0) return counted(instances.map((row) => evidenceOfInstance(row, known)));
  const workloads = known.workloads.byService.get(place.service) ?? [];
  const own = workloads.filter((row) => isOf(place, row) && classOf(row.runtime) !== null);
  const pods = own.filter((row) => row.instance !== "");
  return counted((pods.length > 0 ? pods : own).map((row) => evidenceOfWorkload(row, row.isolation)));
}

function evidenceOfInstance(row: RuntimeInstanceRow, known: Known): RuntimeEvidence {
  const workload = deciding(row, known.workloads);
  if (workload !== null) return evidenceOfWorkload(workload, row.isolation || workload.isolation);
  const sent = known.attributes.get(keyOf(row));
  const verdict = sent === undefined ? null : resolveRuntime(new Map(Object.entries(sent.attributes)));
  // Another process of the same instance (its proxy) may carry other attributes than what was concluded from.
  const isSame = verdict !== null && verdict.runtime.value === (row.runtime || "UNKNOWN");
  return {
    runtime: classOf(row.runtime) ?? "UNKNOWN",
    isolation: classOf(row.isolation) ?? (isSame ? (verdict.isolation?.value ?? null) : null),
    rule: isSame ? verdict.runtime.rule : null,
    attribute: isSame ? verdict.runtime.attribute : null,
    confidence: isSame ? verdict.runtime.confidence : null,
    origin: "TELEMETRY",
    count: 1,
  };
}

function evidenceOfWorkload(row: RuntimeWorkloadRow, isolation: string): RuntimeEvidence {
  return {
    runtime: classOf(row.runtime) ?? "UNKNOWN",
    isolation: classOf(isolation),
    rule: row.rule,
    attribute: row.attribute,
    confidence: row.confidence,
    origin: "KUBERNETES",
    count: 1,
  };
}

function classOf(word: string): RuntimeClass | null {
  return RUNTIME_CLASSES.find((name) => name === word && name !== "UNKNOWN") ?? null;
}

function counted(all: readonly RuntimeEvidence[]): RuntimeEvidence[] {
  const groups = new Map<string, RuntimeEvidence>();
  for (const one of all) {
    const key = [one.runtime, one.isolation, one.rule, one.attribute, one.origin].join("\0");
    const before = groups.get(key);
    groups.set(key, before === undefined ? one : { ...before, count: before.count + 1 });
  }
  return [...groups.values()]
    .sort((a, b) => b.count - a.count || (b.confidence ?? 0) - (a.confidence ?? 0))
    .slice(0, MAX_EVIDENCE);
}
