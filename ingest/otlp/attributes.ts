// OTLP attributes into a ClickHouse Map(LowCardinality(String), String) column, in one pass and in either field order.
// In: a cursor on a KeyValue message. Out: key numbers, values as text (ingest/otlp/any-value.ts), and per map where it ends.
// Bounds: values and keys are cut at a character, maps at a count; each cut is counted.
import { cutAtCharacter, putValueText, WORST_EXPANSION } from "./any-value.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import type { WireReader } from "./wire.ts";

// Tags of KeyValue {1: key, 2: value} as SDKs and as the Collector order them.
const KEY_THEN_VALUE = 0x0a12;
const VALUE_THEN_KEY = 0x120a;

/** A column of maps. `lastKey`, `lastValueStart` and `lastValueLength` tell of the pair that was appended last. */
export class AttributeColumn {
  readonly keys: StringDictionary;
  readonly keyOfPair = new IndexColumn(1024);
  readonly values: ByteColumn;
  /** Pairs up to and with map i. */
  readonly pairEnds = new IndexColumn(256);
  /** Value bytes up to and with map i. */
  readonly valueEnds = new IndexColumn(256);
  truncated = 0;
  lastKey = 0;
  lastValueStart = 0;
  lastValueLength = 0;
  private readonly limits: DecodeLimits;
  /** Strings below this length are neither cut nor need a longer length prefix. */
  private readonly shortStrings: number;
  private readonly json = new ByteColumn(1024);
  // Which key followed which the last time: senders write the same keys in the same order.
  private following = new Uint32Array(256);
  private pairsOfMap = 0;

  constructor(limits: DecodeLimits, seed: number, valueBytes = 4096) {
    this.limits = limits;
    this.shortStrings = Math.min(0x80, limits.maxValueBytes + 1);
    this.keys = new StringDictionary(seed);
    this.values = new ByteColumn(valueBytes);
  }

  mark(): void {
    this.keys.mark();
    this.keyOfPair.mark();
    this.values.mark();
    this.pairEnds.mark();
    this.valueEnds.mark();
  }

  rollback(): void {
    this.keys.rollback();
    this.keyOfPair.rollback();
    this.values.rollback();
    this.pairEnds.rollback();
    this.valueEnds.rollback();
    this.pairsOfMap = 0;
  }

  clear(): void {
    this.keys.clear();
    this.keyOfPair.clear();
    this.values.clear();
    this.pairEnds.clear();
    this.valueEnds.clear();
    this.pairsOfMap = 0;
  }

  /** Ends the map that the pairs since the last call make up. */
  endMap(): void {
    this.pairEnds.push(this.keyOfPair.length);
    this.valueEnds.push(this.values.length);
    this.pairsOfMap = 0;
  }

  /** Takes back all maps from number `maps` on, and the pairs of a map that is not ended. */
  truncate(maps: number): void {
    const last = maps - 1;
    this.pairEnds.length = maps;
    this.valueEnds.length = maps;
    this.keyOfPair.length = last < 0 ? 0 : (this.pairEnds.values[last] ?? 0);
    this.values.length = last < 0 ? 0 : (this.valueEnds.values[last] ?? 0);
    this.pairsOfMap = 0;
  }

  /** Reads one KeyValue message up to `end`; false when it was left out or broken (see `reader.failure`). */
  append(reader: WireReader, end: number): boolean {
    const { bytes } = reader;
    const at = reader.position;
    const firstLength = bytes[at + 1] ?? 0x80;
    const second = at + 2 + firstLength;
    const secondLength = bytes[second + 1] ?? 0x80;
    // Two short fields that fill the message: all but a few attributes, in one order or the other.
    if (firstLength < 0x80 && secondLength < 0x80 && second + 2 + secondLength === end) {
      const tags = ((bytes[at] ?? 0) << 8) | (bytes[second] ?? 0);
      if (tags === KEY_THEN_VALUE) return this.put(reader, at + 2, firstLength, second + 2, end, end);
      if (tags === VALUE_THEN_KEY) return this.put(reader, second + 2, secondLength, at + 2, second, end);
    }
    return this.appendAny(reader, end);
  }

  private appendAny(reader: WireReader, end: number): boolean {
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
    return reader.failure === null && this.put(reader, keyFrom, keyLength, valueFrom, valueEnd, end);
  }

  private put(
    reader: WireReader,
    keyFrom: number,
    keyLength: number,
    valueFrom: number,
    valueEnd: number,
    end: number,
  ): boolean {
    reader.position = end;
    if (this.pairsOfMap >= this.limits.maxAttributes) {
      this.truncated++;
      return false;
    }
    if (keyLength > this.limits.maxNameBytes) keyLength = this.cut(reader.bytes, keyFrom, this.limits.maxNameBytes);
    const predicted = this.following[this.lastKey] ?? 0;
    let key: number;
    if (predicted < this.keys.count && this.keys.is(predicted, reader.bytes, reader.view, keyFrom, keyLength)) {
      key = predicted;
    } else {
      key = this.keys.intern(reader.bytes, reader.view, keyFrom, keyLength);
      if (this.lastKey < this.following.length) this.following[this.lastKey] = key;
    }
    this.appendValue(reader, valueFrom, valueEnd);
    if (reader.failure !== null) return false;
    reader.position = end;
    this.keyOfPair.push(key);
    this.lastKey = key;
    this.pairsOfMap++;
    return true;
  }

  private appendValue(reader: WireReader, from: number, end: number): void {
    const values = this.values;
    const { bytes, view } = reader;
    values.reserve((end - from) * WORST_EXPANSION + 64);
    // A string shorter than 128 bytes that is all of the value: the bytes are ClickHouse's already.
    const length = bytes[from + 1] ?? 0x80;
    if (bytes[from] === 0x0a && length < this.shortStrings && from + 2 + length === end) {
      values.putBytes(bytes, view, from + 1, length + 1);
      this.lastValueStart = values.length - length;
      this.lastValueLength = length;
      return;
    }
    this.lastValueStart = putValueText(
      reader,
      from,
      end,
      values,
      this.json,
      this.limits,
      this.limits.maxValueBytes,
      this,
    );
    this.lastValueLength = values.length - this.lastValueStart;
  }

  private cut(bytes: Uint8Array, from: number, limit: number): number {
    this.truncated++;
    return cutAtCharacter(bytes, from, limit);
  }
}
