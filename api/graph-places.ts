// Which place an end of a stored edge is, at a level of detail; each place is made once a graph and kept by what its rows say.
// In: the parts of a row. Out: places, each with an entity of model/entity.ts and its id.
// Bounds: a part that is not known makes the place coarser, never invents one; unknown callers are one node, `clients`.
import {
  type Entity,
  entityId,
  type EntityKind,
  makeEntity,
  type RuntimeClass,
  RUNTIME_CLASSES,
} from "../model/entity.ts";
import type { GraphDetail, GraphEdgeRow, GraphEntityRow, GraphNodeRow } from "../storage/graph-reads.ts";

/** Everybody who calls without telemetry of their own. */
export const CLIENTS: Entity = makeEntity("UNKNOWN", { service: "clients" });

/** A node in the making; `bareId` leaves out the node an instance runs on, which rows of edges do not tell. */
export interface Place {
  readonly entity: Entity;
  readonly id: string;
  readonly bareId: string;
}

type AtParts = Pick<GraphNodeRow, "AtCluster" | "AtNamespace" | "AtService" | "AtVersion" | "AtInstance">;
type FromParts = Pick<
  GraphEdgeRow,
  "FromKind" | "FromCluster" | "FromNamespace" | "FromService" | "FromVersion" | "FromInstance"
>;

/** The places of one graph, in the order in which they were met. */
export interface Places {
  known(row: GraphEntityRow): Place;
  at(row: AtParts): Place;
  caller(row: FromParts): Place;
  callee(row: GraphEdgeRow): Place;
}

type StoredKind = GraphEdgeRow["FromKind"] | GraphEdgeRow["ToKind"];

const VIRTUAL_KINDS = {
  database: "DATABASE",
  messaging: "MESSAGING",
  external: "EXTERNAL",
} as const satisfies Record<string, EntityKind>;

interface PlaceParts {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
}

interface MetPlace extends PlaceParts {
  readonly kind: StoredKind;
  readonly place: Place;
}

// An unknown instance falls back to its version, an unknown version to its service.
function workloadKind(detail: GraphDetail, parts: PlaceParts): EntityKind {
  if (detail === "INSTANCE" && parts.instance !== "") return "INSTANCE";
  if ((detail === "INSTANCE" || detail === "VERSION") && parts.version !== "") return "VERSION";
  return detail === "CLUSTER" || detail === "NAMESPACE" ? detail : "SERVICE";
}

function entityOf(kind: StoredKind, detail: GraphDetail, parts: PlaceParts): Entity {
  if (kind === "service") return makeEntity(workloadKind(detail, parts), parts);
  const { cluster, namespace, service } = parts;
  if (kind === "unknown") return makeEntity("UNKNOWN", { cluster, namespace, service: service || "unknown" });
  // A queue or topic is one place for its producers and consumers, whatever namespaces these live in.
  return makeEntity(VIRTUAL_KINDS[kind], { cluster, namespace: kind === "messaging" ? "" : namespace, service });
}

function onlyClass(words: readonly string[]): RuntimeClass | null {
  const known = [...new Set(words)].filter((word) => word !== "" && word !== "UNKNOWN");
  return known.length === 1 ? (RUNTIME_CLASSES.find((name) => name === known[0]) ?? null) : null;
}

function makePlace(entity: Entity): Place {
  const id = entityId(entity);
  return { entity, id, bareId: entity.node === "" ? id : entityId({ ...entity, node: "" }) };
}

/** Starts with no places. Known workloads come first: they tell runtimes and nodes, which the ids of instances carry. */
export function createPlaces(detail: GraphDetail): Places {
  // Rows repeat their places often: raw parts find a place without building its id, or any text, again.
  const met = new Map<string, MetPlace[]>();
  const byBareId = new Map<string, Place>();
  const keep = (place: Place): Place => {
    const known = byBareId.get(place.bareId);
    if (known !== undefined) return known;
    byBareId.set(place.bareId, place);
    return place;
  };
  const find = (
    kind: StoredKind,
    cluster: string,
    namespace: string,
    service: string,
    version: string,
    instance: string,
  ): Place => {
    const name = instance === "" ? service : instance;
    let namesakes = met.get(name);
    if (namesakes === undefined) met.set(name, (namesakes = []));
    const known = namesakes.find(
      (one) =>
        one.service === service &&
        one.namespace === namespace &&
        one.cluster === cluster &&
        one.kind === kind &&
        one.version === version &&
        one.instance === instance,
    );
    if (known !== undefined) return known.place;
    const parts = { cluster, namespace, service, version, instance };
    const place = keep(makePlace(entityOf(kind, detail, parts)));
    namesakes.push({ ...parts, kind, place });
    return place;
  };
  const clients = makePlace(CLIENTS);
  return {
    known(row) {
      const { AtCluster, AtNamespace, AtService, AtVersion, AtInstance } = row;
      const parts: PlaceParts = {
        cluster: AtCluster,
        namespace: AtNamespace,
        service: AtService,
        version: AtVersion,
        instance: AtInstance,
      };
      const plain = entityOf("service", detail, parts);
      return keep(
        makePlace({
          ...plain,
          node: plain.kind === "INSTANCE" && row.Nodes.length === 1 ? (row.Nodes[0] ?? "") : "",
          runtime: onlyClass(row.Runtimes) ?? "UNKNOWN",
          isolation: onlyClass(row.Isolations) ?? "",
        }),
      );
    },
    at: (row) => find("service", row.AtCluster, row.AtNamespace, row.AtService, row.AtVersion, row.AtInstance),
    caller(row) {
      if (row.FromKind === "unknown" && row.FromService === "") return keep(clients);
      return find(row.FromKind, row.FromCluster, row.FromNamespace, row.FromService, row.FromVersion, row.FromInstance);
    },
    callee: (row) => find(row.ToKind, row.ToCluster, row.ToNamespace, row.ToService, row.ToVersion, row.ToInstance),
  };
}

/** An operation of a place. */
export function operationOf(service: Place, operation: string): Entity {
  return { ...service.entity, kind: "OPERATION", operation };
}
