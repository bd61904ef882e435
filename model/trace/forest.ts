// Parents turned around: children in order of start, and all nodes in the order in which a waterfall shows them.
// In: a parent index a node (no cycles) and its start. Out: children as slices of one array, preorder, depth.
// Bounds: linear after one sort; explicit stacks, so a chain of 50,000 is no deeper than a row of them.

/** Trees over nodes 0..n-1. Children of i are `children[first[i] .. first[i + 1])`, by start. */
export interface Forest {
  readonly parent: Int32Array;
  readonly roots: Int32Array;
  readonly first: Int32Array;
  readonly children: Int32Array;
  /** Nodes, each before its children. */
  readonly preorder: Int32Array;
  /** 0 for roots. */
  readonly depth: Int32Array;
}

/** Builds the trees; nodes that start together stay in the order of their numbers. */
export function growForest(parent: Int32Array, startNs: Float64Array): Forest {
  const count = parent.length;
  const byStart = orderByStart(startNs);
  const first = new Int32Array(count + 1);
  for (const up of parent) if (up >= 0) first[up + 1] = (first[up + 1] ?? 0) + 1;
  for (let i = 0; i < count; i++) first[i + 1] = (first[i + 1] ?? 0) + (first[i] ?? 0);
  const filled = first.slice();
  const children = new Int32Array(first[count] ?? 0);
  for (const node of byStart) {
    const up = parent[node] ?? -1;
    if (up < 0) continue;
    children[filled[up] ?? 0] = node;
    filled[up] = (filled[up] ?? 0) + 1;
  }
  const roots = byStart.filter((node) => (parent[node] ?? -1) < 0);
  const preorder = new Int32Array(count);
  const depth = new Int32Array(count);
  const stack = Array.from(roots).reverse();
  let length = 0;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    preorder[length++] = node;
    for (let k = (first[node + 1] ?? 0) - 1; k >= (first[node] ?? 0); k--) {
      const child = children[k] ?? 0;
      depth[child] = (depth[node] ?? 0) + 1;
      stack.push(child);
    }
  }
  return { parent, roots, first, children, preorder, depth };
}

/** The children of a node, by start. */
export function childrenOf(forest: Forest, node: number): Int32Array {
  return forest.children.subarray(forest.first[node] ?? 0, forest.first[node + 1] ?? 0);
}

/** Numbers of nodes by start; those that start together stay in the order of their numbers. */
export function orderByStart(startNs: Float64Array): Int32Array {
  const order = Int32Array.from(startNs, (_, i) => i);
  // Spans come by start: only a corrected clock puts them out of order.
  if (startNs.every((at, i) => i === 0 || at >= (startNs[i - 1] ?? 0))) return order;
  return order.sort((a, b) => (startNs[a] ?? 0) - (startNs[b] ?? 0) || a - b);
}
