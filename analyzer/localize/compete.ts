// Who competes with whom: places that explain the same part of a fault share its probability, others do not.
// In: weighed places and the calls between them. Out: the probability of each to be a root.
//   p(i) = e^w(i) / (e^elsewhere + e^w(i) + sum of overlap(i, j) e^w(j)): a softmax where all overlap, each place against "elsewhere"
//   where none do. Two places overlap when one fault could show at both: an edge and its ends, a caller and its callee, or any two
//   that one symptom leads to, unless each has an excess of its own: exclusive time and failures that begin at a place are disjoint
//   by construction, so two large ones are two roots.
// Bounds: pure; each place is compared with the MAX_RIVALS heaviest.
import { familyOf } from "./families.ts";
import type { Finding } from "./finding.ts";
import type { Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

/** A place with its summed weight, nats. */
export interface Weighed {
  readonly place: string;
  readonly findings: readonly Finding[];
  readonly weight: number;
}

/** The calls of a scene as competition needs them. */
export interface CallGraph {
  /** The service or virtual callees that a place stands for: itself, or both ends of an edge. */
  readonly ends: (place: string) => readonly string[];
  readonly isCall: (from: string, to: string) => boolean;
  /** A number for each part of the graph whose nodes are connected; null for a place outside the graph. */
  readonly partOf: (node: string) => number | null;
}

const MAX_RIVALS = 50;

/** The graph of a scene's calls. */
export function callGraphOf(scene: Scene): CallGraph {
  const calls = new Map<string, Set<string>>();
  const parent = new Map<string, string>();
  const rootOf = (node: string): string => {
    let root = node;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    // Paths stay short, so that many look-ups stay linear.
    for (let at = node; at !== root;) {
      const next = parent.get(at) ?? root;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  for (const key of scene.services.keys()) parent.set(key, key);
  for (const { from, to } of scene.edges.values()) {
    // What nobody knows of is one key for all who are not known: it connects nothing.
    if (from.startsWith("unknown|")) continue;
    const known = calls.get(from);
    if (known === undefined) calls.set(from, new Set([to]));
    else known.add(to);
    for (const node of [from, to]) if (!parent.has(node)) parent.set(node, node);
    parent.set(rootOf(from), rootOf(to));
  }
  const numbers = new Map<string, number>();
  return {
    ends: (place) => {
      const edge = scene.edges.get(place);
      return edge === undefined ? [place] : [edge.from, edge.to];
    },
    isCall: (from, to) => calls.get(from)?.has(to) === true,
    partOf: (node) => {
      if (!parent.has(node)) return null;
      const root = rootOf(node);
      const known = numbers.get(root);
      if (known !== undefined) return known;
      numbers.set(root, numbers.size);
      return numbers.size - 1;
    },
  };
}

/** True where the place's own traffic shows an excess: measured apart from what the places below it do. */
function hasOwnExcess({ findings }: Weighed): boolean {
  return findings.some((f) => familyOf(f.source) === "traffic" && f.excess > 0 && f.weight > 0);
}

/** True when one fault could show at both places. */
export function overlaps(a: Weighed, b: Weighed, graph: CallGraph | null): boolean {
  if (graph === null) return true;
  const [endsA, endsB] = [graph.ends(a.place), graph.ends(b.place)];
  const adjacent = endsA.some((x) => endsB.some((y) => x === y || graph.isCall(x, y) || graph.isCall(y, x)));
  if (adjacent) return true;
  if (hasOwnExcess(a) && hasOwnExcess(b)) return false;
  const partsA = endsA.map(graph.partOf);
  // A node or a link is outside the calls and may be behind anything.
  if (partsA.includes(null)) return true;
  const partsB = endsB.map(graph.partOf);
  return partsB.includes(null) || partsA.some((part) => partsB.includes(part));
}

/** The probability of each place to be a root, in the order given (heaviest first). */
export function probabilities(sorted: readonly Weighed[], graph: CallGraph | null): number[] {
  const rivals = sorted.slice(0, MAX_RIVALS);
  return sorted.map((one) => {
    const own = Math.exp(one.weight);
    const others = rivals.reduce(
      (sum, rival) => sum + (rival !== one && overlaps(one, rival, graph) ? Math.exp(rival.weight) : 0),
      0,
    );
    return own / (Math.exp(WEIGHTS.elsewhere) + own + others);
  });
}
