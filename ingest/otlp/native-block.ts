// Columns as one ClickHouse Native block: a list of chunks, without joining them.
// In: a table's columns, in order. Out: chunks to be sent one after the other. Large buffers are referenced where they lie; headers,
// offsets and dictionary indexes are written into pages that are used again for the next block.
// Bounds: nothing is allocated in the steady state; the chunks are valid until `reset`. Format: ClickHouse's Native without a client revision
// (names and types per column; LowCardinality with one dictionary a block; Map and Array as offsets, then their parts).
import type { AttributeColumn } from "./attributes.ts";
import type { ByteColumn, IndexColumn } from "./columns.ts";
import type { StringDictionary } from "./dictionary.ts";

const PAGE_BYTES = 256 << 10;
/** Smaller buffers are copied: a chunk of its own costs a write of its own. */
const REFERENCE_FROM_BYTES = 16 << 10;
// ClickHouse's SerializationLowCardinality: key version 1, and index type | has additional keys | update dictionary.
const LOW_CARDINALITY_VERSION = 1;
const LOW_CARDINALITY_FLAGS = 0x600;

/** Writes Native blocks; one is being sent while another is being filled, so each block owns one. */
export class NativeWriter {
  private readonly pages: { readonly bytes: Uint8Array; readonly view: DataView }[] = [];
  private pageIndex = -1;
  private page: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.page.buffer);
  private at = 0;
  private sentUpTo = 0;
  private chunks: Uint8Array[] = [];

  /** Forgets the chunks; their memory is written again. */
  reset(): void {
    this.pageIndex = -1;
    this.page = new Uint8Array(0);
    this.view = new DataView(this.page.buffer);
    this.at = 0;
    this.sentUpTo = 0;
    this.chunks = [];
  }

  /** Begins a block. */
  block(columns: number, rows: number): void {
    this.varint(columns);
    this.varint(rows);
  }

  /** Begins a column. */
  column(name: string, type: string): void {
    this.text(name);
    this.text(type);
  }

  /** Ends the block and returns its chunks. */
  finish(): readonly Uint8Array[] {
    this.flush();
    return this.chunks;
  }

  /** Fixed-width values or strings, as they are. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length >= REFERENCE_FROM_BYTES) {
      this.flush();
      this.chunks.push(bytes);
      return;
    }
    this.copy(bytes, 0, bytes.length);
  }

  /** 64-bit offsets of arrays and maps. */
  offsets(ends: IndexColumn): void {
    for (let i = 0; i < ends.length; i++) {
      this.room(8);
      this.view.setUint32(this.at, ends.values[i] ?? 0, true);
      this.view.setUint32(this.at + 4, 0, true);
      this.at += 8;
    }
  }

  /** A UInt8 or Enum8 column of small numbers. */
  uint8(values: IndexColumn): void {
    for (let i = 0; i < values.length; i++) {
      this.room(1);
      this.page[this.at++] = values.values[i] ?? 0;
    }
  }

  /** An Int16 column of numbers kept one up, so that -1 is 0. */
  int16FromOneUp(values: IndexColumn): void {
    for (let i = 0; i < values.length; i++) {
      this.room(2);
      this.view.setInt16(this.at, (values.values[i] ?? 0) - 1, true);
      this.at += 2;
    }
  }

  /** A LowCardinality(String) column. */
  lowCardinality(dictionary: StringDictionary, rows: IndexColumn): void {
    this.lowCardinalityPrefix();
    const width = this.lowCardinalityHead(dictionary, rows.length);
    for (let i = 0; i < rows.length; i++) this.index(rows.values[i] ?? 0, width);
  }

  /** A LowCardinality(String) column whose rows name an entry of a table, and `entries[i]` the value of entry i. */
  lowCardinalityOf(dictionary: StringDictionary, entries: IndexColumn, rows: IndexColumn): void {
    this.lowCardinalityPrefix();
    const width = this.lowCardinalityHead(dictionary, rows.length);
    for (let i = 0; i < rows.length; i++) this.index(entries.values[rows.values[i] ?? 0] ?? 0, width);
  }

  /** A String column whose rows name an entry of a table, and `entries[i]` the value of entry i. */
  stringsOf(dictionary: StringDictionary, entries: IndexColumn, rows: IndexColumn): void {
    let lastEntry = -1;
    let start = 0;
    let end = 0;
    for (let i = 0; i < rows.length; i++) {
      const entry = rows.values[i] ?? 0;
      if (entry === lastEntry) {
        this.repeat(dictionary.keys.bytes, start, end);
        continue;
      }
      lastEntry = entry;
      ({ start, end } = dictionary.range(entries.values[entry] ?? 0));
      this.copy(dictionary.keys.bytes, start, end);
    }
  }

  /** A String column. */
  strings(column: ByteColumn): void {
    this.bytes(column.content());
  }

  /** A Map(LowCardinality(String), String) column, a map a row. */
  maps(column: AttributeColumn): void {
    this.lowCardinalityPrefix();
    this.offsets(column.pairEnds);
    this.pairs(column);
  }

  /** An Array(Map(LowCardinality(String), String)) column; `mapEnds` says where each row's maps end. */
  mapArrays(mapEnds: IndexColumn, column: AttributeColumn): void {
    this.lowCardinalityPrefix();
    this.offsets(mapEnds);
    this.offsets(column.pairEnds);
    this.pairs(column);
  }

  /** A Map column whose rows name maps of `column`: a resource is written once and repeated here. */
  mapsOf(column: AttributeColumn, rows: IndexColumn): void {
    const { pairEnds, valueEnds, keyOfPair } = column;
    this.lowCardinalityPrefix();
    let total = 0;
    for (let i = 0; i < rows.length; i++) {
      const map = rows.values[i] ?? 0;
      total += (pairEnds.values[map] ?? 0) - (map === 0 ? 0 : (pairEnds.values[map - 1] ?? 0));
      this.room(8);
      this.view.setUint32(this.at, total, true);
      this.view.setUint32(this.at + 4, Math.floor(total / 4294967296), true);
      this.at += 8;
    }
    if (total === 0) return;
    const width = this.lowCardinalityHead(column.keys, total);
    for (let i = 0; i < rows.length; i++) {
      const map = rows.values[i] ?? 0;
      const end = pairEnds.values[map] ?? 0;
      for (let pair = map === 0 ? 0 : (pairEnds.values[map - 1] ?? 0); pair < end; pair++) {
        this.index(keyOfPair.values[pair] ?? 0, width);
      }
    }
    let lastMap = -1;
    for (let i = 0; i < rows.length; i++) {
      const map = rows.values[i] ?? 0;
      const start = map === 0 ? 0 : (valueEnds.values[map - 1] ?? 0);
      const end = valueEnds.values[map] ?? 0;
      if (map === lastMap) this.repeat(column.values.bytes, start, end);
      else this.copy(column.values.bytes, start, end);
      lastMap = map;
    }
  }

  /** An Array(LowCardinality(String)) column. */
  lowCardinalityArrays(ends: IndexColumn, dictionary: StringDictionary, items: IndexColumn): void {
    this.lowCardinalityPrefix();
    this.offsets(ends);
    if (items.length === 0) return;
    const width = this.lowCardinalityHead(dictionary, items.length);
    for (let i = 0; i < items.length; i++) this.index(items.values[i] ?? 0, width);
  }

  /** A LowCardinality column of fixed values; rows hold their numbers. */
  lowCardinalityFixed(values: readonly string[], rows: IndexColumn): void {
    this.lowCardinalityPrefix();
    this.uint64(LOW_CARDINALITY_FLAGS);
    this.uint64(values.length);
    for (const value of values) this.text(value);
    this.uint64(rows.length);
    this.uint8(rows);
  }

  private pairs(column: AttributeColumn): void {
    const { keyOfPair } = column;
    if (keyOfPair.length === 0) return;
    const width = this.lowCardinalityHead(column.keys, keyOfPair.length);
    for (let i = 0; i < keyOfPair.length; i++) this.index(keyOfPair.values[i] ?? 0, width);
    this.bytes(column.values.content());
  }

  private lowCardinalityPrefix(): void {
    this.uint64(LOW_CARDINALITY_VERSION);
  }

  /** Writes the dictionary; returns the bytes of an index. */
  private lowCardinalityHead(dictionary: StringDictionary, rows: number): number {
    const kind = dictionary.count <= 0x100 ? 0 : dictionary.count <= 0x10000 ? 1 : 2;
    this.uint64(LOW_CARDINALITY_FLAGS | kind);
    this.uint64(dictionary.count);
    this.bytes(dictionary.keys.content());
    this.uint64(rows);
    return 1 << kind;
  }

  private index(value: number, width: number): void {
    this.room(4);
    if (width === 1) this.page[this.at] = value;
    else if (width === 2) this.view.setUint16(this.at, value, true);
    else this.view.setUint32(this.at, value, true);
    this.at += width;
  }

  private uint64(value: number): void {
    this.room(8);
    this.view.setUint32(this.at, value % 4294967296, true);
    this.view.setUint32(this.at + 4, Math.floor(value / 4294967296), true);
    this.at += 8;
  }

  private varint(value: number): void {
    this.room(8);
    while (value >= 0x80) {
      this.page[this.at++] = (value & 0x7f) | 0x80;
      value = Math.floor(value / 128);
    }
    this.page[this.at++] = value;
  }

  private text(text: string): void {
    this.varint(text.length);
    this.room(text.length);
    for (let i = 0; i < text.length; i++) this.page[this.at++] = text.charCodeAt(i);
  }

  /** Copies a range into pages, over page ends. */
  private copy(source: Uint8Array, from: number, to: number): void {
    while (from < to) {
      if (this.at === this.page.length) this.nextPage();
      const count = Math.min(to - from, this.page.length - this.at);
      if (count < 24) for (let i = 0; i < count; i++) this.page[this.at + i] = source[from + i] ?? 0;
      else this.page.set(source.subarray(from, from + count), this.at);
      this.at += count;
      from += count;
    }
  }

  /** Writes once more what was written last; within a page that is a third of the price. */
  private repeat(source: Uint8Array, from: number, to: number): void {
    const count = to - from;
    if (count >= 24 && this.at >= count && this.at + count <= this.page.length) {
      this.page.copyWithin(this.at, this.at - count, this.at);
      this.at += count;
    } else this.copy(source, from, to);
  }

  private room(count: number): void {
    if (this.at + count > this.page.length) this.nextPage();
  }

  private nextPage(): void {
    this.flush();
    this.pageIndex++;
    let page = this.pages[this.pageIndex];
    if (page === undefined) {
      const bytes = new Uint8Array(PAGE_BYTES);
      page = { bytes, view: new DataView(bytes.buffer) };
      this.pages.push(page);
    }
    this.page = page.bytes;
    this.view = page.view;
    this.at = 0;
    this.sentUpTo = 0;
  }

  /** Makes what was written since the last flush a chunk. */
  private flush(): void {
    if (this.at > this.sentUpTo) this.chunks.push(this.page.subarray(this.sentUpTo, this.at));
    this.sentUpTo = this.at;
  }
}
