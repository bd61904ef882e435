// Labels of an access log as OTLP sends them: KeyValue messages, of the record or of a map in its body.
// In: ranges of KeyValue messages. Out: fields and the operator's own pairs; how many fields there were, and whether one of them is Envoy's
// alone. Bounds: strings stay where they are in the payload; numbers, lists and maps become text in the scratch column, cut at the limit.
import { putValueText, WORST_EXPANSION } from "../otlp/any-value.ts";
import { ByteColumn } from "../otlp/columns.ts";
import type { DecodeLimits } from "../otlp/limits.ts";
import type { WireReader } from "../otlp/wire.ts";
import { FIELD } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";
import type { KeyMemory } from "./key-memory.ts";
import type { OwnPairs } from "./own-pairs.ts";

/** With fewer fields a record is not taken for an access log. */
export const LEAST_FIELDS = 4;

/** Reads labels. */
export class LabelReader {
  /** Fields among the labels of the record, absent values included. */
  known = 0;
  /** One of them is a key that only Envoy's access logs have. */
  isEnvoy = false;
  /** Values cut, over all records. */
  truncated = 0;
  private readonly keys: KeyMemory;
  private readonly limits: DecodeLimits;
  private readonly json = new ByteColumn(1024);

  constructor(keys: KeyMemory, limits: DecodeLimits) {
    this.keys = keys;
    this.limits = limits;
  }

  /** Begins a record. */
  clear(): void {
    this.known = 0;
    this.isEnvoy = false;
  }

  /** Reads one KeyValue message of `[from, end)`; what is wrong is in `reader.failure`. */
  read(reader: WireReader, fields: AccessFields, own: OwnPairs, from: number, end: number): void {
    const { bytes } = reader;
    const firstLength = bytes[from + 1] ?? 0x80;
    const second = from + 2 + firstLength;
    const secondLength = bytes[second + 1] ?? 0x80;
    if (firstLength < 0x80 && secondLength < 0x80 && second + 2 + secondLength === end) {
      // Two short fields that fill the message: all but a few labels, in one order or the other.
      if (bytes[from] === 0x0a && bytes[second] === 0x12) {
        this.put(reader, fields, own, from + 2, firstLength, second + 2, end);
        return;
      }
      if (bytes[from] === 0x12 && bytes[second] === 0x0a) {
        this.put(reader, fields, own, second + 2, secondLength, from + 2, second);
        return;
      }
    }
    this.readAny(reader, fields, own, from, end);
  }

  /** Reads the KeyValueList in `[from, end)`. */
  readList(reader: WireReader, fields: AccessFields, own: OwnPairs, from: number, end: number): void {
    reader.position = from;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        const pairEnd = reader.length(end) + reader.position;
        if (reader.failure !== null) return;
        this.read(reader, fields, own, reader.position, pairEnd);
        if (reader.failure !== null) return;
        reader.position = pairEnd;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
  }

  private readAny(reader: WireReader, fields: AccessFields, own: OwnPairs, from: number, end: number): void {
    let keyFrom = from;
    let keyLength = 0;
    let valueFrom = from;
    let valueEnd = from;
    reader.position = from;
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
    if (reader.failure === null) this.put(reader, fields, own, keyFrom, keyLength, valueFrom, valueEnd);
  }

  private put(
    reader: WireReader,
    fields: AccessFields,
    own: OwnPairs,
    keyFrom: number,
    keyLength: number,
    valueFrom: number,
    valueEnd: number,
  ): void {
    const { bytes, view } = reader;
    const field = this.keys.fieldAt(bytes, view, keyFrom, keyLength);
    if (field >= 0) {
      this.known++;
      if (field === FIELD.response_flags || field === FIELD.upstream_cluster) this.isEnvoy = true;
    }
    const length = bytes[valueFrom + 1] ?? 0x80;
    if (valueEnd === valueFrom || (bytes[valueFrom] === 0x0a && length < 0x80 && valueFrom + 2 + length === valueEnd)) {
      if (field >= 0) fields.put(field, valueFrom + 2, valueEnd === valueFrom ? 0 : length);
      else own.add(keyFrom, keyLength, false, valueFrom + 2, valueEnd === valueFrom ? 0 : length, false);
      return;
    }
    const { scratch } = fields;
    const { maxValueBytes } = this.limits;
    scratch.reserve((valueEnd - valueFrom) * WORST_EXPANSION + 64);
    const start = putValueText(reader, valueFrom, valueEnd, scratch, this.json, this.limits, maxValueBytes, this);
    if (reader.failure !== null) return;
    if (field >= 0) fields.putScratch(field, start, scratch.length - start);
    else own.add(keyFrom, keyLength, false, start, scratch.length - start, true);
  }
}
