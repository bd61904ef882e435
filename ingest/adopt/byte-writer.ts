// Protobuf bytes in a buffer that grows.
// In: tags, lengths, bytes. Out: a view of what was written, valid until `clear`. Bounds: doubles as needed, never shrinks.

/** How many bytes the varint of a length takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** A growing buffer. */
export class ByteWriter {
  length = 0;
  private buffer: Buffer;

  constructor(capacity = 1024) {
    this.buffer = Buffer.allocUnsafe(capacity);
  }

  clear(): void {
    this.length = 0;
  }

  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  /** A tag and the length of what follows. */
  tag(tag: number, length: number): void {
    this.reserve(11);
    this.buffer[this.length++] = tag;
    let rest = length;
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.length++] = rest;
  }

  field(tag: number, bytes: Uint8Array): void {
    this.tag(tag, bytes.length);
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  fixed64(tag: number, value: bigint): void {
    this.reserve(9);
    this.buffer[this.length] = tag;
    this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.length + 1);
    this.length += 9;
  }

  /** KeyValue {1: key, 2: AnyValue {1: string}}. */
  pair(tag: number, key: Uint8Array, value: Uint8Array): void {
    const any = 1 + varintLength(value.length) + value.length;
    this.tag(tag, 1 + varintLength(key.length) + key.length + 1 + varintLength(any) + any);
    this.field(0x0a, key);
    this.tag(0x12, any);
    this.field(0x0a, value);
  }

  private reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}
