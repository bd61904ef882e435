// A place in the mesh: who called, who answered, who is to blame.
// In: resource identity found at ingest. Out: the value that every table, finding and API field names a place by.
// Bounds: a part that does not apply or is not known is '' (storage) and null (API); the id is stable and readable.

/** What sort of place an entity is; the same words as `EntityKind` of the GraphQL contract. */
export const ENTITY_KINDS = [
  "CLUSTER",
  "NAMESPACE",
  "SERVICE",
  "VERSION",
  "INSTANCE",
  "NODE",
  "OPERATION",
  "EDGE",
  "DATABASE",
  "MESSAGING",
  "EXTERNAL",
  "UNKNOWN",
] as const;
export type EntityKind = (typeof ENTITY_KINDS)[number];

/** How a workload runs; the same words as `RuntimeClass` of the GraphQL contract. */
export const RUNTIME_CLASSES = [
  "RUNC",
  "KATA",
  "GVISOR",
  "KUBEVIRT",
  "VM",
  "UNIKERNEL",
  "LIBRARY_OS",
  "FAAS",
  "UNKNOWN",
] as const;
export type RuntimeClass = (typeof RUNTIME_CLASSES)[number];

/** A place. Unknown parts are ''. For an EDGE the fields name the caller and `peer` the callee. */
export interface Entity {
  readonly kind: EntityKind;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly node: string;
  readonly operation: string;
  readonly runtime: RuntimeClass;
  readonly isolation: RuntimeClass | "";
  readonly peer?: Entity;
}

/** Builds an entity from the parts that are known. */
export function makeEntity(kind: EntityKind, parts: Partial<Omit<Entity, "kind">> = {}): Entity {
  return {
    kind,
    cluster: parts.cluster ?? "",
    namespace: parts.namespace ?? "",
    service: parts.service ?? "",
    version: parts.version ?? "",
    instance: parts.instance ?? "",
    node: parts.node ?? "",
    operation: parts.operation ?? "",
    runtime: parts.runtime ?? "UNKNOWN",
    isolation: parts.isolation ?? "",
    ...(parts.peer === undefined ? {} : { peer: parts.peer }),
  };
}

const ID_PARTS = ["cluster", "namespace", "service", "version", "instance", "node", "operation"] as const;

/**
 * The stable id of a place: `kind:cluster/namespace/service/version/instance/node/operation`, each part
 * percent-encoded, trailing empty parts dropped; an EDGE is `edge:(caller)>(callee)`. Runtime is not part of identity.
 */
export function entityId(entity: Entity): string {
  const parts = ID_PARTS.map((part) => encodeURIComponent(entity[part]));
  while (parts.length > 0 && parts.at(-1) === "") parts.pop();
  const own = `${entity.kind.toLowerCase()}:${parts.join("/")}`;
  return entity.peer === undefined ? own : `${own}>${entityId(entity.peer)}`;
}

/** Reads an id that `entityId` wrote; null when it is not one. */
export function parseEntityId(id: string): Entity | null {
  const cut = id.indexOf(">");
  const own = cut < 0 ? id : id.slice(0, cut);
  const colon = own.indexOf(":");
  const kind = ENTITY_KINDS.find((k) => k.toLowerCase() === own.slice(0, colon));
  if (kind === undefined) return null;
  const parts = own.slice(colon + 1).split("/");
  if (parts.length > ID_PARTS.length) return null;
  const fields: Record<string, string> = {};
  try {
    ID_PARTS.forEach((part, i) => (fields[part] = decodeURIComponent(parts[i] ?? "")));
  } catch {
    return null;
  }
  if (cut < 0) return makeEntity(kind, fields);
  const peer = parseEntityId(id.slice(cut + 1));
  return peer === null ? null : makeEntity(kind, { ...fields, peer });
}

/** How people name the place in one phrase, such as `pricing v2` or `frontend → catalog`. */
export function entityName(entity: Entity): string {
  if (entity.kind === "EDGE" && entity.peer?.kind === "CLUSTER") {
    return `the link between ${entity.cluster} and ${entity.peer.cluster}`;
  }
  const service = entity.service === "" ? entity.kind.toLowerCase() : entity.service;
  const callee = entity.peer === undefined ? "?" : entityName({ ...entity.peer, kind: "SERVICE" });
  const names: Partial<Record<EntityKind, string>> = {
    EDGE: `${service} → ${callee}`,
    VERSION: `${service} ${entity.version}`,
    INSTANCE: `${service} instance ${entity.instance}`,
    OPERATION: `${service} ${entity.operation}`,
    NODE: `node ${entity.node}`,
    CLUSTER: `cluster ${entity.cluster}`,
    NAMESPACE: `namespace ${entity.namespace}`,
  };
  return names[entity.kind] ?? service;
}
