// Turns ids and edges into a ranked directed graph without cycles.
// In: node ids and caller → callee pairs. Out: per node a rank, and per edge the way it points after cycles were cut.
// How: Tarjan's strongly connected components, feedback edges cut inside a component only, longest path for the rank.
// Bounds: every loop is iterative (a chain of 100,000 services does not overflow the stack); O(nodes + edges).

/** A directed edge between two node indexes; `reversed` when it closed a cycle and was turned round for ranking. */
export interface RankedEdge {
  readonly from: number;
  readonly to: number;
  readonly reversed: boolean;
  /** Index of the edge in the input. */
  readonly origin: number;
}

/** Ranks by node index (0 = entered from outside), and the acyclic edges. */
export interface Ranking {
  readonly ranks: number[];
  readonly edges: RankedEdge[];
  readonly operations: number;
}

function listBySource(count: number, edges: readonly (readonly [number, number])[]): number[][] {
  const lists: number[][] = Array.from({ length: count }, () => []);
  edges.forEach(([from], index) => lists[from]?.push(index));
  return lists;
}

/** Component number of every node (Tarjan, iterative); nodes of one cycle share a number. */
export function findComponents(count: number, edges: readonly (readonly [number, number])[]): number[] {
  const out = listBySource(count, edges);
  const index = Array.from<number>({ length: count }).fill(-1);
  const low = Array.from<number>({ length: count }).fill(0);
  const component = Array.from<number>({ length: count }).fill(-1);
  const stack: number[] = [];
  let next = 0;
  let components = 0;
  for (let start = 0; start < count; start++) {
    if (index[start] !== -1) continue;
    const work: { node: number; at: number }[] = [{ node: start, at: 0 }];
    while (work.length > 0) {
      const frame = work[work.length - 1]!;
      const { node } = frame;
      if (frame.at === 0) {
        index[node] = low[node] = next++;
        stack.push(node);
      }
      const list = out[node]!;
      let descended = false;
      while (frame.at < list.length) {
        const target = edges[list[frame.at++]!]![1];
        if (index[target] === -1) {
          // `at` counts the edge as done; the child's low value is folded in when the child is popped.
          work.push({ node: target, at: 0 });
          descended = true;
          break;
        }
        if (component[target] === -1) low[node] = Math.min(low[node]!, index[target]!);
      }
      if (descended) continue;
      if (low[node] === index[node]) {
        let member: number;
        do {
          member = stack.pop()!;
          component[member] = components;
        } while (member !== node);
        components++;
      }
      work.pop();
      const parent = work[work.length - 1];
      if (parent !== undefined) low[parent.node] = Math.min(low[parent.node]!, low[node]!);
    }
  }
  return component;
}

/** Marks the edges that close a cycle: back edges of a depth-first walk that starts where calls enter the cycle. */
function findFeedback(
  count: number,
  edges: readonly (readonly [number, number])[],
  component: readonly number[],
): boolean[] {
  const feedback = Array.from<boolean>({ length: edges.length }).fill(false);
  const entered = Array.from<number>({ length: count }).fill(0);
  const inner: (readonly [number, number])[] = [];
  const innerOrigin: number[] = [];
  edges.forEach((edge, i) => {
    const [from, to] = edge;
    if (component[from] === component[to]) {
      inner.push(edge);
      innerOrigin.push(i);
    } else {
      entered[to] = (entered[to] ?? 0) + 1;
    }
  });
  if (inner.length === 0) return feedback;
  const out = listBySource(count, inner);
  const state = new Uint8Array(count);
  const starts = [...new Set(inner.map(([from]) => from))].toSorted((a, b) => entered[b]! - entered[a]! || a - b);
  for (const start of starts) {
    if (state[start] !== 0) continue;
    const work: { node: number; at: number }[] = [{ node: start, at: 0 }];
    state[start] = 1;
    while (work.length > 0) {
      const frame = work[work.length - 1]!;
      const list = out[frame.node]!;
      if (frame.at >= list.length) {
        state[frame.node] = 2;
        work.pop();
        continue;
      }
      const at = list[frame.at++]!;
      const target = inner[at]![1];
      if (state[target] === 1) feedback[innerOrigin[at]!] = true;
      else if (state[target] === 0) {
        state[target] = 1;
        work.push({ node: target, at: 0 });
      }
    }
  }
  return feedback;
}

/**
 * Ranks a graph: the longest path from where calls enter; a node that nobody calls is pulled up to one rank
 * before its first callee. Self-calls and doubled pairs are left out.
 */
export function rankGraph(count: number, pairs: readonly (readonly [number, number])[]): Ranking {
  const seen = new Set<number>();
  const edges: (readonly [number, number])[] = [];
  const origin: number[] = [];
  pairs.forEach((pair, i) => {
    const [from, to] = pair;
    const key = from * count + to;
    if (from === to || seen.has(key)) return;
    seen.add(key);
    edges.push(pair);
    origin.push(i);
  });
  const feedback = findFeedback(count, edges, findComponents(count, edges));
  const acyclic: RankedEdge[] = edges.map(([from, to], i) =>
    feedback[i] === true
      ? { from: to, to: from, reversed: true, origin: origin[i]! }
      : { from, to, reversed: false, origin: origin[i]! },
  );
  // A turned feedback edge must not close a new cycle, so only the others rank; it then points down or is turned back.
  const ranking = acyclic.filter((edge) => !edge.reversed);
  const out = listBySource(
    count,
    ranking.map((edge) => [edge.from, edge.to] as const),
  );
  const waiting = Array.from<number>({ length: count }).fill(0);
  for (const edge of ranking) waiting[edge.to] = waiting[edge.to]! + 1;
  const callers = [...waiting];
  const ranks = Array.from<number>({ length: count }).fill(0);
  const queue: number[] = [];
  for (let node = 0; node < count; node++) if (waiting[node] === 0) queue.push(node);
  for (let head = 0; head < queue.length; head++) {
    const node = queue[head]!;
    for (const at of out[node]!) {
      const target = ranking[at]!.to;
      ranks[target] = Math.max(ranks[target]!, ranks[node]! + 1);
      waiting[target] = waiting[target]! - 1;
      if (waiting[target] === 0) queue.push(target);
    }
  }
  for (let node = 0; node < count; node++) {
    if (callers[node] !== 0 || out[node]!.length === 0) continue;
    let nearest = Infinity;
    for (const at of out[node]!) nearest = Math.min(nearest, ranks[ranking[at]!.to]!);
    ranks[node] = Math.max(0, nearest - 1);
  }
  return { ranks, edges: acyclic, operations: count * 2 + edges.length * 4 };
}
