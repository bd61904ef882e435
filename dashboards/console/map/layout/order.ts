// Orders the vertices of each layer so that few edges cross.
// In: layers of vertices, links between neighbouring layers, and where vertices stood before. Out: the layers, ordered.
// How: barycentre sweeps down and up, the best order kept; vertices that stood somewhere before keep their relative order.
// Bounds: SWEEPS passes, each O(vertices log vertices + links); crossings are counted with a Fenwick tree.

const SWEEPS = 8;
/** Up to this many vertices (nodes and bends), several starts are tried and neighbours swapped. */
const SMALL = 240;

/** Vertices by layer with their links; `before` is the earlier cross position, NaN for a new vertex. */
export interface Layers {
  readonly layers: number[][];
  readonly up: readonly (readonly number[])[];
  readonly down: readonly (readonly number[])[];
  readonly before: readonly number[];
}

/** Counts edge crossings between neighbouring layers; links that skip a layer are not counted. */
export function countCrossings(layers: readonly (readonly number[])[], down: readonly (readonly number[])[]): number {
  let crossings = 0;
  const position: number[] = [];
  const home: number[] = [];
  layers.forEach((layer, r) => {
    layer.forEach((vertex, i) => {
      position[vertex] = i;
      home[vertex] = r;
    });
  });
  for (let r = 0; r + 1 < layers.length; r++) {
    const size = layers[r + 1]!.length;
    const tree = Array.from<number>({ length: size + 1 }).fill(0);
    let inserted = 0;
    for (const vertex of layers[r]!) {
      const near = down[vertex]!.filter((target) => home[target] === r + 1);
      const targets = near.map((target) => position[target]!).toSorted((a, b) => a - b);
      for (const target of targets) {
        let notAfter = 0;
        for (let i = target + 1; i > 0; i -= i & -i) notAfter += tree[i]!;
        crossings += inserted - notAfter;
      }
      for (const target of targets) {
        inserted++;
        for (let i = target + 1; i <= size; i += i & -i) tree[i] = tree[i]! + 1;
      }
    }
  }
  return crossings;
}

function mean(values: readonly number[], keys: readonly number[]): number {
  let sum = 0;
  let n = 0;
  for (const value of values) {
    const key = keys[value];
    if (key === undefined || Number.isNaN(key)) continue;
    sum += key;
    n++;
  }
  return n === 0 ? NaN : sum / n;
}

/** Orders layers where most vertices stood somewhere before: they stay, new ones go beside their neighbours. */
function orderAroundBefore(input: Layers): { layers: number[][]; operations: number } {
  const keys = [...input.before];
  let operations = 0;
  for (let pass = 0; pass < 4; pass++) {
    for (const layer of input.layers) {
      for (const vertex of layer) {
        if (!Number.isNaN(input.before[vertex]!)) continue;
        const beside = mean([...input.up[vertex]!, ...input.down[vertex]!], keys);
        if (!Number.isNaN(beside)) keys[vertex] = beside;
        operations += input.up[vertex]!.length + input.down[vertex]!.length;
      }
    }
  }
  const end = Number.MAX_SAFE_INTEGER;
  const key = (vertex: number): number => (Number.isNaN(keys[vertex]!) ? end : keys[vertex]!);
  const layers = input.layers.map((layer) => layer.toSorted((a, b) => key(a) - key(b) || a - b));
  return { layers, operations };
}

function orderFresh(input: Layers): { layers: number[][]; operations: number } {
  const total = input.layers.reduce((sum, layer) => sum + layer.length, 0);
  // A local optimum depends on the start; a small map is cheap enough for several starts.
  const starts = total > SMALL ? [input.layers] : [input.layers, input.layers.map((layer) => layer.toReversed())];
  let best: number[][] = [];
  let fewest = Infinity;
  let operations = 0;
  for (const start of starts) {
    for (const downFirst of total > SMALL ? [true] : [true, false]) {
      const swept = sweepLayers(start, input, downFirst);
      operations += swept.operations;
      if (total <= SMALL) operations += swapNeighbours(swept.layers, input);
      const crossings = countCrossings(swept.layers, input.down);
      if (crossings < fewest) {
        fewest = crossings;
        best = swept.layers;
      }
    }
  }
  return { layers: best, operations };
}

function sweepLayers(
  start: readonly number[][],
  input: Layers,
  downFirst: boolean,
): { layers: number[][]; operations: number } {
  const layers = start.map((layer) => [...layer]);
  const position: number[] = [];
  const settle = (layer: readonly number[]): void => layer.forEach((vertex, i) => (position[vertex] = i));
  layers.forEach(settle);
  let best = layers.map((layer) => [...layer]);
  let fewest = countCrossings(layers, input.down);
  let operations = 0;
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const downward = (sweep % 2 === 0) === downFirst;
    const links = downward ? input.up : input.down;
    const walk = downward ? [...layers.keys()] : [...layers.keys()].toReversed();
    for (const r of walk) {
      const layer = layers[r]!;
      const wanted = new Map<number, number>();
      layer.forEach((vertex, i) => {
        const beside = mean(links[vertex]!, position);
        wanted.set(vertex, Number.isNaN(beside) ? i : beside);
        operations += 1 + links[vertex]!.length;
      });
      // A stable sort keeps ties as they were; the later sweeps turn ties round to leave local optima.
      const tied = sweep >= SWEEPS / 2 ? layer.toReversed() : layer;
      const ordered = tied.toSorted((a, b) => wanted.get(a)! - wanted.get(b)!);
      layers[r] = ordered;
      settle(ordered);
    }
    const crossings = countCrossings(layers, input.down);
    if (crossings < fewest) {
      fewest = crossings;
      best = layers.map((layer) => [...layer]);
    }
  }
  return { layers: best, operations };
}

/** Swaps neighbours in place while that removes crossings. */
function swapNeighbours(layers: number[][], input: Layers): number {
  let operations = 0;
  let fewest = countCrossings(layers, input.down);
  for (let round = 0; round < 4 && fewest > 0; round++) {
    let improved = false;
    for (let r = 0; r < layers.length; r++) {
      const layer = layers[r]!;
      const near = layers.slice(Math.max(0, r - 1), r + 2);
      for (let i = 0; i + 1 < layer.length; i++) {
        const here = countCrossings(near, input.down);
        [layer[i], layer[i + 1]] = [layer[i + 1]!, layer[i]!];
        operations += near.length;
        const after = countCrossings(near, input.down);
        if (after < here) {
          fewest -= here - after;
          improved = true;
        } else {
          [layer[i], layer[i + 1]] = [layer[i + 1]!, layer[i]!];
        }
      }
    }
    if (!improved) break;
  }
  return operations;
}

/** Orders every layer; `operations` counts the vertices and links visited. */
export function orderLayers(input: Layers): { layers: number[][]; operations: number } {
  const stood = input.before.some((key) => !Number.isNaN(key));
  return stood ? orderAroundBefore(input) : orderFresh(input);
}
