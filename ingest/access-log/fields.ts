// The fields of one record as ranges of bytes: in the payload where they lie there as they are, in a scratch column where not.
// In: positions, as a format's reader finds them. Out: ranges, text and numbers by field.
// Bounds: no object per record; `-`, null and the empty text are "absent"; of two values of one field the last counts.
import { ByteColumn } from "../otlp/columns.ts";
import { FIELD_NAMES } from "./field-names.ts";

const COUNT = FIELD_NAMES.length;
const DASH = 0x2d;
const MAX_DIGITS = 15;

/** Fields of the record being read; `bytes` is the payload. */
export class AccessFields {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** Values that had to be rewritten: without escapes, or numbers as text. */
  readonly scratch = new ByteColumn(4096);
  /** Where a field begins: at `n` in the payload, or at `-1 - n` in the scratch column. */
  private readonly starts = new Int32Array(COUNT);
  private readonly lengths = new Int32Array(COUNT);

  /** Begins a record of a payload. */
  open(bytes: Uint8Array, view: DataView): void {
    this.bytes = bytes;
    this.view = view;
    // A stale start may lie behind the end of this payload.
    this.starts.fill(0);
    this.lengths.fill(0);
    this.scratch.length = 0;
  }

  /** Lets the payload go. */
  close(): void {
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Takes a value that lies in the payload. */
  put(field: number, start: number, length: number): void {
    if (length === 0 || (length === 1 && this.bytes[start] === DASH)) length = 0;
    this.keep(field, start, length);
  }

  /** Takes a value that lies in the scratch column. */
  putScratch(field: number, start: number, length: number): void {
    if (length === 1 && this.scratch.bytes[start] === DASH) length = 0;
    this.keep(field, -1 - start, length);
  }

  /** Takes all fields back. */
  forget(): void {
    this.open(this.bytes, this.view);
  }

  private keep(field: number, start: number, length: number): void {
    // An empty value may begin behind the last byte, where nothing can be read.
    this.starts[field] = length === 0 ? 0 : start;
    this.lengths[field] = length;
  }

  has(field: number): boolean {
    return this.lengths[field] !== 0;
  }

  length(field: number): number {
    return this.lengths[field] ?? 0;
  }

  /** Where the value begins in `source(field)`. */
  start(field: number): number {
    const start = this.starts[field] ?? 0;
    return start < 0 ? -1 - start : start;
  }

  source(field: number): Uint8Array {
    return (this.starts[field] ?? 0) < 0 ? this.scratch.bytes : this.bytes;
  }

  sourceView(field: number): DataView {
    return (this.starts[field] ?? 0) < 0 ? this.scratch.view : this.view;
  }

  text(field: number): string {
    const source = this.source(field);
    const start = this.start(field);
    return Buffer.from(source.buffer, source.byteOffset + start, this.length(field)).toString();
  }

  /** True when the value is this ASCII text. */
  is(field: number, text: string): boolean {
    return this.length(field) === text.length && this.startsWith(field, text);
  }

  startsWith(field: number, text: string): boolean {
    if (this.length(field) < text.length) return false;
    const source = this.source(field);
    const start = this.start(field);
    for (let i = 0; i < text.length; i++) if (source[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** A whole number below 10^15; -1 when it is absent or none. */
  integer(field: number): number {
    return this.digits(field, this.length(field));
  }

  /** The number that the first `length` bytes make; -1 when they make none. */
  private digits(field: number, length: number): number {
    if (length === 0 || length > MAX_DIGITS) return -1;
    const source = this.source(field);
    const start = this.start(field);
    let value = 0;
    for (let i = start; i < start + length; i++) {
      const digit = (source[i] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  /** A duration in whole nanoseconds: milliseconds, or a number with ns, us, µs, ms or s; -1 when it is absent or none. */
  nanoseconds(field: number): number {
    const whole = this.integer(field);
    if (whole >= 0) return whole * 1e6;
    const milliseconds = this.endsWithMs(field) ? this.digits(field, this.length(field) - 2) : -1;
    if (milliseconds >= 0) return milliseconds * 1e6;
    if (!this.has(field) || this.length(field) > 40) return -1;
    const match = /^(\d{1,15}(?:\.\d{1,12})?)(ns|us|µs|ms|s)?$/.exec(this.text(field));
    if (match === null) return -1;
    const scale = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 }[match[2] ?? "ms"] ?? 1e6;
    return Math.round(Number(match[1]) * scale);
  }

  private endsWithMs(field: number): boolean {
    const end = this.start(field) + this.length(field);
    const source = this.source(field);
    return this.length(field) > 2 && source[end - 2] === 0x6d && source[end - 1] === 0x73;
  }
}
