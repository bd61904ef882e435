// Growable column buffers in the layout of ClickHouse's Native format.
// In: bytes of a payload, by position. Out: one buffer a column, ready to send.
// Bounds: buffers double as needed and are given back when blocks have become much smaller; `mark` and `rollback` take a column back
// to where a payload began. Short copies go by 32-bit words: for 8-64 bytes they cost a third of a typed array copy.

/** Copies past this length use the engine's memmove. */
const WORD_COPY_LIMIT = 160;
const SLACK = 16;
/** A buffer is halved after so many blocks in a row that needed less than an eighth of it. */
const SPARSE_BLOCKS = 8;

/** Bytes of a column: fixed-width values, or strings as ClickHouse writes them (varint length, then bytes). */
export class ByteColumn {
  bytes: Uint8Array;
  view: DataView;
  length = 0;
  private marked = 0;
  private sparse = 0;
  private readonly initialBytes: number;

  constructor(initialBytes: number) {
    this.initialBytes = initialBytes + SLACK;
    this.bytes = new Uint8Array(this.initialBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count + SLACK > this.bytes.length) this.grow(count);
  }

  private grow(count: number): void {
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count + SLACK));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  mark(): void {
    this.marked = this.length;
  }

  rollback(): void {
    this.length = this.marked;
  }

  /** Empties the column; a buffer that large blocks blew up is given back step by step. */
  clear(): void {
    const isSparse = this.bytes.length > this.initialBytes && this.length * 8 < this.bytes.length;
    this.sparse = isSparse ? this.sparse + 1 : 0;
    if (this.sparse === SPARSE_BLOCKS) {
      this.bytes = new Uint8Array(Math.max(this.initialBytes, this.bytes.length >> 1));
      this.view = new DataView(this.bytes.buffer);
      this.sparse = 0;
    }
    this.length = 0;
    this.marked = 0;
  }

  content(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  // The methods below need a `reserve` before them.

  putByte(value: number): void {
    this.bytes[this.length++] = value;
  }

  putUint64(low: number, high: number): void {
    this.view.setUint32(this.length, low, true);
    this.view.setUint32(this.length + 4, high, true);
    this.length += 8;
  }

  putInt32(value: number): void {
    this.view.setInt32(this.length, value, true);
    this.length += 4;
  }

  putFloat64(value: number): void {
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  putVarint(value: number): void {
    while (value >= 0x80) {
      this.bytes[this.length++] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 128);
    }
    this.bytes[this.length++] = value;
  }

  /** Raw bytes, without a length. */
  putBytes(source: Uint8Array, view: DataView, from: number, count: number): void {
    copyBytes(source, view, from, count, this.bytes, this.view, this.length);
    this.length += count;
  }

  /** A string: length and bytes. */
  putString(source: Uint8Array, view: DataView, from: number, count: number): void {
    if (count < 0x80) this.bytes[this.length++] = count;
    else this.putVarint(count);
    copyBytes(source, view, from, count, this.bytes, this.view, this.length);
    this.length += count;
  }

  /** A whole number below 10^9 as a string in decimal; returns the digits. */
  putSmallInteger(value: number): number {
    let digits = 1;
    for (let limit = 10; limit <= value; limit *= 10) digits++;
    const { bytes } = this;
    bytes[this.length] = digits;
    for (let at = this.length + digits; at > this.length; at--) {
      const rest = (value / 10) | 0;
      bytes[at] = 0x30 + value - rest * 10;
      value = rest;
    }
    this.length += digits + 1;
    return digits;
  }

  /** ASCII text as raw bytes. */
  putAscii(text: string): void {
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }
}

/** Copies `count` bytes; both buffers may be read or written up to 3 bytes past the end, which `SLACK` allows in columns. */
export function copyBytes(
  source: Uint8Array,
  sourceView: DataView,
  from: number,
  count: number,
  target: Uint8Array,
  targetView: DataView,
  at: number,
): void {
  if (count > WORD_COPY_LIMIT) {
    target.set(source.subarray(from, from + count), at);
    return;
  }
  if (from + count + 3 <= source.length) {
    for (let i = 0; i < count; i += 4) targetView.setInt32(at + i, sourceView.getInt32(from + i, true), true);
    return;
  }
  for (let i = 0; i < count; i++) target[at + i] = source[from + i] ?? 0;
}

/** Growable integers from 0 to 2^31: row indexes into dictionaries, small numbers a row. */
export class IndexColumn {
  values: Int32Array;
  length = 0;
  private marked = 0;
  private sparse = 0;
  private readonly initialLength: number;

  constructor(initialLength: number) {
    this.initialLength = initialLength;
    this.values = new Int32Array(initialLength);
  }

  push(value: number): void {
    if (this.length === this.values.length) {
      const values = new Int32Array(this.values.length * 2);
      values.set(this.values);
      this.values = values;
    }
    this.values[this.length++] = value;
  }

  mark(): void {
    this.marked = this.length;
  }

  rollback(): void {
    this.length = this.marked;
  }

  clear(): void {
    const isSparse = this.values.length > this.initialLength && this.length * 8 < this.values.length;
    this.sparse = isSparse ? this.sparse + 1 : 0;
    if (this.sparse === SPARSE_BLOCKS) {
      this.values = new Int32Array(Math.max(this.initialLength, this.values.length >> 1));
      this.sparse = 0;
    }
    this.length = 0;
    this.marked = 0;
  }
}
