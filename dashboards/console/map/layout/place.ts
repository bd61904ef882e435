// Gives every vertex its position along its layer.
// In: ordered layers, vertex sizes, weighted links, earlier positions. Out: one coordinate a vertex, none overlapping.
// How: each vertex wants the weighted mean of its neighbours; the nearest legal positions are an isotonic regression
// (pool adjacent violators), solved exactly for each layer and repeated down and up.
// Bounds: ROUNDS passes of O(vertices + links).

const ROUNDS = 10;
/** How strongly a vertex holds the place that it had when another wants the same room. */
const HOLD = 40;

/** A neighbour and how strongly it pulls (dummy chains pull hard, so that long edges run straight). */
export interface Pull {
  readonly vertex: number;
  readonly weight: number;
}

/** The closest positions to `wanted` that keep the order and the given distances (weighted least squares). */
export function separate(
  wanted: readonly number[],
  weights: readonly number[],
  distances: readonly number[],
): number[] {
  const offsets: number[] = [0];
  for (let i = 1; i < wanted.length; i++) offsets[i] = offsets[i - 1]! + distances[i - 1]!;
  const blocks: { mean: number; weight: number; length: number }[] = [];
  for (let i = 0; i < wanted.length; i++) {
    let block = { mean: wanted[i]! - offsets[i]!, weight: weights[i]!, length: 1 };
    while (blocks.length > 0 && blocks[blocks.length - 1]!.mean > block.mean) {
      const last = blocks.pop()!;
      const weight = last.weight + block.weight;
      block = {
        mean: (last.mean * last.weight + block.mean * block.weight) / weight,
        weight,
        length: last.length + block.length,
      };
    }
    blocks.push(block);
  }
  const out: number[] = [];
  for (const block of blocks) {
    for (let i = 0; i < block.length; i++) out.push(block.mean + offsets[out.length]!);
  }
  return out;
}

/** Positions along the layers, centred on the vertex; `extent` is the vertex's size along its layer. */
export function placeAlongLayers(input: {
  readonly layers: readonly (readonly number[])[];
  readonly extent: readonly number[];
  readonly gap: number;
  readonly up: readonly (readonly Pull[])[];
  readonly down: readonly (readonly Pull[])[];
  readonly before: readonly number[];
}): { position: number[]; operations: number } {
  const { layers, extent, before } = input;
  const position: number[] = [];
  const distances = layers.map((layer) =>
    layer.slice(1).map((vertex, i) => (extent[layer[i]!]! + extent[vertex]!) / 2 + input.gap),
  );
  layers.forEach((layer, r) => {
    const length = distances[r]!.reduce((sum, d) => sum + d, 0);
    let at = -length / 2;
    layer.forEach((vertex, i) => {
      if (i > 0) at += distances[r]![i - 1]!;
      position[vertex] = Number.isNaN(before[vertex]!) ? at : before[vertex]!;
    });
  });
  let operations = 0;
  const settle = (r: number, sides: readonly (readonly (readonly Pull[])[])[]): void => {
    const layer = layers[r]!;
    const weights: number[] = [];
    const wanted = layer.map((vertex) => {
      operations++;
      if (!Number.isNaN(before[vertex]!)) {
        weights.push(HOLD);
        return before[vertex]!;
      }
      let sum = 0;
      let weight = 0;
      for (const side of sides) {
        for (const pull of side[vertex]!) {
          sum += position[pull.vertex]! * pull.weight;
          weight += pull.weight;
          operations++;
        }
      }
      weights.push(weight === 0 ? 0.01 : weight);
      return weight === 0 ? position[vertex]! : sum / weight;
    });
    separate(wanted, weights, distances[r]!).forEach((value, i) => (position[layer[i]!] = value));
  };
  for (let round = 0; round < ROUNDS; round++) {
    const last = round >= ROUNDS - 2;
    const both = [input.up, input.down];
    for (let r = 0; r < layers.length; r++) settle(r, last ? both : [input.up]);
    for (let r = layers.length - 1; r >= 0; r--) settle(r, last ? both : [input.down]);
  }
  return { position, operations };
}
