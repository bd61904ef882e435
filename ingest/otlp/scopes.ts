// Instrumentation scopes of one block: name, version, attributes and schema URL, kept once and named by number on each row.
// In: InstrumentationScope messages. Out: numbers; at the end the repeated columns.
// Bounds: names are cut at 1024 bytes; a scope that repeats the last one without attributes is the last one.
import { AttributeColumn } from "./attributes.ts";
import { IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import type { NativeWriter } from "./native-block.ts";
import type { WireReader } from "./wire.ts";

const MAX_TEXT_BYTES = 1024;

/** The scopes of one block. */
export class ScopeTable {
  readonly attributes: AttributeColumn;
  private readonly names: StringDictionary;
  private readonly versions: StringDictionary;
  private readonly urls: StringDictionary;
  private readonly nameOfScope = new IndexColumn(64);
  private readonly versionOfScope = new IndexColumn(64);
  private readonly urlOfScope = new IndexColumn(64);
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];

  constructor(limits: DecodeLimits, seed: number) {
    this.attributes = new AttributeColumn(limits, seed, 256);
    this.names = new StringDictionary(seed, 256);
    this.versions = new StringDictionary(seed, 256);
    this.urls = new StringDictionary(seed, 256);
    this.columns = [
      this.attributes,
      this.names,
      this.versions,
      this.urls,
      this.nameOfScope,
      this.versionOfScope,
      this.urlOfScope,
    ];
  }

  /** Reads the message in `[from, from + length)` (length 0: none); returns the scope's number. */
  open(reader: WireReader, from: number, length: number, urlFrom: number, urlLength: number): number {
    const end = from + length;
    let name = -1;
    let version = -1;
    const { bytes, view } = reader;
    reader.position = from;
    while (reader.position < end) {
      const tag = reader.tag(end);
      const isText = tag === 0x0a || tag === 0x12;
      if (isText) {
        const size = reader.length(end);
        const start = reader.position;
        reader.position += size;
        if (reader.failure !== null) return 0;
        if (tag === 0x0a) name = this.names.intern(bytes, view, start, Math.min(size, MAX_TEXT_BYTES));
        else version = this.versions.intern(bytes, view, start, Math.min(size, MAX_TEXT_BYTES));
      } else if (tag === 0x1a) {
        const size = reader.length(end);
        this.attributes.append(reader, reader.position + size);
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null) return 0;
    if (name < 0) name = this.names.intern(bytes, view, 0, 0);
    if (version < 0) version = this.versions.intern(bytes, view, 0, 0);
    const url = this.urls.intern(bytes, view, urlFrom, Math.min(urlLength, MAX_TEXT_BYTES));
    const last = this.nameOfScope.length - 1;
    const pairs = this.attributes.pairEnds;
    if (
      last >= 0 &&
      this.nameOfScope.values[last] === name &&
      this.versionOfScope.values[last] === version &&
      this.urlOfScope.values[last] === url &&
      this.attributes.keyOfPair.length === pairs.values[last] &&
      (last === 0 ? 0 : pairs.values[last - 1]) === pairs.values[last]
    ) {
      return last;
    }
    this.attributes.endMap();
    this.nameOfScope.push(name);
    this.versionOfScope.push(version);
    this.urlOfScope.push(url);
    return this.nameOfScope.length - 1;
  }

  mark(): void {
    for (const column of this.columns) column.mark();
  }

  rollback(): void {
    for (const column of this.columns) column.rollback();
  }

  clear(): void {
    for (const column of this.columns) column.clear();
  }

  writeName(writer: NativeWriter, rows: IndexColumn, type: "String" | "LowCardinality(String)"): void {
    writer.column("ScopeName", type);
    if (type === "String") writer.stringsOf(this.names, this.nameOfScope, rows);
    else writer.lowCardinalityOf(this.names, this.nameOfScope, rows);
  }

  writeVersion(writer: NativeWriter, rows: IndexColumn, type: "String" | "LowCardinality(String)"): void {
    writer.column("ScopeVersion", type);
    if (type === "String") writer.stringsOf(this.versions, this.versionOfScope, rows);
    else writer.lowCardinalityOf(this.versions, this.versionOfScope, rows);
  }

  writeAttributes(writer: NativeWriter, rows: IndexColumn): void {
    writer.column("ScopeAttributes", "Map(LowCardinality(String), String)");
    writer.mapsOf(this.attributes, rows);
  }

  writeSchemaUrl(writer: NativeWriter, rows: IndexColumn): void {
    writer.column("ScopeSchemaUrl", "LowCardinality(String)");
    writer.lowCardinalityOf(this.urls, this.urlOfScope, rows);
  }
}
