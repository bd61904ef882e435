// Finds a finding's places on the map that is drawn.
// In: places of a cause, at whatever level; the nodes and edges of the graph. Out: ids to light up.
// Bounds: a place finer than the map is its node's part (pricing v2 → pricing); one coarser lights all of its parts.
import type { Cause, Entity, GraphEdge, GraphNode } from "../api/types.ts";

/** What the blame path covers on a map. */
export interface BlamedPlaces {
  readonly nodes: ReadonlySet<string>;
  readonly edges: ReadonlySet<string>;
  readonly symptom: ReadonlySet<string>;
  readonly cause: ReadonlySet<string>;
}

const PARTS = ["cluster", "namespace", "service", "version", "instance", "node", "operation"] as const;
const VIRTUAL_KINDS = new Set<Entity["kind"]>(["DATABASE", "MESSAGING", "EXTERNAL"]);
const WIDE_KINDS = new Set<Entity["kind"]>(["CLUSTER", "NAMESPACE", "NODE"]);

/** Ids of the nodes that show a place; for an EDGE those of the caller, then those of the callee. */
export function locate(entity: Entity, nodes: readonly GraphNode[]): string[] {
  if (entity.kind === "EDGE" && entity.peer !== undefined && entity.peer !== null) {
    return [...locate({ ...entity, kind: "SERVICE", id: "", peer: null }, nodes), ...locate(entity.peer, nodes)];
  }
  const exact = nodes.find((node) => node.entity.id === entity.id);
  if (exact !== undefined) return [exact.entity.id];
  let best = 0;
  let found: string[] = [];
  for (const node of nodes) {
    const score = likeness(entity, node.entity);
    if (score === 0 || score < best) continue;
    if (score > best) found = [];
    best = score;
    found.push(node.entity.id);
  }
  return found;
}

/** How many parts of two places agree, names counting most; 0 when one contradicts or nothing is shared. */
function likeness(wanted: Entity, shown: Entity): number {
  // A place without a name is like nothing, unless it stands for a whole cluster, namespace or machine.
  if (wanted.service === null && !WIDE_KINDS.has(wanted.kind)) return 0;
  if (shown.service === null && !WIDE_KINDS.has(shown.kind)) return 0;
  let score = 0;
  for (const part of PARTS) {
    const [a, b] = [wanted[part], shown[part]];
    if (a === null || b === null) continue;
    if (a !== b) return 0;
    score += part === "cluster" || part === "namespace" ? 1 : 4;
  }
  if (score > 1 && VIRTUAL_KINDS.has(wanted.kind) !== VIRTUAL_KINDS.has(shown.kind)) score -= 1;
  return score;
}

/** The nodes and edges of the way from the symptom to the cause. */
export function findBlamed(
  cause: Pick<Cause, "entity" | "blamePath">,
  nodes: readonly GraphNode[],
  edges: readonly Pick<GraphEdge, "id" | "source" | "target">[],
): BlamedPlaces {
  const path = cause.blamePath.length > 0 ? cause.blamePath : [cause.entity];
  const steps = path.map((entity) => locate(entity, nodes)).filter((ids) => ids.length > 0);
  const atCause = locate(cause.entity, nodes);
  const found = new Set([...steps.flat(), ...atCause]);
  const joined = new Set<string>();
  const join = (a: readonly string[], b: readonly string[]): void => {
    for (const edge of edges) {
      const isForward = a.includes(edge.source) && b.includes(edge.target);
      const isBackward = b.includes(edge.source) && a.includes(edge.target);
      if (isForward || (isBackward && edge.source !== edge.target)) joined.add(edge.id);
    }
  };
  steps.forEach((step, i) => {
    if (i > 0) join(steps[i - 1]!, step);
  });
  if (cause.entity.kind === "EDGE" && atCause.length > 1) join(atCause.slice(0, 1), atCause.slice(1));
  return { nodes: found, edges: joined, symptom: new Set(steps[0] ?? []), cause: new Set(atCause) };
}
