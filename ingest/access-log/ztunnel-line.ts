// The access log line of ztunnel: `TIME level access connection complete src.addr=… src.workload="…" … duration="15ms"`.
// In: a range of a payload. Out: fields and the operator's own pairs, or the reason why it is no such line.
// Bounds: one pass; `connection opened` is no finished connection and stays a log. Between words there may be spaces, tabs or line ends.
import { FIELD } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";
import type { KeyMemory } from "./key-memory.ts";
import type { OwnPairs } from "./own-pairs.ts";

/** Why a line that begins as one of ztunnel is none. */
export type ZtunnelFailure = "ztunnel_pairs";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const EQUALS = 0x3d;
const ACCESS = Buffer.from("access");
const COMPLETE = Buffer.from("connection complete");
const FAILED = Buffer.from("connection failed");
const HTTP = Buffer.from("http access");
/** The words before the first pair are within so many bytes. */
const HEAD_BYTES = 120;

/** True when the line is a finished connection of ztunnel's access target. */
export function isZtunnelLine(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 60 || bytes[from + 4] !== 0x2d || bytes[from + 10] !== 0x54) return false;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.min(HEAD_BYTES, to - from));
  return head.includes(ACCESS) && (head.includes(COMPLETE) || head.includes(FAILED) || head.includes(HTTP));
}

/** Reads the line in `[from, to)` of the payload; null when it could be read. */
export function readZtunnelLine(
  fields: AccessFields,
  own: OwnPairs,
  keys: KeyMemory,
  from: number,
  to: number,
): ZtunnelFailure | null {
  const { bytes, view } = fields;
  let at = from;
  while (at < to && !isSpace(bytes[at] ?? 0)) at++;
  fields.put(FIELD.start_time, from, at - from);
  let pairs = 0;
  while (at < to) {
    if (isSpace(bytes[at] ?? 0)) {
      at++;
      continue;
    }
    const key = at;
    while (at < to && bytes[at] !== EQUALS && !isSpace(bytes[at] ?? 0)) at++;
    if (bytes[at] !== EQUALS || at === to) {
      // Words are allowed before the first pair only.
      if (pairs > 0) return "ztunnel_pairs";
      continue;
    }
    const keyLength = at - key;
    at++;
    let start = at;
    let length = 0;
    let isScratch = false;
    if (bytes[at] === QUOTE && at < to) {
      let isEscaped = false;
      start = ++at;
      while (at < to && bytes[at] !== QUOTE) {
        if (bytes[at] === BACKSLASH) {
          isEscaped = true;
          at++;
        }
        at++;
      }
      if (at >= to) return "ztunnel_pairs";
      length = at++ - start;
      if (isEscaped) {
        const end = start + length;
        start = unescape(fields, start, end);
        length = fields.scratch.length - start;
        isScratch = true;
      }
    } else {
      while (at < to && !isSpace(bytes[at] ?? 0)) at++;
      length = at - start;
    }
    pairs++;
    const field = keys.fieldAt(bytes, view, key, keyLength);
    if (field < 0) own.add(key, keyLength, false, start, length, isScratch);
    else if (isScratch) fields.putScratch(field, start, length);
    else fields.put(field, start, length);
  }
  return fields.has(FIELD["src.addr"]) && fields.has(FIELD.direction) ? null : "ztunnel_pairs";
}

/** Rust's debug escapes, as far as they occur: a backslash makes the next byte plain, but for n, r and t. */
function unescape({ bytes, scratch }: AccessFields, from: number, to: number): number {
  const start = scratch.length;
  scratch.reserve(to - from);
  for (let i = from; i < to; i++) {
    let byte = bytes[i] ?? 0;
    if (byte === BACKSLASH && i + 1 < to) {
      byte = bytes[++i] ?? 0;
      if (byte === 0x6e) byte = 0x0a;
      else if (byte === 0x72) byte = 0x0d;
      else if (byte === 0x74) byte = 0x09;
    }
    scratch.putByte(byte);
  }
  return start;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
