// How people name a place.
// In: an entity and the words of a language. Out: a short phrase such as `pricing v2` or `frontend → catalog`.
// Bounds: an unknown part is left out; never the raw id while any part is known.
import type { Entity } from "../api/types.ts";
import { type Catalogue, fillText } from "./catalogue.ts";

/** The place in one phrase. */
export function nameOf(entity: Entity, words: Catalogue): string {
  const service = entity.service ?? "";
  switch (entity.kind) {
    case "EDGE": {
      const caller = nameOf({ ...entity, kind: endKind(entity), peer: null }, words);
      const callee = entity.peer === undefined || entity.peer === null ? "?" : nameOf(entity.peer, words);
      return `${caller} → ${callee}`;
    }
    case "VERSION":
      return [service, entity.version ?? ""].filter((part) => part !== "").join(" ");
    case "INSTANCE":
      if (entity.instance === null) return service;
      return fillText(words["name.instance"], { service, instance: entity.instance });
    case "OPERATION":
      return [service, entity.operation ?? ""].filter((part) => part !== "").join(" ");
    case "NODE":
      return fillText(words["name.node"], { node: entity.node ?? "?" });
    case "CLUSTER":
      return entity.cluster === null
        ? words["name.unknown"]
        : fillText(words["name.cluster"], { cluster: entity.cluster });
    case "NAMESPACE":
      return entity.namespace === null
        ? words["name.unknown"]
        : fillText(words["name.namespace"], { namespace: entity.namespace });
    case "SERVICE":
    case "DATABASE":
    case "MESSAGING":
    case "EXTERNAL":
    case "UNKNOWN":
      return service === "" ? words["name.unknown"] : service;
  }
}

/** The caller of an edge has the finest kind that its parts tell; a cluster link has only a cluster. */
function endKind(edge: Entity): Entity["kind"] {
  if (edge.instance !== null) return "INSTANCE";
  if (edge.version !== null) return "VERSION";
  if (edge.service !== null) return "SERVICE";
  if (edge.namespace !== null) return "NAMESPACE";
  return "CLUSTER";
}
