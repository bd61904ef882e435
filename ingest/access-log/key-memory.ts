// Which field a key names, found by its bytes: senders write the same keys in the same order.
// In: a range of bytes. Out: the field's number, -1 when the key is the operator's own.
// Bounds: at most MAX_KEYS keys are remembered, then all are forgotten; seeded, as every hash table of the writer.
import { IndexColumn } from "../otlp/columns.ts";
import { StringDictionary } from "../otlp/dictionary.ts";
import { fieldOfKey, LONGEST_KEY } from "./field-names.ts";

const MAX_KEYS = 4096;

/** Keys that this block has met. */
export class KeyMemory {
  private readonly keys: StringDictionary;
  /** Field of a key, one up. */
  private readonly fields = new IndexColumn(128);
  /** Which key followed which the last time. */
  private readonly following = new Uint32Array(MAX_KEYS + 1);
  private last = 0;

  constructor(seed: number) {
    this.keys = new StringDictionary(seed);
    this.keys.onNew = (_index, source, from, length) => {
      const name = length <= LONGEST_KEY ? Buffer.from(source.buffer, source.byteOffset + from, length) : null;
      this.fields.push(name === null ? 0 : fieldOfKey(name.toString("latin1")) + 1);
    };
  }

  /** The field of the key in `source[from..from+length)`; -1 when it is none. */
  fieldAt(source: Uint8Array, view: DataView, from: number, length: number): number {
    const { keys } = this;
    let key = this.following[this.last] ?? 0;
    if (key >= keys.count || !keys.is(key, source, view, from, length)) {
      if (keys.count >= MAX_KEYS) this.clear();
      key = keys.intern(source, view, from, length);
      this.following[this.last] = key;
    }
    this.last = key;
    return (this.fields.values[key] ?? 0) - 1;
  }

  private clear(): void {
    this.keys.clear();
    this.fields.clear();
    this.following.fill(0);
    this.last = 0;
  }
}
