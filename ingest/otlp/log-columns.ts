// The columns of the `logs` table for one block.
// In: rows that ingest/otlp/logs.ts appends. Out: one Native insert.
// Bounds: types and names are those of storage/migrations/0002_logs_and_metrics.sql, IngestedAt is left to its default.
import { AttributeColumn } from "./attributes.ts";
import { CROWDED_DICTIONARY, type TableInsert } from "./block.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import { NativeWriter } from "./native-block.ts";
import { OriginRows } from "./origin-rows.ts";
import type { OriginTable } from "./origins.ts";

/** Bytes of a row besides those counted by content. */
const ROW_BYTES = 110;
const LOW_CARDINALITY = "LowCardinality(String)";
const MAP = "Map(LowCardinality(String), String)";

const COLUMNS = [
  "Timestamp",
  "TraceId",
  "SpanId",
  "TraceFlags",
  "SeverityText",
  "SeverityNumber",
  "ServiceName",
  "Body",
  "ResourceSchemaUrl",
  "ScopeSchemaUrl",
  "ResourceAttributes",
  "ScopeName",
  "ScopeVersion",
  "ScopeAttributes",
  "LogAttributes",
  "EventName",
  "Tenant",
  "Cluster",
  "Namespace",
  "Service",
  "Version",
  "Instance",
  "Node",
] as const;

/** Columns of logs; each is public to the decoder that fills it. */
export class LogColumns {
  private readonly origins: OriginTable;
  readonly originRows = new OriginRows();
  readonly timestamps = new ByteColumn(8192);
  readonly traceIds = new ByteColumn(32768);
  readonly spanIds = new ByteColumn(16384);
  readonly flags = new IndexColumn(1024);
  readonly severityTexts: StringDictionary;
  readonly severityTextOfRow = new IndexColumn(1024);
  readonly severities = new IndexColumn(1024);
  readonly bodies = new ByteColumn(1 << 16);
  readonly attributes: AttributeColumn;
  readonly eventNames = new ByteColumn(1024);
  /** Where a body that is no string is written before its length is known. */
  readonly scratch = new ByteColumn(4096);
  private readonly writer = new NativeWriter();
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];

  constructor(limits: DecodeLimits, origins: OriginTable, seed: number) {
    this.origins = origins;
    this.severityTexts = new StringDictionary(seed, 256);
    this.attributes = new AttributeColumn(limits, seed, 1 << 16);
    this.columns = [
      this.originRows,
      this.timestamps,
      this.traceIds,
      this.spanIds,
      this.flags,
      this.severityTexts,
      this.severityTextOfRow,
      this.severities,
      this.bodies,
      this.attributes,
      this.eventNames,
    ];
  }

  get rows(): number {
    return this.severities.length;
  }

  get bytes(): number {
    return (
      this.rows * ROW_BYTES +
      this.bodies.length +
      this.attributes.values.length +
      this.attributes.keyOfPair.length +
      this.eventNames.length
    );
  }

  get isCrowded(): boolean {
    return this.attributes.keys.count > CROWDED_DICTIONARY || this.severityTexts.count > CROWDED_DICTIONARY;
  }

  mark(): void {
    for (const column of this.columns) column.mark();
  }

  rollback(): void {
    for (const column of this.columns) column.rollback();
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.writer.reset();
  }

  insert(): TableInsert {
    const { writer: w, origins, originRows } = this;
    w.reset();
    w.block(COLUMNS.length, this.rows);
    w.column("Timestamp", "DateTime64(9)");
    w.bytes(this.timestamps.content());
    w.column("TraceId", "String");
    w.strings(this.traceIds);
    w.column("SpanId", "String");
    w.strings(this.spanIds);
    w.column("TraceFlags", "UInt8");
    w.uint8(this.flags);
    w.column("SeverityText", LOW_CARDINALITY);
    w.lowCardinality(this.severityTexts, this.severityTextOfRow);
    w.column("SeverityNumber", "UInt8");
    w.uint8(this.severities);
    origins.writeIdentity(w, originRows, "ServiceName");
    w.column("Body", "String");
    w.strings(this.bodies);
    origins.writeResourceSchemaUrl(w, originRows);
    origins.scopes.writeSchemaUrl(w, originRows.scopes);
    origins.writeResourceAttributes(w, originRows);
    origins.scopes.writeName(w, originRows.scopes, "String");
    origins.scopes.writeVersion(w, originRows.scopes, LOW_CARDINALITY);
    origins.scopes.writeAttributes(w, originRows.scopes);
    w.column("LogAttributes", MAP);
    w.maps(this.attributes);
    w.column("EventName", "String");
    w.strings(this.eventNames);
    for (const column of ["Tenant", "Cluster", "Namespace", "Service", "Version", "Instance", "Node"] as const) {
      origins.writeIdentity(w, originRows, column);
    }
    return { table: "logs", columns: COLUMNS, rows: this.rows, chunks: w.finish() };
  }
}
