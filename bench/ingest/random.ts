// Seeded randomness of the generator: the same seed gives the same corpus on every machine.
// In: a seed. Out: numbers, bytes and choices, always in the same order.
// Bounds: mulberry32, good enough to look like traffic and nothing more.

/** A source of repeatable chance. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Integer in [0, below). */
  below(below: number): number;
  /** True with that probability. */
  chance(probability: number): boolean;
  /** One of the items; the list must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** That many bytes, never all zero. */
  bytes(count: number): Uint8Array;
  /** That many hexadecimal digits. */
  hex(digits: number): string;
}

/** Makes a source from a seed. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function uint32(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  const next = (): number => uint32() / 2 ** 32;
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("nothing to choose from");
      return item;
    },
    bytes(count) {
      const bytes = new Uint8Array(count);
      for (let i = 0; i < count; i += 4) {
        const word = uint32() | 1;
        for (let j = i; j < count && j < i + 4; j++) bytes[j] = word >>> ((j - i) * 8);
      }
      return bytes;
    },
    hex(digits) {
      let text = "";
      while (text.length < digits) text += uint32().toString(16).padStart(8, "0");
      return text.slice(0, digits);
    },
  };
}
