// Which place an end of a stored edge is, at a level of detail.
// In: the parts of a row. Out: an entity of model/entity.ts, which names the node.
// Bounds: a part that is not known makes the place coarser, never invents one; unknown callers are one node, `clients`.
import { type Entity, type EntityKind, makeEntity, type RuntimeClass, RUNTIME_CLASSES } from "../model/entity.ts";
import type { GraphDetail, GraphEdgeRow, GraphEntityRow } from "../storage/graph-reads.ts";

/** Everybody who calls without telemetry of their own. */
export const CLIENTS: Entity = makeEntity("UNKNOWN", { service: "clients" });

/** The parts that a row tells about a place. */
export interface PlaceParts {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

/** A workload at a level; an unknown instance falls back to its version, an unknown version to its service. */
export function workload(detail: GraphDetail, parts: PlaceParts): Entity {
  return makeEntity(workloadKind(detail, parts), parts);
}

function workloadKind(detail: GraphDetail, parts: PlaceParts): EntityKind {
  if (detail === "INSTANCE" && parts.instance !== "") return "INSTANCE";
  if ((detail === "INSTANCE" || detail === "VERSION") && parts.version !== "") return "VERSION";
  return detail === "CLUSTER" || detail === "NAMESPACE" ? detail : "SERVICE";
}

const VIRTUAL_KINDS = {
  database: "DATABASE",
  messaging: "MESSAGING",
  external: "EXTERNAL",
} as const satisfies Record<string, EntityKind>;

// A queue or topic is one place for its producers and consumers, whatever namespaces these live in.
function virtual(kind: keyof typeof VIRTUAL_KINDS, parts: PlaceParts): Entity {
  const { cluster, service } = parts;
  const namespace = kind === "messaging" ? "" : parts.namespace;
  return makeEntity(VIRTUAL_KINDS[kind], { cluster, namespace, service });
}

/** The caller of an edge. */
export function callerOf(row: GraphEdgeRow, detail: GraphDetail): Entity {
  if (row.FromKind === "unknown") return CLIENTS;
  const parts: PlaceParts = {
    cluster: row.FromCluster,
    namespace: row.FromNamespace,
    service: row.FromService,
    version: row.FromVersion,
    instance: row.FromInstance,
  };
  return row.FromKind === "messaging" ? virtual("messaging", parts) : workload(detail, parts);
}

/** The callee of an edge. */
export function calleeOf(row: GraphEdgeRow, detail: GraphDetail): Entity {
  const parts: PlaceParts = {
    cluster: row.ToCluster,
    namespace: row.ToNamespace,
    service: row.ToService,
    version: row.ToVersion,
    instance: row.ToInstance,
  };
  return row.ToKind === "service" ? workload(detail, parts) : virtual(row.ToKind, parts);
}

function onlyClass(words: readonly string[]): RuntimeClass | null {
  const known = [...new Set(words)].filter((word) => word !== "" && word !== "UNKNOWN");
  return known.length === 1 ? (RUNTIME_CLASSES.find((name) => name === known[0]) ?? null) : null;
}

/** A known workload with its runtime; classes that differ among its instances are told at a finer level, not here. */
export function knownWorkload(row: GraphEntityRow, detail: GraphDetail): Entity {
  const parts: PlaceParts = {
    cluster: row.AtCluster,
    namespace: row.AtNamespace,
    service: row.AtService,
    version: row.AtVersion,
    instance: row.AtInstance,
  };
  const plain = workload(detail, parts);
  return {
    ...plain,
    node: plain.kind === "INSTANCE" && row.Nodes.length === 1 ? (row.Nodes[0] ?? "") : "",
    runtime: onlyClass(row.Runtimes) ?? "UNKNOWN",
    isolation: onlyClass(row.Isolations) ?? "",
  };
}
