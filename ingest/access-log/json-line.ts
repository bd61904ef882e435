// An access log as one flat JSON object, as Istio and ztunnel write it.
// In: a range of a payload. Out: fields, and the ranges of keys and values that are the operator's own; or the reason why it is no object.
// Bounds: one pass over the bytes; strings without escapes stay where they are, others go to the scratch column. Nested values of the
// operator's own are kept as their JSON text; MAX_DEPTH deep, MAX_OWN of them, the rest is counted as cut.
import type { AccessFields } from "./fields.ts";
import type { KeyMemory } from "./key-memory.ts";
import type { OwnPairs } from "./own-pairs.ts";

/** Why a body that begins as a JSON access log is none. */
export type JsonFailure = "json_syntax" | "json_depth";

const MAX_DEPTH = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SQUARE_OPEN = 0x5b;
const SQUARE_CLOSE = 0x5d;
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x62, 8],
  [0x66, 12],
  [0x6e, 10],
  [0x72, 13],
  [0x74, 9],
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x2f, 0x2f],
]);
// The words by which one knows an access log among all JSON bodies: without one of them it is none.
const ENVOY_WORD = Buffer.from('"response_flags"');
const ENVOY_WORD_TOO = Buffer.from('"upstream_cluster"');
const ZTUNNEL_WORD = Buffer.from('"src.addr"');

/** True when the body is an object and holds a key that only access logs have. */
export function isJsonAccessLog(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] !== OPEN || to - from < 20) return false;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
  return body.includes(ENVOY_WORD) || body.includes(ENVOY_WORD_TOO) || body.includes(ZTUNNEL_WORD);
}

/** Reads objects. */
export class JsonLineReader {
  private readonly keys: KeyMemory;
  private at = 0;
  private to = 0;
  private failure: JsonFailure | null = null;
  // The string that was read last: where it begins (as AccessFields counts it) and its length.
  private start = 0;
  private length = 0;
  private isScratch = false;

  constructor(keys: KeyMemory) {
    this.keys = keys;
  }

  /** Reads the object in `[from, to)` of the payload; null when it could be read. */
  read(fields: AccessFields, own: OwnPairs, from: number, to: number): JsonFailure | null {
    const { bytes } = fields;
    this.at = from + 1;
    this.to = to;
    this.failure = null;
    this.space(bytes);
    if (bytes[this.at] === CLOSE) {
      this.at++;
      return this.end(bytes);
    }
    for (;;) {
      this.space(bytes);
      if (bytes[this.at] !== QUOTE || !this.string(fields)) return this.failure ?? "json_syntax";
      const { start, length, isScratch } = this;
      const source = isScratch ? fields.scratch.bytes : bytes;
      const view = isScratch ? fields.scratch.view : fields.view;
      const field = this.keys.fieldAt(source, view, start, length);
      this.space(bytes);
      if (bytes[this.at++] !== COLON || this.at > to) return "json_syntax";
      this.space(bytes);
      if (!this.value(fields, own, field, start, length, isScratch)) return this.failure ?? "json_syntax";
      this.space(bytes);
      const next = bytes[this.at++];
      if (this.at > to) return "json_syntax";
      if (next === CLOSE) return this.end(bytes);
      if (next !== COMMA) return "json_syntax";
    }
  }

  private end(bytes: Uint8Array): JsonFailure | null {
    this.space(bytes);
    return this.at === this.to ? null : "json_syntax";
  }

  private value(
    fields: AccessFields,
    own: OwnPairs,
    field: number,
    keyStart: number,
    keyLength: number,
    keyIsScratch: boolean,
  ): boolean {
    const { bytes } = fields;
    const from = this.at;
    if (bytes[from] === QUOTE) {
      if (!this.string(fields)) return false;
    } else {
      if (!this.skip(bytes, 0)) return false;
      this.start = from;
      this.length = this.at - from;
      this.isScratch = false;
      if (this.length === 4 && bytes[from] === 0x6e) this.length = 0;
    }
    if (field < 0) own.add(keyStart, keyLength, keyIsScratch, this.start, this.length, this.isScratch);
    else if (this.isScratch) fields.putScratch(field, this.start, this.length);
    else fields.put(field, this.start, this.length);
    return true;
  }

  /** Reads a string; false when it does not end or has a broken escape. */
  private string(fields: AccessFields): boolean {
    const { bytes } = fields;
    const from = ++this.at;
    while (this.at < this.to) {
      const byte = bytes[this.at];
      if (byte === QUOTE) {
        this.start = from;
        this.length = this.at++ - from;
        this.isScratch = false;
        return true;
      }
      if (byte === BACKSLASH) return this.escapedString(fields, from);
      this.at++;
    }
    return false;
  }

  private escapedString({ bytes, scratch }: AccessFields, from: number): boolean {
    const at = scratch.length;
    let copied = from;
    while (this.at < this.to) {
      const byte = bytes[this.at] ?? 0;
      if (byte === QUOTE || byte === BACKSLASH) {
        scratch.reserve(this.at - copied + 8);
        for (let i = copied; i < this.at; i++) scratch.bytes[scratch.length++] = bytes[i] ?? 0;
        this.at++;
        if (byte === QUOTE) {
          this.start = at;
          this.length = scratch.length - at;
          this.isScratch = true;
          return true;
        }
        const plain = ESCAPES.get(bytes[this.at] ?? 0);
        if (plain !== undefined) {
          scratch.bytes[scratch.length++] = plain;
          this.at++;
        } else if (bytes[this.at] !== 0x75 || !this.unicode(bytes, scratch)) return false;
        copied = this.at;
      } else this.at++;
    }
    return false;
  }

  /** `\uXXXX`, a pair of surrogates as one character, a lone one as U+FFFD. */
  private unicode(bytes: Uint8Array, scratch: AccessFields["scratch"]): boolean {
    let code = hexNumber(bytes, this.at + 1);
    if (code < 0 || this.at + 5 > this.to) return false;
    this.at += 5;
    if (code >= 0xd800 && code < 0xe000) {
      const low = bytes[this.at] === BACKSLASH && bytes[this.at + 1] === 0x75 ? hexNumber(bytes, this.at + 2) : -1;
      if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000 && this.at + 6 <= this.to) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        this.at += 6;
      } else code = 0xfffd;
    }
    if (code < 0x80) scratch.putByte(code);
    else if (code < 0x800) {
      scratch.putByte(0xc0 | (code >> 6));
      scratch.putByte(0x80 | (code & 63));
    } else {
      if (code < 0x10000) scratch.putByte(0xe0 | (code >> 12));
      else {
        scratch.putByte(0xf0 | (code >> 18));
        scratch.putByte(0x80 | ((code >> 12) & 63));
      }
      scratch.putByte(0x80 | ((code >> 6) & 63));
      scratch.putByte(0x80 | (code & 63));
    }
    return true;
  }

  /** Goes behind a value of any kind. */
  private skip(bytes: Uint8Array, depth: number): boolean {
    if (depth > MAX_DEPTH) {
      this.failure = "json_depth";
      return false;
    }
    const first = bytes[this.at];
    if (first === QUOTE) return this.skipString(bytes);
    if (first !== OPEN && first !== SQUARE_OPEN) return this.skipWord(bytes);
    const close = first === OPEN ? CLOSE : SQUARE_CLOSE;
    this.at++;
    this.space(bytes);
    if (bytes[this.at] === close && this.at < this.to) {
      this.at++;
      return true;
    }
    while (this.at < this.to) {
      this.space(bytes);
      if (first === OPEN) {
        if (bytes[this.at] !== QUOTE || !this.skipString(bytes)) return false;
        this.space(bytes);
        if (bytes[this.at++] !== COLON) return false;
        this.space(bytes);
      }
      if (!this.skip(bytes, depth + 1)) return false;
      this.space(bytes);
      const next = bytes[this.at++];
      if (next === close) return this.at <= this.to;
      if (next !== COMMA) return false;
    }
    return false;
  }

  private skipString(bytes: Uint8Array): boolean {
    for (this.at++; this.at < this.to; this.at++) {
      if (bytes[this.at] === BACKSLASH) this.at++;
      else if (bytes[this.at] === QUOTE) {
        this.at++;
        return this.at <= this.to;
      }
    }
    return false;
  }

  /** A number, true, false or null. */
  private skipWord(bytes: Uint8Array): boolean {
    const from = this.at;
    while (this.at < this.to && isWord(bytes[this.at] ?? 0)) this.at++;
    return this.at > from;
  }

  private space(bytes: Uint8Array): void {
    while (this.at < this.to && (bytes[this.at] ?? 0) <= 0x20) this.at++;
  }
}

function isWord(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x45
  );
}

function hexNumber(bytes: Uint8Array, from: number): number {
  let value = 0;
  for (let i = from; i < from + 4; i++) {
    const byte = bytes[i] ?? 0;
    const lower = byte | 0x20;
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
    else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + lower - 0x57;
    else return -1;
  }
  return value;
}
