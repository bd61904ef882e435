// What is drawn of a service graph: the places themselves, or groups of them when there are too many to read.
// In: the server's graph, what must stay visible, which groups are opened. Out: nodes and edges with labels and figures.
// How: by namespace, or by cluster where that divides better; unhealthy and blamed places always stand alone.
// Bounds: grouping starts above GROUP_ABOVE places; a figure that cannot be added up (a quantile) is null, not guessed.
import {
  type Entity,
  type EntityKind,
  type GraphEdge,
  type GraphNode,
  type Health,
  HEALTHS,
  type RedFigures,
} from "../api/types.ts";

/** More places than this are drawn in groups. */
export const GROUP_ABOVE = 150;
const ALONE_LIMIT = 40;

/** A box on the map: a place, or a group of places (then `members` are their ids and there are no figures). */
export interface ViewNode extends RedFigures {
  readonly id: string;
  readonly kind: EntityKind | "GROUP";
  readonly label: string;
  /** What tells this place from one of the same name; '' when nothing has to. */
  readonly detail: string;
  readonly entity: Entity | null;
  readonly members: readonly string[];
}
/** A line on the map: all calls between two boxes. */
export interface ViewEdge extends RedFigures {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly protocols: readonly string[];
  /** Ids of the server's edges in this line. */
  readonly origins: readonly string[];
}
/** What is drawn. `boxOf` gives the box of each place; `canGroup`: grouping is possible and useful here. */
export interface ViewGraph {
  readonly nodes: readonly ViewNode[];
  readonly edges: readonly ViewEdge[];
  readonly groupedBy: "namespace" | "cluster" | null;
  readonly canGroup: boolean;
  readonly boxOf: ReadonlyMap<string, string>;
}

/** How to draw: which places stand alone, which groups are open, and the words for names. */
export interface ViewOptions {
  readonly keep: ReadonlySet<string>;
  readonly open: readonly string[];
  readonly name: (entity: Entity) => string;
  readonly unnamedGroup: string;
}

/** The health of several together: the worst that was measured; without traffic only when none has any. */
export function joinHealth(healths: readonly Health[]): Health {
  const order: readonly Health[] = ["FAILING", "DEGRADED", "HEALTHY", "IDLE", "UNKNOWN"];
  return order.find((health) => healths.includes(health)) ?? "UNKNOWN";
}

/** Makes the boxes and lines of a graph. */
export function makeViewGraph(
  graph: { readonly nodes: readonly GraphNode[]; readonly edges: readonly GraphEdge[] },
  options: ViewOptions,
): ViewGraph {
  const by = graph.nodes.length > GROUP_ABOVE ? chooseGrouping(graph.nodes) : null;
  const isGrouped = by !== null && !options.open.includes("all");
  const boxOf = new Map<string, string>();
  const groups = new Map<string, GraphNode[]>();
  const alone = standAlone(graph.nodes, options.keep);
  const singles: GraphNode[] = [];
  for (const node of graph.nodes) {
    const group = isGrouped ? groupId(node.entity, by) : "";
    if (!isGrouped || alone.has(node.entity.id) || options.open.includes(group)) {
      boxOf.set(node.entity.id, node.entity.id);
      singles.push(node);
      continue;
    }
    boxOf.set(node.entity.id, group);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [node]);
    else members.push(node);
  }
  const labels = labelNodes(singles, options.name);
  const nodes: ViewNode[] = singles.map((node) => ({
    ...figuresOf(node),
    id: node.entity.id,
    kind: node.entity.kind,
    ...labels.get(node.entity.id)!,
    entity: node.entity,
    members: [],
  }));
  for (const [id, members] of groups) {
    const first = members[0]!.entity;
    nodes.push({
      id,
      kind: "GROUP",
      label: (by === "cluster" ? first.cluster : first.namespace) ?? options.unnamedGroup,
      detail: by === "namespace" && first.cluster !== null ? first.cluster : "",
      entity: null,
      members: members.map((member) => member.entity.id),
      requestsPerSecond: null,
      errorRatio: null,
      latencyP50Ms: null,
      latencyP99Ms: null,
      health: joinHealth(members.map((member) => member.health)),
    });
  }
  return {
    nodes,
    edges: joinEdges(graph.edges, boxOf),
    groupedBy: isGrouped ? by : null,
    canGroup: by !== null,
    boxOf,
  };
}

/** The group of a place. */
export function groupId(entity: Entity, by: "namespace" | "cluster"): string {
  return by === "cluster" ? `group:${entity.cluster ?? ""}` : `group:${entity.cluster ?? ""}/${entity.namespace ?? ""}`;
}

function chooseGrouping(nodes: readonly GraphNode[]): "namespace" | "cluster" | null {
  for (const by of ["namespace", "cluster"] as const) {
    const groups = new Set(nodes.map((node) => groupId(node.entity, by)));
    if (groups.size > 1 && groups.size <= GROUP_ABOVE) return by;
  }
  return null;
}

function standAlone(nodes: readonly GraphNode[], keep: ReadonlySet<string>): Set<string> {
  const unhealthy = nodes
    .filter((node) => node.health === "FAILING" || node.health === "DEGRADED")
    .toSorted(
      (a, b) =>
        HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health) ||
        (b.requestsPerSecond ?? 0) - (a.requestsPerSecond ?? 0),
    );
  return new Set([...keep, ...unhealthy.slice(0, ALONE_LIMIT).map((node) => node.entity.id)]);
}

function figuresOf(from: RedFigures): RedFigures {
  const { requestsPerSecond, errorRatio, latencyP50Ms, latencyP99Ms, health } = from;
  return { requestsPerSecond, errorRatio, latencyP50Ms, latencyP99Ms, health };
}

/** Names, and for names that occur twice what tells them apart. */
function labelNodes(
  nodes: readonly GraphNode[],
  name: (entity: Entity) => string,
): Map<string, { label: string; detail: string }> {
  const byName = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    const label = name(node.entity);
    const same = byName.get(label);
    if (same === undefined) byName.set(label, [node]);
    else same.push(node);
  }
  const out = new Map<string, { label: string; detail: string }>();
  for (const [label, same] of byName) {
    for (const { entity } of same) {
      let detail = "";
      if (same.length > 1) {
        const apart = (["namespace", "cluster", "operation"] as const).filter(
          (part) => new Set(same.map((node) => node.entity[part])).size > 1,
        );
        detail = apart.flatMap((part) => entity[part] ?? []).join(" · ");
      }
      out.set(entity.id, { label, detail });
    }
  }
  return out;
}

function joinEdges(edges: readonly GraphEdge[], boxOf: ReadonlyMap<string, string>): ViewEdge[] {
  const joined = new Map<string, { source: string; target: string; parts: GraphEdge[] }>();
  for (const edge of edges) {
    const source = boxOf.get(edge.source);
    const target = boxOf.get(edge.target);
    if (source === undefined || target === undefined) continue;
    if (source === target && edge.source !== edge.target) continue;
    const key = `${source}>${target}`;
    const known = joined.get(key);
    if (known === undefined) joined.set(key, { source, target, parts: [edge] });
    else known.parts.push(edge);
  }
  return [...joined].map(([id, { source, target, parts }]) => ({
    id,
    source,
    target,
    ...(parts.length === 1 ? figuresOf(parts[0]!) : addFigures(parts)),
    protocols: [...new Set(parts.map((part) => part.protocol).filter((protocol) => protocol !== ""))].toSorted(),
    origins: parts.map((part) => part.id),
  }));
}

/** Rates add up, error ratios are weighted by them; quantiles of several edges are not known. */
function addFigures(parts: readonly RedFigures[]): RedFigures {
  let rate = 0;
  let failed = 0;
  let judged = 0;
  for (const part of parts) {
    rate += part.requestsPerSecond ?? 0;
    if (part.errorRatio === null || part.requestsPerSecond === null) continue;
    judged += part.requestsPerSecond;
    failed += part.requestsPerSecond * part.errorRatio;
  }
  return {
    requestsPerSecond: parts.every((part) => part.requestsPerSecond === null) ? null : rate,
    errorRatio: judged === 0 ? null : failed / judged,
    latencyP50Ms: null,
    latencyP99Ms: null,
    health: joinHealth(parts.map((part) => part.health)),
  };
}
