// Columns as one ClickHouse Native block: a list of chunks (ingest/otlp/native-pages.ts).
// In: a table's columns, in order. Out: chunks to be sent one after the other; they are valid until `reset`.
// Bounds: those of the columns. Format: ClickHouse's Native without a client revision (names and types per column; LowCardinality with one
// dictionary a block; Map and Array as offsets, then their parts).
import type { AttributeColumn } from "./attributes.ts";
import type { ByteColumn, IndexColumn } from "./columns.ts";
import type { StringDictionary } from "./dictionary.ts";
import { NativePages, type Width } from "./native-pages.ts";

// ClickHouse's SerializationLowCardinality: key version 1, and index type | has additional keys | update dictionary.
const LOW_CARDINALITY_VERSION = 1;
const LOW_CARDINALITY_FLAGS = 0x600;

/** Writes Native blocks; one is being sent while another is being filled, so each block owns one. */
export class NativeWriter {
  private readonly pages = new NativePages();

  /** Forgets the chunks; their memory is written again. */
  reset(): void {
    this.pages.reset();
  }

  /** Begins a block. */
  block(columns: number, rows: number): void {
    this.pages.varint(columns);
    this.pages.varint(rows);
  }

  /** Begins a column. */
  column(name: string, type: string): void {
    this.pages.text(name);
    this.pages.text(type);
  }

  /** Ends the block and returns its chunks. */
  finish(): readonly Uint8Array[] {
    return this.pages.finish();
  }

  /** Fixed-width values or strings, as they are. */
  bytes(bytes: Uint8Array): void {
    this.pages.bytes(bytes);
  }

  /** 64-bit offsets of arrays and maps. */
  offsets(ends: IndexColumn): void {
    this.pages.integers(ends.values, 0, ends.length, 8);
  }

  /** A UInt8 or Enum8 column of small numbers. */
  uint8(values: IndexColumn): void {
    this.pages.integers(values.values, 0, values.length, 1);
  }

  /** A UInt8 or Enum8 column whose rows name an entry of a table, and `entries[i]` the value of entry i. */
  uint8Of(entries: IndexColumn, rows: IndexColumn): void {
    this.pages.integersOf(entries.values, rows.values, rows.length, 1);
  }

  /** An Int16 column of numbers kept one up, so that -1 is 0. */
  int16FromOneUp(values: IndexColumn): void {
    this.pages.integers(values.values, 0, values.length, 2, -1);
  }

  /** A LowCardinality(String) column. */
  lowCardinality(dictionary: StringDictionary, rows: IndexColumn): void {
    this.lowCardinalityPrefix();
    const width = this.lowCardinalityHead(dictionary, rows.length);
    this.pages.integers(rows.values, 0, rows.length, width);
  }

  /** A LowCardinality(String) column whose rows name an entry of a table, and `entries[i]` the value of entry i. */
  lowCardinalityOf(dictionary: StringDictionary, entries: IndexColumn, rows: IndexColumn): void {
    this.lowCardinalityPrefix();
    const width = this.lowCardinalityHead(dictionary, rows.length);
    this.pages.integersOf(entries.values, rows.values, rows.length, width);
  }

  /** A String column whose rows name an entry of a table, and `entries[i]` the value of entry i. */
  stringsOf(dictionary: StringDictionary, entries: IndexColumn, rows: IndexColumn): void {
    forEachRun(rows, (entry, count) => {
      const value = entries.values[entry] ?? 0;
      this.pages.copyTimes(dictionary.keys.bytes, dictionary.start(value), dictionary.end(value), count);
    });
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
    const { pages } = this;
    const { pairEnds, valueEnds, keyOfPair } = column;
    this.lowCardinalityPrefix();
    let total = 0;
    forEachRun(rows, (map, count) => {
      const size = endOf(pairEnds, map) - endOf(pairEnds, map - 1);
      pages.series(total + size, size, count);
      total += size * count;
    });
    if (total === 0) return;
    const width = this.lowCardinalityHead(column.keys, total);
    forEachRun(rows, (map, count) => {
      const from = endOf(pairEnds, map - 1);
      const to = endOf(pairEnds, map);
      pages.integersTimes(keyOfPair.values, from, to, width, count);
    });
    forEachRun(rows, (map, count) => {
      pages.copyTimes(column.values.bytes, endOf(valueEnds, map - 1), endOf(valueEnds, map), count);
    });
  }

  /** An Array(LowCardinality(String)) column. */
  lowCardinalityArrays(ends: IndexColumn, dictionary: StringDictionary, items: IndexColumn): void {
    this.lowCardinalityPrefix();
    this.offsets(ends);
    if (items.length === 0) return;
    const width = this.lowCardinalityHead(dictionary, items.length);
    this.pages.integers(items.values, 0, items.length, width);
  }

  /** A LowCardinality column of fixed values; rows hold their numbers. */
  lowCardinalityFixed(values: readonly string[], rows: IndexColumn): void {
    this.lowCardinalityPrefix();
    this.pages.uint64(LOW_CARDINALITY_FLAGS);
    this.pages.uint64(values.length);
    for (const value of values) this.pages.text(value);
    this.pages.uint64(rows.length);
    this.uint8(rows);
  }

  private pairs(column: AttributeColumn): void {
    const { keyOfPair } = column;
    if (keyOfPair.length === 0) return;
    const width = this.lowCardinalityHead(column.keys, keyOfPair.length);
    this.pages.integers(keyOfPair.values, 0, keyOfPair.length, width);
    this.bytes(column.values.content());
  }

  private lowCardinalityPrefix(): void {
    this.pages.uint64(LOW_CARDINALITY_VERSION);
  }

  /** Writes the dictionary; returns the bytes of an index. */
  private lowCardinalityHead(dictionary: StringDictionary, rows: number): Width {
    const kind = dictionary.count <= 0x100 ? 0 : dictionary.count <= 0x10000 ? 1 : 2;
    this.pages.uint64(LOW_CARDINALITY_FLAGS | kind);
    this.pages.uint64(dictionary.count);
    this.bytes(dictionary.keys.content());
    this.pages.uint64(rows);
    return kind === 0 ? 1 : kind === 1 ? 2 : 4;
  }
}

/** Where entry `index` ends; entry -1 ends where the first begins. */
function endOf(ends: IndexColumn, index: number): number {
  return index < 0 ? 0 : (ends.values[index] ?? 0);
}

/** Calls for each run of equal values with the value and how often it stands there. */
function forEachRun(rows: IndexColumn, visit: (value: number, count: number) => void): void {
  const { values, length } = rows;
  for (let from = 0; from < length;) {
    const value = values[from] ?? 0;
    let to = from + 1;
    while (to < length && values[to] === value) to++;
    visit(value, to - from);
    from = to;
  }
}
