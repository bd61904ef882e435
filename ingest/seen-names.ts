// Names that were seen lately, by hash, up to a limit.
// In: hashes of names, and turns of time. Out: whether a name is known or there is room for it.
// Bounds: `limit` names and the budgets' room; what was not seen between two turns is forgotten at the second, nothing else ever is.

/** Room that several sets share. */
export interface Budget {
  left: number;
}

/** A set of hashes of which those not seen for a window are forgotten. */
export class SeenNames {
  private now = new Set<number>();
  private before = new Set<number>();
  private readonly limit: number;
  private readonly budgets: readonly Budget[];

  constructor(limit: number, budgets: readonly Budget[]) {
    this.limit = limit;
    this.budgets = budgets;
  }

  /** True when the name is known or there is room for it. */
  admit(hash: number): boolean {
    if (this.now.has(hash)) return true;
    if (!this.before.delete(hash)) {
      if (this.now.size + this.before.size >= this.limit || this.budgets.some((budget) => budget.left <= 0))
        return false;
      for (const budget of this.budgets) budget.left--;
    }
    this.now.add(hash);
    return true;
  }

  turn(): void {
    for (const budget of this.budgets) budget.left += this.before.size;
    this.before = this.now;
    this.now = new Set();
  }

  get isEmpty(): boolean {
    return this.now.size === 0 && this.before.size === 0;
  }
}

/** A 31-bit hash of a text (murmur3's mixing over UTF-16 units); the seed keeps senders from choosing collisions. */
export function hashText(text: string, seed: number): number {
  let hash = seed ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const word = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    hash ^= Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 1;
}
