// A plain reader of OTLP logs into JavaScript values, for the few records whose content matters one by one.
// In: an ExportLogsServiceRequest in protobuf. Out: records with resource, attributes and body as values; null when malformed.
// Bounds: values nested deeper than MAX_DEPTH become null; int64 past 2^53 lose precision. Not for the bulk of the logs: that is logs.ts.
import { toNumber, WireReader } from "./wire.ts";

const MAX_DEPTH = 32;
const TWO_32 = 4294967296;
const decoder = new TextDecoder();

/** One record; `timeMs` is when it happened, else when it was observed, unix ms; 0 when unknown. */
export interface LogRecord {
  readonly resource: ReadonlyMap<string, unknown>;
  readonly attributes: ReadonlyMap<string, unknown>;
  readonly body: unknown;
  readonly timeMs: number;
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
    else if (tag === 0x12) value = inField(reader, end, (valueEnd) => readValue(reader, valueEnd, depth));
    else return false;
    return true;
  });
  pairs.set(key, value);
}

function readRecord(reader: WireReader, end: number): Omit<LogRecord, "resource"> {
  let time = 0;
  let observed = 0;
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
      case 0x2a:
        body = inField(reader, end, (bodyEnd) => readValue(reader, bodyEnd, 0));
        return true;
      case 0x32:
        inField(reader, end, (pairEnd) => readPair(reader, pairEnd, attributes, 0));
        return true;
      default:
        return false;
    }
  });
  return { attributes, body, timeMs: Math.floor((time === 0 ? observed : time) / 1e6) };
}

function readScope(reader: WireReader, end: number): Omit<LogRecord, "resource">[] {
  const records: Omit<LogRecord, "resource">[] = [];
  readMessage(reader, end, (tag) => {
    if (tag !== 0x12) return false;
    records.push(inField(reader, end, (recordEnd) => readRecord(reader, recordEnd)));
    return true;
  });
  return records;
}

function readResourceLogs(reader: WireReader, end: number): LogRecord[] {
  let resource = new Map<string, unknown>();
  const records: Omit<LogRecord, "resource">[] = [];
  readMessage(reader, end, (tag) => {
    if (tag === 0x0a) resource = inField(reader, end, (resourceEnd) => readPairs(reader, resourceEnd, 0x0a, 0));
    else if (tag === 0x12) records.push(...inField(reader, end, (scopeEnd) => readScope(reader, scopeEnd)));
    else return false;
    return true;
  });
  return records.map((record) => ({ ...record, resource }));
}

/** The records of a payload; null when it is malformed. */
export function readLogRecords(payload: Uint8Array): LogRecord[] | null {
  const reader = new WireReader();
  reader.open(payload);
  const records: LogRecord[] = [];
  readMessage(reader, payload.length, (tag) => {
    if (tag !== 0x0a) return false;
    records.push(...inField(reader, payload.length, (end) => readResourceLogs(reader, end)));
    return true;
  });
  return reader.failure === null ? records : null;
}
