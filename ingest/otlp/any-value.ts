// AnyValue of OTLP as text, as the Collector writes it.
// In: a cursor on an AnyValue message. Out: one ClickHouse string: strings as they are, numbers in decimal, bytes in base64, lists and
// maps as JSON in the order sent, nothing as ''. Bounds: text is cut at a character, nesting at a depth (null from there on).
import type { ByteColumn } from "./columns.ts";
import type { DecodeLimits } from "./limits.ts";
import { toNumber, type WireReader } from "./wire.ts";

/** JSON text may be six times as long as what it was read from (`\u0000`). */
export const WORST_EXPANSION = 6;
const TWO_32 = 2 ** 32;
/** No number or flag is longer as text. */
const LONGEST_SCALAR = 64;

/**
 * Writes the AnyValue in `[from, end)` as one string to `target`, which has room for WORST_EXPANSION times its length and 64 bytes.
 * Returns where the text begins behind its length; cuts at `maxBytes` and at the depth are counted in `counter`.
 */
export function putValueText(
  reader: WireReader,
  from: number,
  end: number,
  target: ByteColumn,
  scratch: ByteColumn,
  limits: DecodeLimits,
  maxBytes: number,
  counter: { truncated: number },
): number {
  const { tag, position } = readValue(reader, from, end);
  if (reader.failure !== null) return target.length;
  if (tag === STRING) {
    let length = reader.length(end);
    const start = reader.position;
    if (length > maxBytes) {
      length = cutAtCharacter(reader.bytes, start, maxBytes);
      counter.truncated++;
    }
    target.putString(reader.bytes, reader.view, start, length);
    return target.length - length;
  }
  reader.position = position;
  if ((tag === BOOL || tag === INT || tag === DOUBLE) && maxBytes >= LONGEST_SCALAR) {
    const start = target.length;
    target.putByte(0);
    writeScalarOrJson(reader, tag, end, target, 0, limits, counter, false);
    target.bytes[start] = target.length - start - 1;
    return start + 1;
  }
  scratch.length = 0;
  scratch.reserve((end - from) * WORST_EXPANSION + 64);
  writeScalarOrJson(reader, tag, end, scratch, 0, limits, counter, false);
  let length = scratch.length;
  if (length > maxBytes) {
    length = cutAtCharacter(scratch.bytes, 0, maxBytes);
    counter.truncated++;
  }
  target.reserve(length + 16);
  target.putString(scratch.bytes, scratch.view, 0, length);
  return target.length - length;
}

const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;
const ARRAY = 0x2a;
const MAP = 0x32;
const BYTES = 0x3a;

const found = { tag: 0, position: 0 };

/** Finds the last value of a oneof: protobuf says that it wins. */
function readValue(reader: WireReader, from: number, end: number): { readonly tag: number; readonly position: number } {
  found.tag = 0;
  found.position = from;
  reader.position = from;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (
      tag === STRING ||
      tag === BOOL ||
      tag === INT ||
      tag === DOUBLE ||
      tag === ARRAY ||
      tag === MAP ||
      tag === BYTES
    ) {
      found.tag = tag;
      found.position = reader.position;
    }
    reader.skip(tag, end);
  }
  reader.finish(end);
  reader.position = found.position;
  return found;
}

function writeScalarOrJson(
  reader: WireReader,
  tag: number,
  end: number,
  out: ByteColumn,
  depth: number,
  limits: DecodeLimits,
  counter: { truncated: number },
  quoted: boolean,
): void {
  switch (tag) {
    case STRING: {
      const length = reader.length(end);
      writeJsonString(reader.bytes, reader.position, length, out);
      reader.position += length;
      return;
    }
    case BOOL:
      out.putAscii(reader.varint(end) === 0 ? "false" : "true");
      return;
    case INT:
      reader.varintParts(end);
      writeInt64(reader.low, reader.high, out);
      return;
    case DOUBLE: {
      const value = reader.double(end);
      const text = String(value);
      out.putAscii(quoted && !Number.isFinite(value) ? `"${text}"` : text);
      return;
    }
    case BYTES: {
      const length = reader.length(end);
      const text = Buffer.from(reader.bytes.buffer, reader.bytes.byteOffset + reader.position, length).toString(
        "base64",
      );
      out.putAscii(quoted ? `"${text}"` : text);
      reader.position += length;
      return;
    }
    case ARRAY:
    case MAP: {
      const length = reader.length(end);
      if (depth >= limits.maxDepth) {
        counter.truncated++;
        reader.position += length;
        out.putAscii("null");
        return;
      }
      writeJsonContainer(reader, reader.position + length, tag === MAP, out, depth, limits, counter);
      return;
    }
    default:
      if (quoted) out.putAscii("null");
  }
}

/** ArrayValue {1: AnyValue*} or KeyValueList {1: KeyValue*} as JSON. */
function writeJsonContainer(
  reader: WireReader,
  end: number,
  isMap: boolean,
  out: ByteColumn,
  depth: number,
  limits: DecodeLimits,
  counter: { truncated: number },
): void {
  out.putByte(isMap ? 0x7b : 0x5b);
  let first = true;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a) {
      reader.skip(tag, end);
      continue;
    }
    const itemEnd = reader.length(end) + reader.position;
    if (reader.failure !== null) return;
    if (!first) out.putByte(0x2c);
    first = false;
    if (isMap) writeJsonPair(reader, itemEnd, out, depth, limits, counter);
    else writeJsonValue(reader, reader.position, itemEnd, out, depth, limits, counter);
    if (reader.failure !== null) return;
    reader.position = itemEnd;
  }
  reader.finish(end);
  out.putByte(isMap ? 0x7d : 0x5d);
}

function writeJsonPair(
  reader: WireReader,
  end: number,
  out: ByteColumn,
  depth: number,
  limits: DecodeLimits,
  counter: { truncated: number },
): void {
  let keyFrom = 0;
  let keyLength = 0;
  let valueFrom = 0;
  let valueEnd = 0;
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) {
      keyLength = reader.length(end);
      keyFrom = reader.position;
      reader.position += keyLength;
    } else if (tag === 0x12) {
      const length = reader.length(end);
      valueFrom = reader.position;
      valueEnd = valueFrom + length;
      reader.position = valueEnd;
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  if (reader.failure !== null) return;
  writeJsonString(reader.bytes, keyFrom, keyLength, out);
  out.putByte(0x3a);
  writeJsonValue(reader, valueFrom, valueEnd, out, depth, limits, counter);
}

function writeJsonValue(
  reader: WireReader,
  from: number,
  end: number,
  out: ByteColumn,
  depth: number,
  limits: DecodeLimits,
  counter: { truncated: number },
): void {
  const { tag } = readValue(reader, from, end);
  if (reader.failure === null) writeScalarOrJson(reader, tag, end, out, depth + 1, limits, counter, true);
}

const HEX_DIGITS = "0123456789abcdef";

function writeJsonString(bytes: Uint8Array, from: number, length: number, out: ByteColumn): void {
  out.putByte(0x22);
  for (let i = from; i < from + length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0x22 || byte === 0x5c) {
      out.putByte(0x5c);
      out.putByte(byte);
    } else if (byte >= 0x20) out.putByte(byte);
    else if (byte === 0x0a) out.putAscii("\\n");
    else if (byte === 0x0d) out.putAscii("\\r");
    else if (byte === 0x09) out.putAscii("\\t");
    else out.putAscii(`\\u00${byte < 0x10 ? "0" : "1"}${HEX_DIGITS.charAt(byte & 15)}`);
  }
  out.putByte(0x22);
}

/** A signed 64-bit integer in decimal. */
function writeInt64(low: number, high: number, out: ByteColumn): void {
  if (high === 0) {
    out.putAscii(String(low));
    return;
  }
  if (high === 0xffffffff && low > 0) out.putAscii(String(low - TWO_32));
  else if (high < 0x200000) out.putAscii(String(toNumber(low, high)));
  else out.putAscii(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString());
}

/** The longest length up to `limit` that does not cut a UTF-8 character. */
export function cutAtCharacter(bytes: Uint8Array, from: number, limit: number): number {
  let length = limit;
  while (length > 0 && ((bytes[from + length] ?? 0) & 0xc0) === 0x80) length--;
  return length;
}
