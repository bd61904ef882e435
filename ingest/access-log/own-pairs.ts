// The pairs of a record that are the operator's own: no field of ours, to be kept as attributes.
// In: ranges of keys and values, in the payload or in the scratch column. Out: the same ranges, when the row is written.
// Bounds: MAX_OWN pairs a record; what is past that is counted in `dropped`.

const MAX_OWN = 128;
const SLOTS = 4;

/** Pairs of the record being read. */
export class OwnPairs {
  /** Key start, key length, value start, value length; a start below 0 is `-1 - n` in the scratch column. */
  private readonly ranges = new Int32Array(MAX_OWN * SLOTS);
  count = 0;
  dropped = 0;

  clear(): void {
    this.count = 0;
    this.dropped = 0;
  }

  add(
    keyStart: number,
    keyLength: number,
    keyIsScratch: boolean,
    valueStart: number,
    valueLength: number,
    valueIsScratch: boolean,
  ): void {
    if (this.count === MAX_OWN) {
      this.dropped++;
      return;
    }
    const at = this.count++ * SLOTS;
    this.ranges[at] = keyIsScratch ? -1 - keyStart : keyStart;
    this.ranges[at + 1] = keyLength;
    this.ranges[at + 2] = valueIsScratch ? -1 - valueStart : valueStart;
    this.ranges[at + 3] = valueLength;
  }

  keyStart(pair: number): number {
    return this.ranges[pair * SLOTS] ?? 0;
  }

  keyLength(pair: number): number {
    return this.ranges[pair * SLOTS + 1] ?? 0;
  }

  valueStart(pair: number): number {
    return this.ranges[pair * SLOTS + 2] ?? 0;
  }

  valueLength(pair: number): number {
    return this.ranges[pair * SLOTS + 3] ?? 0;
  }
}
