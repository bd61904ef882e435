// What was last seen of Kubernetes objects, and the workloads and platform events that they tell of.
// In: rows from ingest. Out: the last sight of named objects, for the comparison with the next.
// Bounds: reads name their objects, at most a few thousand at a time; writing a row again is harmless, the newest wins.
import { createHash } from "node:crypto";
import type { Storage } from "./client.ts";
import { wellFormed } from "./well-formed.ts";

/** The last sight of one object; times in unix ms, 0 where unknown. */
export interface KnownObject {
  /** cluster/kind/namespace/name, unique in a tenant. */
  readonly id: string;
  readonly uid: string;
  /** Null for kinds that have none. */
  readonly generation: number | null;
  readonly resourceVersion: number;
  readonly createdMs: number;
  readonly digest: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly isDeleted: boolean;
  readonly observedMs: number;
}

interface ObjectRow {
  readonly id: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: number;
  readonly createdMs: number;
  readonly digest: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly deleted: number;
  readonly observedMs: number;
}

/** One workload of the table `workloads`. */
export interface WorkloadRow {
  readonly Cluster: string;
  readonly Namespace: string;
  readonly Service: string;
  readonly Version: string;
  readonly Instance: string;
  readonly Node: string;
  readonly Kind: string;
  readonly Name: string;
  readonly Runtime: string;
  readonly Isolation: string;
  readonly Confidence: number;
  readonly Rule: string;
  readonly Attribute: string;
  readonly Gone: 0 | 1;
  /** Unix seconds. */
  readonly LastSeen: number;
}

/** One row of `platform_events`; `Id` is the same for the same event, whoever saw it. */
export interface PlatformEventRecord {
  readonly Id: string;
  /** RFC 3339. */
  readonly At: string;
  readonly Cluster: string;
  readonly Namespace: string;
  readonly Kind: string;
  readonly Name: string;
  readonly Node: string;
  readonly Severity: string;
  readonly Reason: string;
  readonly Message: string;
}

// 0 stands for "has none" in storage: a real generation begins with 1.
const NO_GENERATION = 0;

/** The last sights of the named objects that are known. */
export async function readKubernetesObjects(
  storage: Pick<Storage, "query">,
  tenant: string,
  ids: readonly string[],
): Promise<KnownObject[]> {
  if (ids.length === 0) return [];
  const rows = await storage.query<ObjectRow>("read_kubernetes_objects", { tenant, ids });
  return rows.map(({ deleted, generation, fields, ...row }) => ({
    ...row,
    generation: generation === NO_GENERATION ? null : generation,
    fields: new Map(Object.entries(fields)),
    isDeleted: deleted === 1,
  }));
}

/** The zones (label `topology.kubernetes.io/zone`) of a cluster's nodes, by name; without those whose zone is not known. */
export async function readNodeZones(
  storage: Pick<Storage, "query">,
  tenant: string,
  cluster: string,
  nodes: readonly string[],
): Promise<Map<string, string>> {
  const nameById = new Map(nodes.map((node) => [`${cluster}/Node//${node}`, node]));
  const known = await readKubernetesObjects(storage, tenant, [...nameById.keys()]);
  const zones = new Map<string, string>();
  for (const { id, fields, isDeleted } of known) {
    const [node, zone] = [nameById.get(id), fields.get("zone")];
    if (node !== undefined && zone !== undefined && !isDeleted) zones.set(node, zone);
  }
  return zones;
}

/** Stores sights; of one object the one with the highest resourceVersion wins. */
export async function writeKubernetesObjects(
  storage: Pick<Storage, "insertRows">,
  tenant: string,
  objects: readonly KnownObject[],
): Promise<void> {
  await storage.insertRows(
    "kubernetes_objects",
    objects.map((object) => ({
      Tenant: tenant,
      Id: object.id,
      Uid: object.uid,
      Generation: object.generation ?? NO_GENERATION,
      ResourceVersion: object.resourceVersion,
      CreatedMs: Math.max(0, object.createdMs),
      Digest: object.digest,
      Fields: Object.fromEntries([...object.fields].map(([path, value]) => [wellFormed(path), wellFormed(value)])),
      Deleted: object.isDeleted ? 1 : 0,
      ObservedAt: new Date(object.observedMs).toISOString(),
      // Objects outside a real cluster have no resourceVersion: there the later sight wins.
      Revision: 2 * (object.resourceVersion || Math.max(0, object.observedMs)) + (object.isDeleted ? 1 : 0),
    })),
  );
}

/** Stores workloads; the latest sight of one wins. */
export async function writeWorkloads(
  storage: Pick<Storage, "insertRows">,
  tenant: string,
  workloads: readonly WorkloadRow[],
): Promise<void> {
  await storage.insertRows(
    "workloads",
    workloads.map((workload) => ({ Tenant: tenant, ...workload })),
  );
}

/** Stores platform events; the same events in the same order are stored once. */
export async function writePlatformEvents(
  storage: Pick<Storage, "insertRows">,
  tenant: string,
  events: readonly PlatformEventRecord[],
): Promise<void> {
  const token = createHash("sha256").update([tenant, ...events.map((event) => event.Id)].join("\n"));
  await storage.insertRows(
    "platform_events",
    events.map((event) => ({ Tenant: tenant, ...event, Message: wellFormed(event.Message) })),
    token.digest("hex"),
  );
}
