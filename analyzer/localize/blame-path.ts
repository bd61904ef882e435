// The blame path: from the symptom that users feel down to the cause, along edges that carry the fault.
// In: the scene, symptomatic places, the cause. Out: entities from the outermost symptom to the cause.
// Bounds: a shortest path over the scene's edges, in the size of the graph; just the cause when no symptom leads to it.
import { type Entity, makeEntity } from "../../model/entity.ts";
import type { Scene } from "./scene.ts";

/** The entity of a node key: the service, or the virtual callee. */
export function nodeEntity(scene: Scene, key: string): Entity {
  const service = scene.services.get(key);
  if (service !== undefined) return service.entity;
  for (const edge of scene.edges.values()) if (edge.to === key) return edge.target;
  const [, cluster = "", namespace = "", name = ""] = key.split("|");
  return makeEntity("UNKNOWN", { cluster, namespace, service: name });
}

function callersOf(scene: Scene): Map<string, string[]> {
  const callers = new Map<string, string[]>();
  for (const edge of scene.edges.values()) {
    if (!scene.services.has(edge.from)) continue;
    const known = callers.get(edge.to);
    if (known === undefined) callers.set(edge.to, [edge.from]);
    else known.push(edge.from);
  }
  return callers;
}

/** Services whose requests come from unknown callers (users) at least by half. */
function entryNodes(scene: Scene): Set<string> {
  const entries = new Set<string>();
  for (const edge of scene.edges.values()) {
    const requests = scene.services.get(edge.to)?.fault.requests ?? 0;
    const users = edge.from.startsWith("unknown|") ? edge.fault.calleeCalls : 0;
    if (users > 0 && users >= 0.5 * requests) entries.add(edge.to);
  }
  return entries;
}

/**
 * The shortest way from the symptoms down to `node` over symptomatic services: from a service that clients call when there
 * is one, else from the farthest caller. Node keys, outermost first.
 */
export function findBlamePath(scene: Scene, node: string, symptoms: ReadonlySet<string>): string[] {
  const callers = callersOf(scene);
  const entries = entryNodes(scene);
  const next = new Map<string, string>();
  const order = [node];
  for (const at of order) {
    for (const caller of callers.get(at) ?? []) {
      if (caller === node || next.has(caller) || !symptoms.has(caller)) continue;
      next.set(caller, at);
      order.push(caller);
    }
  }
  let at = order.find((key) => entries.has(key)) ?? order.at(-1)!;
  const path = [at];
  while (at !== node) {
    at = next.get(at)!;
    path.push(at);
  }
  return path;
}
