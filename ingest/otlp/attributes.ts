// OTLP attributes into a ClickHouse Map(LowCardinality(String), String) column, in one pass and in either field order.
// In: a cursor on KeyValue messages. Out: key numbers, values as text (ingest/otlp/any-value.ts), and per map where it ends.
// Bounds: values and keys are cut at a character, maps at a count; each cut is counted. Half of all decoding is here: the short text and the
// small number, which nearly all attributes are, stay in one loop without a call; everything else takes the general way.
import { cutAtCharacter, putValueText, WORST_EXPANSION } from "./any-value.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import type { WireReader } from "./wire.ts";

// Tags of KeyValue {1: key, 2: value} as SDKs and as the Collector order them.
const KEY_THEN_VALUE = 0x0a12;
const VALUE_THEN_KEY = 0x120a;
// Tags of AnyValue.
const TEXT = 0x0a;
const FLAG = 0x10;
const INTEGER = 0x18;
/** Varints up to this length are below 2^28. */
const SMALL_VARINT_BYTES = 4;
const MAX_SMALL_DIGITS = 9;

/** Who wants to know of the attributes of a run. */
export interface AttributeListener {
  /** Key `key` has the text `values[start..start+length)`. */
  take(key: number, start: number, length: number): void;
}

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
  private readonly following = new Int32Array(256);
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

  /**
   * Reads the KeyValue fields that lie one behind the other, each under `tag` (one byte); the cursor is behind the first one's. Stops at
   * another field, at `end` or at what is wrong (see `reader.failure`).
   */
  appendRun(reader: WireReader, tag: number, end: number, listener: AttributeListener | null): void {
    const { bytes, view } = reader;
    const { keys, values, keyOfPair, following } = this;
    const { maxAttributes, maxNameBytes } = this.limits;
    // Words are copied up to 3 bytes past a value.
    const copyEnd = Math.min(end, bytes.length - 3);
    let position = reader.position - 1;
    // No short text and no small number is longer in the column than in the message.
    values.reserve(end - position);
    while (position < end && bytes[position] === tag) {
      const size = bytes[position + 1] ?? 0x80;
      const next = position + 2 + size;
      const first = position + 4;
      const second = first + (bytes[first - 1] ?? 0);
      let keyFrom = first;
      let keyEnd = second;
      let valueFrom = second + 2;
      let valueEnd = next;
      // Two short fields that fill the message, in one order or the other.
      let isShort = size < 0x80 && next <= copyEnd && valueFrom + (bytes[second + 1] ?? 0) === next;
      const tags = ((bytes[first - 2] ?? 0) << 8) | (bytes[second] ?? 0);
      if (tags === VALUE_THEN_KEY) {
        keyFrom = valueFrom;
        keyEnd = next;
        valueFrom = first;
        valueEnd = second;
      } else if (tags !== KEY_THEN_VALUE) isShort = false;
      const keyLength = keyEnd - keyFrom;
      if (isShort && this.pairsOfMap < maxAttributes && keyLength <= maxNameBytes) {
        const written = this.putShort(bytes, view, valueFrom, valueEnd);
        if (written >= 0) {
          const predicted = following[this.lastKey] ?? 0;
          const key =
            predicted < keys.count && keys.is(predicted, bytes, view, keyFrom, keyLength)
              ? predicted
              : this.findKey(bytes, view, keyFrom, keyLength);
          keyOfPair.push(key);
          this.lastKey = key;
          this.pairsOfMap++;
          if (listener !== null) listener.take(key, values.length - written, written);
          position = next;
          continue;
        }
      }
      reader.position = position + 1;
      const length = reader.length(end);
      if (this.append(reader, reader.position + length)) {
        listener?.take(this.lastKey, this.lastValueStart, this.lastValueLength);
      }
      if (reader.failure !== null) return;
      position = reader.position;
      values.reserve(end - position);
    }
    reader.position = position;
  }

  /** Writes a short text, a small number or a flag, for which there is room, and returns its length; -1 when it is none of them. */
  private putShort(bytes: Uint8Array, view: DataView, from: number, end: number): number {
    const { values } = this;
    const kind = bytes[from];
    const content = from + 2;
    if (kind === TEXT) {
      const length = end - content;
      if (bytes[from + 1] !== length || length >= this.shortStrings) return -1;
      // Length and bytes are ClickHouse's already.
      const target = values.view;
      let at = values.length;
      for (let i = from + 1; i < end; i += 4, at += 4) target.setInt32(at, view.getInt32(i, true), true);
      values.length += length + 1;
      return length;
    }
    const varintBytes = end - from - 1;
    if (kind === FLAG && varintBytes === 1 && (bytes[from + 1] ?? 2) < 2 && this.shortStrings > MAX_SMALL_DIGITS) {
      const start = values.length++;
      values.putAscii(bytes[from + 1] === 0 ? "false" : "true");
      return (values.bytes[start] = values.length - start - 1);
    }
    if (kind !== INTEGER || varintBytes < 1 || varintBytes > SMALL_VARINT_BYTES) return -1;
    if (this.shortStrings <= MAX_SMALL_DIGITS) return -1;
    let value = 0;
    for (let i = end - 1; i > from; i--) {
      const byte = bytes[i] ?? 0;
      if (byte < 0x80 !== (i === end - 1)) return -1;
      value = (value << 7) | (byte & 0x7f);
    }
    return values.putSmallInteger(value);
  }

  private findKey(bytes: Uint8Array, view: DataView, from: number, length: number): number {
    const key = this.keys.intern(bytes, view, from, length);
    if (this.lastKey < this.following.length) this.following[this.lastKey] = key;
    return key;
  }

  /** Reads one KeyValue message up to `end`; false when it was left out or broken (see `reader.failure`). */
  append(reader: WireReader, end: number): boolean {
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
    if (reader.failure !== null) return false;
    if (this.pairsOfMap >= this.limits.maxAttributes) {
      this.truncated++;
      return false;
    }
    if (keyLength > this.limits.maxNameBytes) keyLength = this.cut(reader.bytes, keyFrom, this.limits.maxNameBytes);
    const predicted = this.following[this.lastKey] ?? 0;
    const isNext =
      predicted < this.keys.count && this.keys.is(predicted, reader.bytes, reader.view, keyFrom, keyLength);
    const key = isNext ? predicted : this.findKey(reader.bytes, reader.view, keyFrom, keyLength);
    this.appendValue(reader, valueFrom, valueEnd);
    if (reader.failure !== null) return false;
    reader.position = end;
    this.keyOfPair.push(key);
    this.lastKey = key;
    this.pairsOfMap++;
    return true;
  }

  private appendValue(reader: WireReader, from: number, end: number): void {
    const { values } = this;
    values.reserve((end - from) * WORST_EXPANSION + 64);
    const { maxValueBytes } = this.limits;
    this.lastValueStart = putValueText(reader, from, end, values, this.json, this.limits, maxValueBytes, this);
    this.lastValueLength = values.length - this.lastValueStart;
  }

  private cut(bytes: Uint8Array, from: number, limit: number): number {
    this.truncated++;
    return cutAtCharacter(bytes, from, limit);
  }
}
