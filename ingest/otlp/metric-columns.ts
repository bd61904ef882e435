// The columns of `metrics_numbers` for one block, and what `metrics_distributions` has in common with them.
// In: rows that ingest/otlp/metrics.ts appends. Out: one Native insert.
// Bounds: types and names are those of storage/migrations/0002_logs_and_metrics.sql, IngestedAt is left to its default.
import { AttributeColumn } from "./attributes.ts";
import type { TableInsert } from "./block.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import { NativeWriter } from "./native-block.ts";
import { OriginRows } from "./origin-rows.ts";
import type { OriginTable } from "./origins.ts";

const LOW_CARDINALITY = "LowCardinality(String)";
const MAP = "Map(LowCardinality(String), String)";
const KIND_TYPE = "Enum8('gauge' = 0, 'delta' = 1, 'cumulative' = 2)";
const IDENTITY = ["Tenant", "Cluster", "Namespace", "Service", "Version", "Instance", "Node"] as const;
const NUMBER_ROW_BYTES = 60;

interface Column {
  mark(): void;
  rollback(): void;
  clear(): void;
}

/** Columns that both tables have. */
export class MetricColumns {
  readonly originRows = new OriginRows();
  readonly timestamps = new ByteColumn(8192);
  readonly startTimestamps = new ByteColumn(8192);
  readonly names: StringDictionary;
  readonly nameOfRow = new IndexColumn(1024);
  readonly units: StringDictionary;
  readonly unitOfRow = new IndexColumn(1024);
  readonly kinds = new IndexColumn(1024);
  readonly attributes: AttributeColumn;
  protected readonly writer = new NativeWriter();
  private readonly columns: Column[];

  constructor(limits: DecodeLimits, seed: number) {
    this.names = new StringDictionary(seed);
    this.units = new StringDictionary(seed, 256);
    this.attributes = new AttributeColumn(limits, seed);
    this.columns = [
      this.originRows,
      this.timestamps,
      this.startTimestamps,
      this.names,
      this.nameOfRow,
      this.units,
      this.unitOfRow,
      this.kinds,
      this.attributes,
    ];
  }

  /** Adds what only one table has; called by constructors. */
  protected own(columns: readonly Column[]): void {
    this.columns.push(...columns);
  }

  get rows(): number {
    return this.kinds.length;
  }

  protected get sharedBytes(): number {
    return this.attributes.values.length + this.attributes.keyOfPair.length;
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

  protected writeHead(columns: number): void {
    const w = this.writer;
    w.reset();
    w.block(columns, this.rows);
    w.column("Timestamp", "DateTime64(9)");
    w.bytes(this.timestamps.content());
    w.column("StartTimestamp", "DateTime64(9)");
    w.bytes(this.startTimestamps.content());
    w.column("MetricName", LOW_CARDINALITY);
    w.lowCardinality(this.names, this.nameOfRow);
    w.column("Kind", KIND_TYPE);
    w.uint8(this.kinds);
    w.column("Unit", LOW_CARDINALITY);
    w.lowCardinality(this.units, this.unitOfRow);
  }

  protected writeTail(origins: OriginTable): void {
    const w = this.writer;
    w.column("Attributes", MAP);
    w.maps(this.attributes);
    origins.writeResourceAttributes(w, this.originRows);
    origins.scopes.writeName(w, this.originRows.scopes, LOW_CARDINALITY);
    for (const column of IDENTITY) origins.writeIdentity(w, this.originRows, column);
  }
}

/** Names of the columns that both tables begin with. */
export const SHARED_HEAD = ["Timestamp", "StartTimestamp", "MetricName", "Kind", "Unit"];
/** Names of the columns that both tables end with. */
export const SHARED_TAIL = ["Attributes", "ResourceAttributes", "ScopeName", ...IDENTITY];
const NUMBER_COLUMNS = [...SHARED_HEAD, "Monotonic", "Value", ...SHARED_TAIL];

/** Rows of `metrics_numbers`. */
export class NumberColumns extends MetricColumns {
  readonly monotonic = new IndexColumn(1024);
  readonly values = new ByteColumn(8192);

  constructor(limits: DecodeLimits, seed: number) {
    super(limits, seed);
    this.own([this.monotonic, this.values]);
  }

  get bytes(): number {
    return this.rows * NUMBER_ROW_BYTES + this.sharedBytes;
  }

  insert(origins: OriginTable): TableInsert {
    const w = this.writer;
    this.writeHead(NUMBER_COLUMNS.length);
    w.column("Monotonic", "UInt8");
    w.uint8(this.monotonic);
    w.column("Value", "Float64");
    w.bytes(this.values.content());
    this.writeTail(origins);
    return { table: "metrics_numbers", columns: NUMBER_COLUMNS, rows: this.rows, chunks: w.finish() };
  }
}
