// OTLP/JSON into protobuf bytes, so that one decoder reads both.
// In: a JSON body. Out: the same export request in protobuf, or the reason why it is none.
// Fields by a table: ids in hex, 64-bit numbers as strings or numbers, enums by name or number, lowerCamelCase or proto names; unknown fields are
// ignored, null is absent. Bounds: nesting of values at 64; the caller bounds the body's size.
import type { Signal } from "../signal.ts";
import { type Field, MESSAGES, type Scalar } from "./json-schema.ts";
import type { PayloadFailure } from "./limits.ts";

/** The protobuf bytes, or the reason and where. */
export type Transcoded =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: PayloadFailure; readonly detail: string };

const MAX_DEPTH = 64;
/** A value takes four brackets of JSON and the way to it ten; the parser is slow on millions of them. */
const MAX_BRACKETS = 512;

const ROOT: Readonly<Record<Signal, string>> = {
  traces: "TracesRequest",
  logs: "LogsRequest",
  metrics: "MetricsRequest",
};

/** Turns an OTLP/JSON export request into protobuf. */
export function transcodeJson(signal: Signal, body: Uint8Array): Transcoded {
  if (nestsDeeperThan(body, MAX_BRACKETS))
    return { ok: false, reason: "nesting", detail: `brackets are nested more than ${MAX_BRACKETS} deep` };
  let root: unknown;
  try {
    root = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch {
    return { ok: false, reason: "json_syntax", detail: "the body is no JSON" };
  }
  const writer = new MessageWriter();
  writer.message(ROOT[signal], root, 0, "the request");
  if (writer.failure !== null) return { ok: false, ...writer.failure };
  return { ok: true, bytes: writer.content() };
}

/** Counts brackets outside of strings. */
function nestsDeeperThan(body: Uint8Array, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === 0x22) {
      for (i++; i < body.length && body[i] !== 0x22; i++) if (body[i] === 0x5c) i++;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > limit) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}

/** Writes protobuf; lengths are written behind, so a message's bytes are moved once when its length is known. */
class MessageWriter {
  private bytes = Buffer.allocUnsafe(4096);
  private length = 0;
  failure: { readonly reason: PayloadFailure; readonly detail: string } | null = null;

  content(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  message(name: string, value: unknown, depth: number, where: string): void {
    const fields = MESSAGES.get(name);
    if (!isObject(value) || fields === undefined) return this.fail("json_shape", `${where} is not an object`);
    if (depth > MAX_DEPTH) return this.fail("nesting", `values are nested more than ${MAX_DEPTH} deep`);
    for (const key of Object.keys(value)) {
      const field = fields.get(key);
      const content = value[key];
      if (field === undefined || content === null || content === undefined) continue;
      if (!field.repeated) this.field(field, content, depth, key);
      else if (!Array.isArray(content)) this.fail("json_shape", `${key} is not a list`);
      else for (const item of content) this.field(field, item, depth, key);
      if (this.failure !== null) return;
    }
  }

  private fail(reason: PayloadFailure, detail: string): void {
    this.failure ??= { reason, detail };
  }

  private field(field: Field, value: unknown, depth: number, key: string): void {
    if (typeof field.type === "string") {
      if (!this.scalar(field, field.type, value)) this.fail("json_shape", `${key} is not a ${field.type}`);
      return;
    }
    this.varint((field.number << 3) | 2);
    const at = this.length;
    // One byte for the length now; longer ones push the message back.
    this.room(1);
    this.length++;
    this.message(field.type[0], value, depth + 1, key);
    const size = this.length - at - 1;
    const extra = size < 0x80 ? 0 : size < 0x4000 ? 1 : size < 0x200000 ? 2 : 3;
    if (extra > 0) {
      this.room(extra);
      this.bytes.copyWithin(at + 1 + extra, at + 1, this.length);
    }
    this.length = at;
    this.varint(size);
    this.length += size;
  }

  private scalar(field: Field, type: Scalar, value: unknown): boolean {
    switch (type) {
      case "string":
        if (typeof value !== "string") return false;
        this.text(field.number, Buffer.from(value));
        return true;
      case "hex":
        if (typeof value !== "string" || !/^([0-9a-fA-F]{2})*$/.test(value)) return false;
        this.text(field.number, Buffer.from(value, "hex"));
        return true;
      case "base64":
        if (typeof value !== "string") return false;
        this.text(field.number, Buffer.from(value, "base64"));
        return true;
      case "bool":
        if (typeof value !== "boolean") return false;
        this.varint(field.number << 3);
        this.varint(value ? 1 : 0);
        return true;
      case "double": {
        const number = readDouble(value);
        if (number === null) return false;
        this.varint((field.number << 3) | 1);
        this.room(8);
        this.length = this.bytes.writeDoubleLE(number, this.length);
        return true;
      }
      case "enum": {
        const number = typeof value === "string" ? field.values?.[value] : value;
        if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number > 0xffff) return false;
        this.varint(field.number << 3);
        this.varint(number);
        return true;
      }
      case "fixed64":
      case "sfixed64":
      case "fixed32":
      case "int64":
      case "int32":
      case "sint32":
        return this.integer(field.number, type, value);
    }
  }

  private integer(number: number, type: Scalar, value: unknown): boolean {
    const integer = readInteger(value);
    if (integer === null) return false;
    if (type === "fixed64" || type === "sfixed64") {
      this.varint((number << 3) | 1);
      this.room(8);
      this.length = this.bytes.writeBigUInt64LE(BigInt.asUintN(64, integer), this.length);
    } else if (type === "fixed32") {
      this.varint((number << 3) | 5);
      this.room(4);
      this.length = this.bytes.writeUInt32LE(Number(BigInt.asUintN(32, integer)), this.length);
    } else {
      this.varint(number << 3);
      const zigzag = type === "sint32" ? (integer << 1n) ^ (integer >> 63n) : integer;
      this.bigVarint(BigInt.asUintN(64, zigzag));
    }
    return true;
  }

  private text(number: number, bytes: Buffer): void {
    this.varint((number << 3) | 2);
    this.varint(bytes.length);
    this.room(bytes.length);
    this.length += bytes.copy(this.bytes, this.length);
  }

  private varint(value: number): void {
    this.room(8);
    while (value >= 0x80) {
      this.bytes[this.length++] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 128);
    }
    this.bytes[this.length++] = value;
  }

  private bigVarint(value: bigint): void {
    this.room(10);
    while (value >= 0x80n) {
      this.bytes[this.length++] = Number(value & 0x7fn) | 0x80;
      value >>= 7n;
    }
    this.bytes[this.length++] = Number(value);
  }

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(bytes, 0, 0, this.length);
    this.bytes = bytes;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readInteger(value: unknown): bigint | null {
  // Some senders write nanoseconds as a number; what it lost is lost already.
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 64 ? BigInt(value) : null;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : null;
}

function readDouble(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  if (value === "Infinity") return Number.POSITIVE_INFINITY;
  if (value === "-Infinity") return Number.NEGATIVE_INFINITY;
  if (typeof value !== "string" || value.trim() === "") return null;
  const number = Number(value);
  return Number.isNaN(number) ? null : number;
}
