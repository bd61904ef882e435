// A plain reader of OTLP logs into JavaScript values, for the few records whose content matters one by one.
// In: an ExportLogsServiceRequest in protobuf, fields in any order. Out: one record after the other with resource, attributes and body as values;
// and the same payload with the bodies of some records replaced.
// Bounds: one record is held at a time; a body over MAX_BODY_BYTES and values nested deeper than MAX_DEPTH become null; what the API server
// keeps for itself (fieldsV1, last-applied-configuration) is skipped unread; int64 past 2^53 lose precision. Not for the bulk of the logs.
import { toNumber, WireReader } from "./wire.ts";

const MAX_DEPTH = 32;
/** etcd keeps objects of at most 1.5 MB. */
const MAX_BODY_BYTES = 4 << 20;
/** Members of Kubernetes objects that are long and say nothing that is not said elsewhere. */
const SKIPPED_KEYS = new Set(["fieldsV1", "kubectl.kubernetes.io/last-applied-configuration"]);
const TWO_32 = 4294967296;
const decoder = new TextDecoder();

/** One record; `timeMs` is when it happened, else when it was observed, unix ms; 0 when unknown. */
export interface LogRecord {
  readonly resource: ReadonlyMap<string, unknown>;
  readonly attributes: ReadonlyMap<string, unknown>;
  readonly body: unknown;
  readonly timeMs: number;
  /** As sent; '' when not sent. */
  readonly severityText: string;
  /** Where its bytes lie in the payload. */
  readonly from: number;
  readonly to: number;
}

/** Reads the message up to `end`: `take` gets each tag and says whether it has read the field. */
function readMessage(reader: WireReader, end: number, take: (tag: number) => boolean): void {
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (!take(tag)) reader.skip(tag, end);
  }
  reader.finish(end);
}

/** Reads a length-delimited field by `read`, which gets its end. */
function inField<T>(reader: WireReader, end: number, read: (fieldEnd: number) => T): T {
  const length = reader.length(end);
  return read(reader.position + length);
}

function readText(reader: WireReader, end: number): string {
  return inField(reader, end, (fieldEnd) => {
    const text = decoder.decode(reader.bytes.subarray(reader.position, fieldEnd));
    reader.position = Math.max(reader.position, fieldEnd);
    return text;
  });
}

function readInt(reader: WireReader, end: number): number {
  reader.varintParts(end);
  return toNumber(reader.low, reader.high >= 2 ** 31 ? reader.high - TWO_32 : reader.high);
}

function readValue(reader: WireReader, end: number, depth: number): unknown {
  let value: unknown = null;
  readMessage(reader, end, (tag) => {
    switch (tag) {
      case 0x0a:
        value = readText(reader, end);
        return true;
      case 0x10:
        value = reader.varint(end) !== 0;
        return true;
      case 0x18:
        value = readInt(reader, end);
        return true;
      case 0x21:
        value = reader.double(end);
        return true;
      case 0x2a:
        if (depth >= MAX_DEPTH) return false;
        value = inField(reader, end, (listEnd) => readList(reader, listEnd, depth + 1));
        return true;
      case 0x32:
        if (depth >= MAX_DEPTH) return false;
        value = inField(reader, end, (mapEnd) => Object.fromEntries(readPairs(reader, mapEnd, 0x0a, depth + 1)));
        return true;
      default:
        return false;
    }
  });
  return value;
}

function readList(reader: WireReader, end: number, depth: number): unknown[] {
  const values: unknown[] = [];
  readMessage(reader, end, (tag) => {
    if (tag !== 0x0a) return false;
    values.push(inField(reader, end, (valueEnd) => readValue(reader, valueEnd, depth)));
    return true;
  });
  return values;
}

/** Reads the KeyValue fields of a message that have `pairTag`; other fields are skipped. */
function readPairs(reader: WireReader, end: number, pairTag: number, depth: number): Map<string, unknown> {
  const pairs = new Map<string, unknown>();
  readMessage(reader, end, (tag) => {
    if (tag !== pairTag) return false;
    inField(reader, end, (pairEnd) => readPair(reader, pairEnd, pairs, depth));
    return true;
  });
  return pairs;
}

function readPair(reader: WireReader, end: number, pairs: Map<string, unknown>, depth: number): void {
  let key = "";
  let value: unknown = null;
  readMessage(reader, end, (tag) => {
    if (tag === 0x0a) key = readText(reader, end);
    else if (tag === 0x12 && !SKIPPED_KEYS.has(key)) {
      value = inField(reader, end, (valueEnd) => readValue(reader, valueEnd, depth));
    } else return false;
    return true;
  });
  if (!SKIPPED_KEYS.has(key)) pairs.set(key, value);
}

function readRecord(reader: WireReader, resource: LogRecord["resource"], from: number, end: number): LogRecord {
  let time = 0;
  let observed = 0;
  let severityText = "";
  let body: unknown = null;
  const attributes = new Map<string, unknown>();
  readMessage(reader, end, (tag) => {
    switch (tag) {
      case 0x09:
        reader.fixed64(end);
        time = toNumber(reader.low, reader.high);
        return true;
      case 0x59:
        reader.fixed64(end);
        observed = toNumber(reader.low, reader.high);
        return true;
      case 0x1a:
        severityText = readText(reader, end);
        return true;
      case 0x2a:
        body = inField(reader, end, (bodyEnd) => {
          if (bodyEnd - reader.position <= MAX_BODY_BYTES) return readValue(reader, bodyEnd, 0);
          reader.position = bodyEnd;
          return null;
        });
        return true;
      case 0x32:
        inField(reader, end, (pairEnd) => readPair(reader, pairEnd, attributes, 0));
        return true;
      default:
        return false;
    }
  });
  // Nanoseconds of today are beyond 2^53: without the microsecond a whole millisecond may become the one before.
  const timeMs = Math.floor((time === 0 ? observed : time) / 1e6 + 0.001);
  return { resource, attributes, body, timeMs, severityText, from, to: end };
}

/** Steps into each field of `tag` up to `end`; gives the end of each. The caller must leave the reader there. */
function* fieldsOf(reader: WireReader, end: number, wanted: number): Generator<number> {
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === wanted) {
      const length = reader.length(end);
      yield reader.position + length;
    } else reader.skip(tag, end);
  }
  reader.finish(end);
}

function* readResourceLogs(reader: WireReader, end: number): Generator<LogRecord> {
  const start = reader.position;
  let resource: LogRecord["resource"] = new Map();
  // The resource may stand behind its records.
  for (const fieldEnd of fieldsOf(reader, end, 0x0a)) resource = readPairs(reader, fieldEnd, 0x0a, 0);
  if (reader.failure !== null) return;
  reader.position = start;
  for (const scopeEnd of fieldsOf(reader, end, 0x12)) {
    for (const recordEnd of fieldsOf(reader, scopeEnd, 0x12)) {
      const record = readRecord(reader, resource, reader.position, recordEnd);
      if (reader.failure !== null) return;
      yield record;
    }
  }
}

/** The records of a payload one by one; it ends early where the payload is malformed, and returns whether it was whole. */
export function* readLogRecords(payload: Uint8Array): Generator<LogRecord, boolean> {
  const reader = new WireReader();
  reader.open(payload);
  for (const end of fieldsOf(reader, payload.length, 0x0a)) yield* readResourceLogs(reader, end);
  return reader.failure === null;
}

/** The payload with other bodies (as text) for the records that begin at the given positions; the payload must be whole. */
export function replaceBodies(payload: Uint8Array, bodies: ReadonlyMap<number, string>): Uint8Array {
  const reader = new WireReader();
  reader.open(payload);
  return rewrite(reader, payload.length, [0x0a, 0x12, 0x12], bodies);
}

/** Copies a message; the fields along `path` are rewritten, and at its end is a record. */
function rewrite(
  reader: WireReader,
  end: number,
  path: readonly number[],
  bodies: ReadonlyMap<number, string>,
): Buffer {
  const start = reader.position;
  const [inner, ...rest] = path;
  const body = inner === undefined ? bodies.get(start) : undefined;
  if (inner === undefined && body === undefined) {
    reader.position = end;
    return Buffer.from(reader.bytes.subarray(start, end));
  }
  const parts: Uint8Array[] = [];
  while (reader.position < end) {
    const from = reader.position;
    const tag = reader.tag(end);
    if (tag === inner) {
      const length = reader.length(end);
      parts.push(field(tag, rewrite(reader, reader.position + length, rest, bodies)));
    } else {
      reader.skip(tag, end);
      if (body === undefined || tag !== 0x2a) parts.push(reader.bytes.subarray(from, reader.position));
    }
  }
  if (body !== undefined) parts.push(field(0x2a, field(0x0a, Buffer.from(body))));
  return Buffer.concat(parts);
}

function field(tag: number, content: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Uint8Array.of(tag, ...length, rest), content]);
}
