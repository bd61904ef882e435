// A growing buffer that protobuf is written into front to back: whoever writes a message knows its length first.
// In: numbers and ranges of bytes. Out: the bytes written so far.
// Bounds: doubles its memory up to `maxBytes`; past that `isOver` is true and nothing more is written.

const TWO_32 = 4294967296;

/** Bytes that a varint takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Bytes that a field of one-byte tag takes, given the length of its content. */
export function fieldLength(length: number): number {
  return 1 + varintLength(length) + length;
}

/** Writes protobuf; tags are single bytes. */
export class ProtobufWriter {
  private bytes: Buffer;
  private readonly maxBytes: number;
  length = 0;
  isOver = false;

  constructor(maxBytes: number, firstBytes = 4096) {
    this.maxBytes = maxBytes;
    this.bytes = Buffer.allocUnsafe(Math.min(firstBytes, maxBytes));
  }

  content(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** A field of `length` bytes is about to follow. */
  open(tag: number, length: number): void {
    if (!this.room(11)) return;
    this.bytes[this.length++] = tag;
    this.putVarint(length);
  }

  range(source: Uint8Array, from: number, length: number): void {
    if (!this.room(length)) return;
    const { bytes } = this;
    let at = this.length;
    // A loop is faster than a call for what labels are.
    if (length > 64) bytes.set(source.subarray(from, from + length), at);
    else for (let i = from; i < from + length; i++) bytes[at++] = source[i] ?? 0;
    this.length += length;
  }

  fixed64(tag: number, low: number, high: number): void {
    if (!this.room(9)) return;
    this.bytes[this.length] = tag;
    this.bytes.writeUInt32LE(low, this.length + 1);
    this.bytes.writeUInt32LE(high, this.length + 5);
    this.length += 9;
  }

  /** A whole number below 2^64 as fixed64. */
  fixedNumber(tag: number, value: number): void {
    this.fixed64(tag, value % TWO_32, Math.floor(value / TWO_32));
  }

  /** A fixed64 without a tag, of a whole number. */
  fixedItem(value: number): void {
    if (!this.room(8)) return;
    this.bytes.writeUInt32LE(value % TWO_32, this.length);
    this.bytes.writeUInt32LE(Math.floor(value / TWO_32), this.length + 4);
    this.length += 8;
  }

  /** A double without a tag. */
  doubleItem(value: number): void {
    if (this.room(8)) this.length = this.bytes.writeDoubleLE(value, this.length);
  }

  double(tag: number, value: number): void {
    if (!this.room(9)) return;
    this.bytes[this.length] = tag;
    this.bytes.writeDoubleLE(value, this.length + 1);
    this.length += 9;
  }

  varint(tag: number, value: number): void {
    if (!this.room(12)) return;
    this.bytes[this.length++] = tag;
    this.putVarint(value);
  }

  /** A varint without a tag: an item of a packed field. */
  item(value: number): void {
    if (this.room(10)) this.putVarint(value);
  }

  private putVarint(value: number): void {
    while (value >= 0x80) {
      this.bytes[this.length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.bytes[this.length++] = value;
  }

  private room(count: number): boolean {
    const wanted = this.length + count;
    if (wanted <= this.bytes.length) return !this.isOver;
    if (wanted > this.maxBytes) this.isOver = true;
    if (this.isOver) return false;
    const bytes = Buffer.allocUnsafe(Math.min(this.maxBytes, Math.max(this.bytes.length * 2, wanted)));
    this.bytes.copy(bytes, 0, 0, this.length);
    this.bytes = bytes;
    return true;
  }
}
