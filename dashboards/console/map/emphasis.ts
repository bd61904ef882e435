// What stands out on the map, and the words that are painted.
// In: a node and the emphasis. Out: whether it is dimmed, and how much it matters.
// Bounds: pure; the larger figure is painted later and gets its label first.
import type { BlamedPlaces } from "./blame.ts";
import type { SceneEdge, SceneNode } from "./scene.ts";
import type { ViewGraph } from "./view-graph.ts";

const NONE: ReadonlySet<string> = new Set();

/** What stands out. When `focus` is not null, everything outside it is dimmed. */
export interface Emphasis {
  readonly focus: { readonly nodes: ReadonlySet<string>; readonly edges: ReadonlySet<string> } | null;
  readonly blamed: ReadonlySet<string>;
  readonly cause: ReadonlySet<string>;
  readonly symptom: ReadonlySet<string>;
  readonly selected: string | null;
  readonly hovered: string | null;
}
/** Words that are painted. */
export interface MapWords {
  readonly figures: (node: SceneNode["node"]) => string;
  readonly edge: (edge: SceneEdge["edge"]) => string;
  readonly cause: string;
  readonly symptom: string;
}

/** Whether a box is outside what stands out. */
export function isDimmed(node: SceneNode, emphasis: Emphasis): boolean {
  const { id } = node.node;
  return (
    emphasis.focus !== null && !emphasis.focus.nodes.has(id) && id !== emphasis.hovered && id !== emphasis.selected
  );
}

/** How much a box matters. */
export function importance(node: SceneNode, emphasis: Emphasis): number {
  const { id, health } = node.node;
  let score = health === "FAILING" ? 3 : health === "DEGRADED" ? 2 : health === "IDLE" ? 0 : 1;
  if (emphasis.focus?.nodes.has(id) === true) score += 10;
  if (emphasis.symptom.has(id)) score += 5;
  if (emphasis.cause.has(id)) score += 20;
  if (id === emphasis.selected || id === emphasis.hovered) score += 40;
  return score;
}

/** What stands out: what a search found, else the chosen place with its neighbours, else the blame path. */
export function makeEmphasis(
  graph: ViewGraph,
  blamed: BlamedPlaces | null,
  found: ReadonlySet<string> | null,
  selected: string | null,
  hovered: string | null,
): Emphasis {
  const marks = {
    blamed: blamed?.edges ?? NONE,
    cause: blamed?.cause ?? NONE,
    symptom: blamed?.symptom ?? NONE,
    selected,
    hovered,
  };
  if (found !== null) return { ...marks, focus: { nodes: found, edges: NONE } };
  if (selected !== null) {
    const nodes = new Set([selected, ...(blamed?.nodes ?? [])]);
    const edges = new Set(blamed?.edges);
    for (const edge of graph.edges) {
      if (edge.source !== selected && edge.target !== selected) continue;
      nodes.add(edge.source).add(edge.target);
      edges.add(edge.id);
    }
    return { ...marks, focus: { nodes, edges } };
  }
  return { ...marks, focus: blamed === null ? null : { nodes: blamed.nodes, edges: blamed.edges } };
}

/** Where arrow keys start: the cause, else whoever fails, else the first place. */
export function startOf(graph: ViewGraph, blamed: BlamedPlaces | null): string | undefined {
  const [cause] = blamed?.cause ?? [];
  return cause ?? graph.nodes.find((node) => node.health === "FAILING")?.id ?? graph.nodes[0]?.id;
}
