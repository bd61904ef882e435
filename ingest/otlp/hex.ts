// Trace and span ids as lower-case hexadecimal strings.
// In: 16 or 8 bytes of a payload. Out: a ClickHouse string in a column.
// Bounds: ids that are all zero are no ids.
import type { ByteColumn } from "./columns.ts";

const HEX_PAIRS = new Uint16Array(256);
for (let i = 0; i < 256; i++) {
  const text = i.toString(16).padStart(2, "0");
  HEX_PAIRS[i] = text.charCodeAt(0) | (text.charCodeAt(1) << 8);
}

/** Appends `count` bytes, an even number of them, in hexadecimal; the column has room. */
export function putHex(column: ByteColumn, bytes: Uint8Array, from: number, count: number): void {
  const { view } = column;
  let at = column.length;
  column.bytes[at++] = count * 2;
  for (let i = from; i < from + count; i += 2, at += 4) {
    const first = HEX_PAIRS[bytes[i] ?? 0] ?? 0;
    view.setInt32(at, first | ((HEX_PAIRS[bytes[i + 1] ?? 0] ?? 0) << 16), true);
  }
  column.length = at;
}

/** True when the bytes are not all zero. */
export function isId(bytes: Uint8Array, from: number, count: number): boolean {
  for (let i = from; i < from + count; i++) if (bytes[i] !== 0) return true;
  return false;
}
