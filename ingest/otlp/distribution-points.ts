// Points of histograms, exponential histograms and summaries: one distribution a row.
// In: a cursor on a data point. Out: rows of `metrics_distributions`. Bounds: 4096 buckets a side; those past it are left out and counted.
import type { DistributionColumns, WideArrays } from "./distribution-columns.ts";
import { type PointHost, PointReader } from "./metric-points.ts";
import type { OriginTable } from "./origins.ts";
import type { WireReader } from "./wire.ts";

const HISTOGRAM = 0;
const EXPONENTIAL = 1;
const SUMMARY = 2;
const MAX_BUCKETS = 4096;
const TWO_32 = 4294967296;

/** Reads points of distributions. */
export class DistributionPoints extends PointReader {
  private readonly columns: DistributionColumns;
  private countLow = 0;
  private countHigh = 0;
  private sum = 0;
  private min: number | null = null;
  private max: number | null = null;

  constructor(reader: WireReader, origins: OriginTable, host: PointHost, columns: DistributionColumns) {
    super(reader, origins, host);
    this.columns = columns;
  }

  private clearPoint(): void {
    this.openPoint();
    this.countLow = this.countHigh = 0;
    this.sum = 0;
    this.min = null;
    this.max = null;
  }

  /** HistogramDataPoint {2: start, 3: time, 4: count, 5: sum, 6: bucket_counts*, 7: explicit_bounds*, 9: attributes*, 10: flags, 11: min, 12: max}. */
  readHistogram(end: number): void {
    const { reader, columns: distributions } = this;
    this.clearPoint();
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x4a:
          this.readAttribute(distributions.attributes, end);
          break;
        case 0x11:
          this.readStart(end);
          break;
        case 0x19:
          this.readTime(end);
          break;
        case 0x21:
          this.readCount(end);
          break;
        case 0x29:
          this.sum = reader.double(end);
          break;
        case 0x32:
        case 0x31:
          this.readWide(tag, end, distributions.bucketCounts);
          break;
        case 0x3a:
        case 0x39:
          this.readWide(tag, end, distributions.bounds);
          break;
        case 0x50:
          this.flags = reader.varint(end);
          break;
        case 0x59:
          this.min = reader.double(end);
          break;
        case 0x61:
          this.max = reader.double(end);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    this.endDistribution(end, HISTOGRAM, 0, 0, 0, 0, 0);
  }

  /** ExponentialHistogramDataPoint {1: attributes*, 2: start, 3: time, 4: count, 5: sum, 6: scale, 7: zero_count, 8: positive, 9: negative, 10: flags, 12: min, 13: max}. */
  readExponential(end: number): void {
    const { reader, columns: distributions } = this;
    this.clearPoint();
    let scale = 0;
    let zeroLow = 0;
    let zeroHigh = 0;
    let positiveOffset = 0;
    let negativeOffset = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x0a:
          this.readAttribute(distributions.attributes, end);
          break;
        case 0x11:
          this.readStart(end);
          break;
        case 0x19:
          this.readTime(end);
          break;
        case 0x21:
          this.readCount(end);
          break;
        case 0x29:
          this.sum = reader.double(end);
          break;
        case 0x30:
          scale = zigzag(reader.varint(end));
          break;
        case 0x39:
          reader.fixed64(end);
          zeroLow = reader.low;
          zeroHigh = reader.high;
          break;
        case 0x42:
          positiveOffset = this.readBuckets(end, distributions.bucketCounts);
          break;
        case 0x4a:
          negativeOffset = this.readBuckets(end, distributions.negativeCounts);
          break;
        case 0x50:
          this.flags = reader.varint(end);
          break;
        case 0x61:
          this.min = reader.double(end);
          break;
        case 0x69:
          this.max = reader.double(end);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    this.endDistribution(end, EXPONENTIAL, scale, zeroLow, zeroHigh, positiveOffset, negativeOffset);
  }

  /** SummaryDataPoint {2: start, 3: time, 4: count, 5: sum, 6: quantile_values*, 7: attributes*, 8: flags}. */
  readSummary(end: number): void {
    const { reader, columns: distributions } = this;
    this.clearPoint();
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x3a:
          this.readAttribute(distributions.attributes, end);
          break;
        case 0x11:
          this.readStart(end);
          break;
        case 0x19:
          this.readTime(end);
          break;
        case 0x21:
          this.readCount(end);
          break;
        case 0x29:
          this.sum = reader.double(end);
          break;
        case 0x32:
          this.readQuantile(reader.length(end) + reader.position);
          break;
        case 0x40:
          this.flags = reader.varint(end);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    this.endDistribution(end, SUMMARY, 0, 0, 0, 0, 0);
  }

  private readCount(end: number): void {
    this.reader.fixed64(end);
    this.countLow = this.reader.low;
    this.countHigh = this.reader.high;
  }

  /** Fixed 64-bit items, packed or one by one. */
  private readWide(tag: number, end: number, arrays: WideArrays): void {
    const { reader } = this;
    const length = (tag & 7) === 2 ? reader.length(end) : 8;
    if (length % 8 !== 0 || reader.position + length > end) {
      reader.fail("truncated");
      return;
    }
    this.putItems(arrays, length >> 3, () => {
      reader.fixed64(end);
    });
  }

  /** Buckets {1: offset, 2: counts*, varints packed or one by one}; returns the offset. */
  private readBuckets(parentEnd: number, arrays: WideArrays): number {
    const { reader } = this;
    const end = reader.length(parentEnd) + reader.position;
    let offset = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x08) offset = zigzag(reader.varint(end));
      else if (tag === 0x12) {
        const itemsEnd = reader.length(end) + reader.position;
        while (reader.position < itemsEnd) this.putItems(arrays, 1, () => reader.varintParts(itemsEnd));
      } else if (tag === 0x10) this.putItems(arrays, 1, () => reader.varintParts(end));
      else reader.skip(tag, end);
    }
    reader.finish(end);
    return offset;
  }

  /** Appends `count` items that `read` leaves in the reader's halves. */
  private putItems(arrays: WideArrays, count: number, read: () => void): void {
    const first = arrays.ends.length === 0 ? 0 : (arrays.ends.values[arrays.ends.length - 1] ?? 0);
    for (let i = 0; i < count; i++) {
      read();
      if ((arrays.items.length >> 3) - first >= MAX_BUCKETS) {
        this.host.truncated++;
        continue;
      }
      arrays.items.reserve(8);
      arrays.items.putUint64(this.reader.low, this.reader.high);
    }
  }

  /** ValueAtQuantile {1: quantile, 2: value}. */
  private readQuantile(end: number): void {
    const { reader, columns: distributions } = this;
    let quantile = 0;
    let value = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x09) quantile = reader.double(end);
      else if (tag === 0x11) value = reader.double(end);
      else reader.skip(tag, end);
    }
    reader.finish(end);
    for (const [arrays, number] of [
      [distributions.bounds, quantile],
      [distributions.quantileValues, value],
    ] as const) {
      arrays.items.reserve(8);
      arrays.items.putFloat64(number);
    }
  }

  private endDistribution(
    end: number,
    shape: number,
    scale: number,
    zeroLow: number,
    zeroHigh: number,
    positiveOffset: number,
    negativeOffset: number,
  ): void {
    const { reader, columns: d } = this;
    reader.finish(end);
    if (reader.failure !== null) return;
    const arrays = [d.bounds, d.bucketCounts, d.quantileValues, d.negativeCounts];
    if (!this.isKept(true)) {
      d.attributes.truncate(d.rows);
      for (const array of arrays) array.dropRow();
      return;
    }
    for (const array of arrays) array.endRow();
    this.putShared(d);
    d.shapes.push(shape);
    for (const column of [
      d.counts,
      d.sums,
      d.mins,
      d.maxes,
      d.zeroCounts,
      d.scales,
      d.positiveOffsets,
      d.negativeOffsets,
    ])
      column.reserve(8);
    d.counts.putUint64(this.countLow, this.countHigh);
    d.sums.putFloat64(this.sum);
    d.minIsNull.push(this.min === null ? 1 : 0);
    d.mins.putFloat64(this.min ?? 0);
    d.maxIsNull.push(this.max === null ? 1 : 0);
    d.maxes.putFloat64(this.max ?? 0);
    d.scales.putInt32(scale);
    d.zeroCounts.putUint64(zeroLow, zeroHigh);
    d.positiveOffsets.putInt32(positiveOffset);
    d.negativeOffsets.putInt32(negativeOffset);
  }
}

/** sint32 of a varint. */
function zigzag(value: number): number {
  const low = value % TWO_32;
  return (low >>> 1) ^ -(low & 1);
}
