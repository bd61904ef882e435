// A cursor over protobuf wire format: tags, varints, lengths, skipping.
// In: the bytes of one payload. Out: positions and numbers; nothing is copied.
// Bounds: never reads past the payload, never throws; the first thing that is wrong is kept in `failure` and moves the cursor to
// the end of the payload, so that every loop `while (position < end)` ends.

/** Why bytes are not a message. */
export type WireFailure = "truncated" | "bad_varint" | "bad_tag" | "bad_wire_type" | "overrun";

/** Wire types of the low three bits of a tag. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

const TWO_32 = 4294967296;

/** A cursor over one payload; `position` is the next byte to read. */
export class WireReader {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  position = 0;
  failure: WireFailure | null = null;

  /** Starts on another payload. */
  open(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = 0;
    this.failure = null;
  }

  /** Drops the payload, so that its memory is free. */
  close(): void {
    this.open(new Uint8Array(0));
  }

  fail(failure: WireFailure): void {
    this.failure ??= failure;
    this.position = this.bytes.length;
  }

  /** Next tag (field number << 3 | wire type) before `end`; 0 after a failure. */
  tag(end: number): number {
    const byte = this.bytes[this.position] ?? 0;
    if (byte < 0x80 && byte > 7 && this.position < end) {
      this.position++;
      return byte;
    }
    const tag = this.varint(end);
    if (tag >> 3 === 0 || tag > 0xffffffff) {
      this.fail("bad_tag");
      return 0;
    }
    return tag;
  }

  /** Unsigned varint as a number; exact to 2^53, and its low 32 bits are lost above: read int64 values by `varintParts`. */
  varint(end: number): number {
    const bytes = this.bytes;
    let position = this.position;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (position >= end) {
        this.fail("truncated");
        return 0;
      }
      const byte = bytes[position++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.position = position;
        return value;
      }
      scale *= 128;
    }
    this.fail("bad_varint");
    return 0;
  }

  low = 0;
  high = 0;

  /** Reads a 64-bit varint into `low` and `high` (unsigned 32-bit halves). */
  varintParts(end: number): void {
    const bytes = this.bytes;
    let position = this.position;
    this.low = 0;
    this.high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= end) {
        this.fail("truncated");
        return;
      }
      const byte = bytes[position++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) this.low |= bits << shift;
      else if (shift === 28) {
        this.low |= bits << 28;
        this.high = bits >>> 4;
      } else this.high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.position = position;
        this.low >>>= 0;
        this.high >>>= 0;
        return;
      }
    }
    this.fail("bad_varint");
  }

  /** Reads a fixed64 into `low` and `high`. */
  fixed64(end: number): void {
    if (this.position + 8 > end) {
      this.low = 0;
      this.high = 0;
      this.fail("truncated");
      return;
    }
    this.low = this.view.getUint32(this.position, true);
    this.high = this.view.getUint32(this.position + 4, true);
    this.position += 8;
  }

  /** Reads a double. */
  double(end: number): number {
    if (this.position + 8 > end) {
      this.fail("truncated");
      return 0;
    }
    const value = this.view.getFloat64(this.position, true);
    this.position += 8;
    return value;
  }

  /** Reads the length of a length-delimited field and checks that it lies before `end`; 0 after a failure. */
  length(end: number): number {
    const first = this.bytes[this.position] ?? 0x80;
    let length = first;
    if (first < 0x80 && this.position < end) this.position++;
    else length = this.varint(end);
    if (this.position + length > end) {
      this.fail("truncated");
      return 0;
    }
    return length;
  }

  /** Skips the value of a field that nobody asked for. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint(end);
        return;
      case FIXED64:
        this.advance(8, end);
        return;
      case LENGTH: {
        const length = this.length(end);
        this.position += length;
        return;
      }
      case FIXED32:
        this.advance(4, end);
        return;
      default:
        this.fail("bad_wire_type");
    }
  }

  /** To be called behind the loop over a message: it must end where its length said. */
  finish(end: number): void {
    if (this.position !== end) this.fail("overrun");
  }

  private advance(bytes: number, end: number): void {
    if (this.position + bytes > end) this.fail("truncated");
    else this.position += bytes;
  }
}

/** A 64-bit value of two unsigned halves as a number; exact to 2^53. */
export function toNumber(low: number, high: number): number {
  return high * TWO_32 + low;
}
