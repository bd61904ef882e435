// The dictionary of a LowCardinality column: distinct values of one block, numbered as they came.
// In: bytes of a payload, by position. Out: numbers; the values in the layout of ClickHouse strings.
// Bounds: an open hash table at most half full, seeded; `rollback` takes back the values that a refused payload brought.
import { ByteColumn } from "./columns.ts";

/** The distinct values of a LowCardinality column in one block, numbered as they came. */
export class StringDictionary {
  count = 0;
  /** The values as ClickHouse strings, one behind the other. */
  readonly keys: ByteColumn;
  // Signed throughout: V8 keeps every int32 in a register, half of the uint32 in a heap object.
  private starts = new Int32Array(64);
  private lengths = new Int32Array(64);
  private hashes = new Int32Array(64);
  private slots = new Int32Array(256);
  private markedCount = 0;
  private readonly seed: number;
  /** Called with each new value's number, so that facts can be known by key. */
  onNew: ((index: number, source: Uint8Array, from: number, count: number) => void) | null = null;

  constructor(seed: number, initialBytes = 1024) {
    this.seed = seed;
    this.keys = new ByteColumn(initialBytes);
  }

  mark(): void {
    this.markedCount = this.count;
    this.keys.mark();
  }

  rollback(): void {
    if (this.count === this.markedCount) return;
    this.count = this.markedCount;
    this.keys.rollback();
    this.fillSlots();
  }

  clear(): void {
    this.count = 0;
    this.markedCount = 0;
    this.keys.clear();
    if (this.slots.length > 4096) {
      this.slots = new Int32Array(256);
      this.starts = new Int32Array(64);
      this.lengths = new Int32Array(64);
      this.hashes = new Int32Array(64);
    } else this.slots.fill(0);
  }

  /** True when value `index` equals the bytes; cheaper than `intern` where the answer is likely yes. */
  is(index: number, source: Uint8Array, view: DataView, from: number, count: number): boolean {
    return (
      this.lengths[index] === count &&
      equalBytes(this.keys.bytes, this.keys.view, this.starts[index] ?? 0, source, view, from, count)
    );
  }

  /** Number of the value in `source[from..from+count)`. */
  intern(source: Uint8Array, view: DataView, from: number, count: number): number {
    const hash = hashBytes(source, view, from, count, this.seed);
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot] ?? 0;
      if (entry === 0) return this.add(slot, hash, source, view, from, count);
      const index = entry - 1;
      if (this.hashes[index] === hash && this.is(index, source, view, from, count)) return index;
    }
  }

  /** Number of a text. */
  internText(text: string): number {
    // A buffer for each text would cost ten times as much as all the rest.
    if (text.length * MAX_UTF8_BYTES > scratch.length) growScratch(text.length * MAX_UTF8_BYTES);
    return this.intern(scratch, scratchView, 0, encoder.encodeInto(text, scratch).written);
  }

  /** Where the value of a number begins in `keys.bytes`, at its length prefix. */
  start(index: number): number {
    return (this.starts[index] ?? 0) - varintBytes(this.lengths[index] ?? 0);
  }

  /** Where the value of a number ends in `keys.bytes`. */
  end(index: number): number {
    return (this.starts[index] ?? 0) + (this.lengths[index] ?? 0);
  }

  /** The value of a number as text. */
  text(index: number): string {
    const start = this.starts[index] ?? 0;
    return decoder.decode(this.keys.bytes.subarray(start, start + (this.lengths[index] ?? 0)));
  }

  private add(slot: number, hash: number, source: Uint8Array, view: DataView, from: number, count: number): number {
    const index = this.count++;
    if (index === this.starts.length) {
      this.starts = doubled(this.starts);
      this.lengths = doubled(this.lengths);
      this.hashes = doubled(this.hashes);
    }
    this.keys.reserve(count + 5);
    this.keys.putString(source, view, from, count);
    this.starts[index] = this.keys.length - count;
    this.lengths[index] = count;
    this.hashes[index] = hash;
    this.slots[slot] = index + 1;
    if (this.count * 2 > this.slots.length) {
      this.slots = new Int32Array(this.slots.length * 2);
      this.fillSlots();
    }
    this.onNew?.(index, source, from, count);
    return index;
  }

  private fillSlots(): void {
    this.slots.fill(0);
    const mask = this.slots.length - 1;
    for (let index = 0; index < this.count; index++) {
      let slot = (this.hashes[index] ?? 0) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = index + 1;
    }
  }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

const encoder = new TextEncoder();
/** Of one UTF-16 unit. */
const MAX_UTF8_BYTES = 3;
let scratch = new Uint8Array(1024);
let scratchView = new DataView(scratch.buffer);

function growScratch(bytes: number): void {
  scratch = new Uint8Array(bytes * 2);
  scratchView = new DataView(scratch.buffer);
}

const decoder = new TextDecoder();

function doubled(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const more = new Int32Array(values.length * 2);
  more.set(values);
  return more;
}

/** True when two ranges hold the same bytes. */
export function equalBytes(
  a: Uint8Array,
  aView: DataView,
  aFrom: number,
  b: Uint8Array,
  bView: DataView,
  bFrom: number,
  count: number,
): boolean {
  if (count < 4) {
    for (let i = 0; i < count; i++) if (a[aFrom + i] !== b[bFrom + i]) return false;
    return true;
  }
  // Word by word; the last word overlaps the one before it, so that no byte is left over.
  const last = count - 4;
  for (let i = 0; i < last; i += 4) {
    if (aView.getInt32(aFrom + i, true) !== bView.getInt32(bFrom + i, true)) return false;
  }
  return aView.getInt32(aFrom + last, true) === bView.getInt32(bFrom + last, true);
}

/** A 32-bit hash of a range (murmur3's mixing), signed; the seed keeps senders from choosing collisions. */
export function hashBytes(source: Uint8Array, view: DataView, from: number, count: number, seed: number): number {
  let hash = seed ^ count;
  const words = from + (count & ~3);
  let i = from;
  for (; i < words; i += 4) {
    let word = Math.imul(view.getInt32(i, true), 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let shift = 0; i < from + count; i++, shift += 8) tail |= (source[i] ?? 0) << shift;
  let word = Math.imul(tail, 0xcc9e2d51);
  word = (word << 15) | (word >>> 17);
  hash ^= Math.imul(word, 0x1b873593);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
