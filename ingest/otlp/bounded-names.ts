// Names of one block that are judged before they are written: operations, peers, response flags.
// In: values as they were met, by number, and whose they are. Out: the number of what is written instead.
// A row costs a look-up by two integers; a value is judged once for each owner in a block.
// Bounds: an open hash table at most half full; the dictionaries are those of the block. `count` is that of what was met, so that where a block ends
// depends on what was sent alone and never on a limit, a route that was learned or a restart (Kafka chunks must end alike when read again).
import { StringDictionary } from "./dictionary.ts";

const FIRST_SLOTS = 1024;
/** A table that had to grow beyond this begins small again in the next block. */
const KEPT_SLOTS = 1 << 16;

/** Values as met and as written. */
export class BoundedNames {
  /** What was met. */
  readonly met: StringDictionary;
  /** What is written. */
  readonly names: StringDictionary;
  private owners = new Int32Array(FIRST_SLOTS);
  private values = new Int32Array(FIRST_SLOTS);
  private results = new Int32Array(FIRST_SLOTS);
  private used = 0;

  constructor(seed: number, initialBytes?: number) {
    this.met = new StringDictionary(seed, initialBytes);
    this.names = new StringDictionary(seed, initialBytes);
  }

  get count(): number {
    return this.met.count;
  }

  /** The number to write for value `met` of `owner` (a number above 0); -1 when it was not judged yet. */
  find(owner: number, met: number): number {
    const { owners, values } = this;
    const mask = owners.length - 1;
    for (let slot = slotOf(owner, met) & mask; owners[slot] !== 0; slot = (slot + 1) & mask) {
      if (owners[slot] === owner && values[slot] === met) return this.results[slot] ?? -1;
    }
    return -1;
  }

  /** Notes what is written for a value that `find` did not know; returns its number. */
  keep(owner: number, met: number, name: string): number {
    const result = this.names.internText(name);
    if (++this.used * 2 > this.owners.length) this.grow();
    this.put(owner, met, result);
    return result;
  }

  private put(owner: number, met: number, result: number): void {
    const mask = this.owners.length - 1;
    let slot = slotOf(owner, met) & mask;
    while (this.owners[slot] !== 0) slot = (slot + 1) & mask;
    this.owners[slot] = owner;
    this.values[slot] = met;
    this.results[slot] = result;
  }

  private grow(): void {
    const { owners, values, results } = this;
    this.owners = new Int32Array(owners.length * 2);
    this.values = new Int32Array(owners.length * 2);
    this.results = new Int32Array(owners.length * 2);
    for (let slot = 0; slot < owners.length; slot++) {
      const owner = owners[slot] ?? 0;
      if (owner !== 0) this.put(owner, values[slot] ?? 0, results[slot] ?? 0);
    }
  }

  private forget(): void {
    this.used = 0;
    if (this.owners.length <= KEPT_SLOTS) {
      this.owners.fill(0);
      return;
    }
    this.owners = new Int32Array(FIRST_SLOTS);
    this.values = new Int32Array(FIRST_SLOTS);
    this.results = new Int32Array(FIRST_SLOTS);
  }

  mark(): void {
    this.met.mark();
    this.names.mark();
  }

  rollback(): void {
    this.met.rollback();
    this.names.rollback();
    this.forget();
  }

  clear(): void {
    this.met.clear();
    this.names.clear();
    this.forget();
  }
}

function slotOf(owner: number, met: number): number {
  const hash = Math.imul(owner, 0x9e3779b1) ^ Math.imul(met, 0x85ebca6b);
  return hash ^ (hash >>> 15);
}
