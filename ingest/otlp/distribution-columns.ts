// The columns of `metrics_distributions` for one block: histograms, exponential histograms and summaries.
// In: rows that ingest/otlp/distribution-points.ts appends. Out: one Native insert.
// Bounds: types and names are those of storage/migrations/0002_logs_and_metrics.sql; what a shape does not have is 0 or [], Min and Max null.
import type { TableInsert } from "./block.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import type { DecodeLimits } from "./limits.ts";
import { MetricColumns, SHARED_HEAD, SHARED_TAIL } from "./metric-columns.ts";
import type { OriginTable } from "./origins.ts";

const SHAPE_TYPE = "Enum8('histogram' = 0, 'exponential' = 1, 'summary' = 2)";
/** Bytes of a row besides those counted by content. */
const ROW_BYTES = 180;

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
      this.rows * ROW_BYTES +
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
