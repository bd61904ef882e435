// The columns of `metrics_numbers` and `metrics_distributions` for one block.
// In: rows that ingest/otlp/metrics.ts appends. Out: one Native insert a table.
// Bounds: types and names are those of storage/migrations/0002_logs_and_metrics.sql; what a shape does not have is 0 or [], Min and Max null.
import { AttributeColumn } from "./attributes.ts";
import type { TableInsert } from "./block.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import { NativeWriter } from "./native-block.ts";
import { OriginRows, type OriginTable } from "./origins.ts";

const LOW_CARDINALITY = "LowCardinality(String)";
const MAP = "Map(LowCardinality(String), String)";
const KIND_TYPE = "Enum8('gauge' = 0, 'delta' = 1, 'cumulative' = 2)";
const SHAPE_TYPE = "Enum8('histogram' = 0, 'exponential' = 1, 'summary' = 2)";
const IDENTITY = ["Tenant", "Cluster", "Namespace", "Service", "Version", "Instance", "Node"] as const;
const NUMBER_ROW_BYTES = 60;
const DISTRIBUTION_ROW_BYTES = 180;

interface Column {
  mark(): void;
  rollback(): void;
  clear(): void;
}

/** Columns that both tables have. */
class MetricColumns {
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
    origins.writeScopeName(w, this.originRows, LOW_CARDINALITY);
    for (const column of IDENTITY) origins.writeIdentity(w, this.originRows, column);
  }
}

const SHARED_HEAD = ["Timestamp", "StartTimestamp", "MetricName", "Kind", "Unit"];
const SHARED_TAIL = ["Attributes", "ResourceAttributes", "ScopeName", ...IDENTITY];
const NUMBER_COLUMNS = [...SHARED_HEAD, "Monotonic", "Value", ...SHARED_TAIL];
const DISTRIBUTION_COLUMNS = [
  ...SHARED_HEAD,
  "Shape",
  "ObservationCount",
  "Sum",
  "Min",
  "Max",
  "Bounds",
  "Counts",
  "Values",
  "Scale",
  "ZeroCount",
  "PositiveOffset",
  "NegativeOffset",
  "NegativeCounts",
  ...SHARED_TAIL,
];

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

/** An array column of 8-byte values. */
export class WideArrays {
  readonly items = new ByteColumn(4096);
  readonly ends = new IndexColumn(256);

  /** Ends the array of a row. */
  endRow(): void {
    this.ends.push(this.items.length >> 3);
  }

  /** Takes back the items of a row that is not to be kept. */
  dropRow(): void {
    this.items.length = this.ends.length === 0 ? 0 : (this.ends.values[this.ends.length - 1] ?? 0) << 3;
  }

  mark(): void {
    this.items.mark();
    this.ends.mark();
  }

  rollback(): void {
    this.items.rollback();
    this.ends.rollback();
  }

  clear(): void {
    this.items.clear();
    this.ends.clear();
  }
}

/** Rows of `metrics_distributions`. */
export class DistributionColumns extends MetricColumns {
  readonly shapes = new IndexColumn(256);
  readonly counts = new ByteColumn(2048);
  readonly sums = new ByteColumn(2048);
  readonly minIsNull = new IndexColumn(256);
  readonly mins = new ByteColumn(2048);
  readonly maxIsNull = new IndexColumn(256);
  readonly maxes = new ByteColumn(2048);
  readonly bounds = new WideArrays();
  readonly bucketCounts = new WideArrays();
  readonly quantileValues = new WideArrays();
  readonly scales = new ByteColumn(1024);
  readonly zeroCounts = new ByteColumn(2048);
  readonly positiveOffsets = new ByteColumn(1024);
  readonly negativeOffsets = new ByteColumn(1024);
  readonly negativeCounts = new WideArrays();

  constructor(limits: DecodeLimits, seed: number) {
    super(limits, seed);
    this.own([
      this.shapes,
      this.counts,
      this.sums,
      this.minIsNull,
      this.mins,
      this.maxIsNull,
      this.maxes,
      this.bounds,
      this.bucketCounts,
      this.quantileValues,
      this.scales,
      this.zeroCounts,
      this.positiveOffsets,
      this.negativeOffsets,
      this.negativeCounts,
    ]);
  }

  get bytes(): number {
    return (
      this.rows * DISTRIBUTION_ROW_BYTES +
      this.sharedBytes +
      this.bounds.items.length +
      this.bucketCounts.items.length +
      this.quantileValues.items.length +
      this.negativeCounts.items.length
    );
  }

  insert(origins: OriginTable): TableInsert {
    const w = this.writer;
    this.writeHead(DISTRIBUTION_COLUMNS.length);
    w.column("Shape", SHAPE_TYPE);
    w.uint8(this.shapes);
    w.column("ObservationCount", "UInt64");
    w.bytes(this.counts.content());
    w.column("Sum", "Float64");
    w.bytes(this.sums.content());
    for (const [name, isNull, values] of [
      ["Min", this.minIsNull, this.mins],
      ["Max", this.maxIsNull, this.maxes],
    ] as const) {
      w.column(name, "Nullable(Float64)");
      w.uint8(isNull);
      w.bytes(values.content());
    }
    this.writeArrays("Bounds", "Array(Float64)", this.bounds);
    this.writeArrays("Counts", "Array(UInt64)", this.bucketCounts);
    this.writeArrays("Values", "Array(Float64)", this.quantileValues);
    w.column("Scale", "Int32");
    w.bytes(this.scales.content());
    w.column("ZeroCount", "UInt64");
    w.bytes(this.zeroCounts.content());
    w.column("PositiveOffset", "Int32");
    w.bytes(this.positiveOffsets.content());
    w.column("NegativeOffset", "Int32");
    w.bytes(this.negativeOffsets.content());
    this.writeArrays("NegativeCounts", "Array(UInt64)", this.negativeCounts);
    this.writeTail(origins);
    return { table: "metrics_distributions", columns: DISTRIBUTION_COLUMNS, rows: this.rows, chunks: w.finish() };
  }

  private writeArrays(name: string, type: string, arrays: WideArrays): void {
    this.writer.column(name, type);
    this.writer.offsets(arrays.ends);
    this.writer.bytes(arrays.items.content());
  }
}
