// OTLP metrics: an ExportMetricsServiceRequest straight into the columns of `metrics_numbers` and `metrics_distributions`.
// In: protobuf bytes in any field order. Out: rows in a block, one a data point. Points flagged "no recorded value" are no rows:
// a missing measurement is not 0. A point without a time has that of its arrival. Bounds: as for spans; 4096 buckets a point.
import { cutAtCharacter } from "./any-value.ts";
import type { AttributeColumn } from "./attributes.ts";
import { CROWDED_DICTIONARY, type RowBlock, type TableInsert } from "./block.ts";
import { EventTimes } from "./event-time.ts";
import { type GroupHandler, readGroups } from "./groups.ts";
import type { DecodeLimits, DecodeOutcome, PayloadFailure, RowFailure } from "./limits.ts";
import { DistributionColumns, NumberColumns, type WideArrays } from "./metric-columns.ts";
import { OriginTable, type ResourceMemory } from "./origins.ts";
import { toNumber, WireReader } from "./wire.ts";

const GAUGE = 0;
const DELTA = 1;
const CUMULATIVE = 2;
const HISTOGRAM = 0;
const EXPONENTIAL = 1;
const SUMMARY = 2;
const NO_RECORDED_VALUE = 1;
const TWO_32 = 4294967296;
const MAX_BUCKETS = 4096;
const CHECK_ROWS = 1024;

// Field numbers of Metric.data, as tags.
const GAUGE_TAG = 0x2a;
const SUM_TAG = 0x3a;
const HISTOGRAM_TAG = 0x4a;
const EXPONENTIAL_TAG = 0x52;
const SUMMARY_TAG = 0x5a;

/** A block of metric points, of both tables. */
export class MetricBlock implements RowBlock, GroupHandler {
  private readonly reader = new WireReader();
  private readonly origins: OriginTable;
  private readonly numbers: NumberColumns;
  private readonly distributions: DistributionColumns;
  private readonly times: EventTimes;
  private readonly limits: DecodeLimits;
  private failure: PayloadFailure | null = null;
  private rejected = 0;
  private rejectedReason: RowFailure | null = null;
  private truncated = 0;
  private startBytes = 0;
  private nowMs = 0;
  private numbersBefore = 0;
  private distributionsBefore = 0;
  // The metric being read.
  private nameFrom = 0;
  private nameLength = 0;
  private unitFrom = 0;
  private unitLength = 0;
  private kind = GAUGE;
  private monotonic = 0;
  // The point being read: what all kinds have.
  private timeLow = 0;
  private timeHigh = 0;
  private startLow = 0;
  private startHigh = 0;
  private countLow = 0;
  private countHigh = 0;
  private sum = 0;
  private min: number | null = null;
  private max: number | null = null;
  private flags = 0;

  constructor(tenant: string, limits: DecodeLimits, memory: ResourceMemory) {
    this.limits = limits;
    this.origins = new OriginTable(tenant, limits, memory);
    this.numbers = new NumberColumns(limits, memory.seed);
    this.distributions = new DistributionColumns(limits, memory.seed);
    this.times = new EventTimes(limits);
  }

  get rows(): number {
    return this.numbers.rows + this.distributions.rows;
  }

  get bytes(): number {
    return this.numbers.bytes + this.distributions.bytes + this.origins.expandedBytes;
  }

  get isCrowded(): boolean {
    return (
      [this.numbers, this.distributions].some(
        ({ names, attributes }) => names.count > CROWDED_DICTIONARY || attributes.keys.count > CROWDED_DICTIONARY,
      ) || this.times.isWide
    );
  }

  clear(): void {
    this.origins.clear();
    this.numbers.clear();
    this.distributions.clear();
    this.times.clear();
  }

  inserts(): readonly TableInsert[] {
    return [
      ...(this.numbers.rows > 0 ? [this.numbers.insert(this.origins)] : []),
      ...(this.distributions.rows > 0 ? [this.distributions.insert(this.origins)] : []),
    ];
  }

  decode(payload: Uint8Array, nowMs: number): DecodeOutcome {
    const { reader, origins, numbers, distributions } = this;
    const rowsBefore = this.rows;
    origins.mark();
    numbers.mark();
    distributions.mark();
    this.nowMs = nowMs;
    this.times.open(nowMs);
    this.failure = null;
    this.rejected = 0;
    this.rejectedReason = null;
    this.truncated = 0;
    const counters = [numbers.attributes, distributions.attributes, origins.resources, origins.scopeAttributes];
    for (const counter of counters) counter.truncated = 0;
    this.startBytes = this.bytes;
    reader.open(payload);
    readGroups(reader, payload.length, origins, this);
    const failure = this.failure ?? reader.failure;
    reader.close();
    if (failure !== null) {
      origins.rollback();
      numbers.rollback();
      distributions.rollback();
      return { ok: false, reason: failure };
    }
    return {
      ok: true,
      rows: this.rows - rowsBefore,
      rejected: this.rejected,
      rejectedReason: this.rejectedReason,
      truncated: counters.reduce((total, counter) => total + counter.truncated, this.truncated),
    };
  }

  openGroup(): void {
    this.numbersBefore = this.numbers.rows;
    this.distributionsBefore = this.distributions.rows;
  }

  closeGroup(resource: number, scope: number): void {
    const { origins, numbers, distributions } = this;
    origins.addRows(numbers.originRows, numbers.rows - this.numbersBefore, resource, scope);
    origins.addRows(distributions.originRows, distributions.rows - this.distributionsBefore, resource, scope);
    this.checkSize();
  }

  /** Metric {1: name, 3: unit, 5 | 7 | 9 | 10 | 11: data}; the data may come first, so it is read last. */
  readRecord(end: number): void {
    const { reader } = this;
    let dataTag = 0;
    let dataFrom = 0;
    let dataEnd = 0;
    this.nameLength = 0;
    this.unitLength = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        this.nameLength = reader.length(end);
        this.nameFrom = reader.position;
        reader.position += this.nameLength;
      } else if (tag === 0x1a) {
        this.unitLength = reader.length(end);
        this.unitFrom = reader.position;
        reader.position += this.unitLength;
      } else if (
        tag === GAUGE_TAG ||
        tag === SUM_TAG ||
        tag === HISTOGRAM_TAG ||
        tag === EXPONENTIAL_TAG ||
        tag === SUMMARY_TAG
      ) {
        const length = reader.length(end);
        dataTag = tag;
        dataFrom = reader.position;
        dataEnd = dataFrom + length;
        reader.position = dataEnd;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null || dataTag === 0) return;
    this.nameLength = this.cut(this.nameFrom, this.nameLength);
    this.unitLength = this.cut(this.unitFrom, this.unitLength);
    this.readKind(dataTag, dataFrom, dataEnd);
    reader.position = dataFrom;
    while (reader.position < dataEnd) {
      const tag = reader.tag(dataEnd);
      if (tag === 0x0a) {
        const length = reader.length(dataEnd);
        const pointEnd = reader.position + length;
        if (dataTag === GAUGE_TAG || dataTag === SUM_TAG) this.readNumber(pointEnd);
        else if (dataTag === HISTOGRAM_TAG) this.readHistogram(pointEnd);
        else if (dataTag === EXPONENTIAL_TAG) this.readExponential(pointEnd);
        else this.readSummary(pointEnd);
        if (reader.failure !== null) return;
        if (this.rows % CHECK_ROWS === 0) this.checkSize();
      } else reader.skip(tag, dataEnd);
    }
    reader.finish(dataEnd);
    if (reader.failure === null) reader.position = end;
  }

  /** Sum and the histograms {2: temporality, 3: monotonic}. */
  private readKind(dataTag: number, from: number, end: number): void {
    const { reader } = this;
    this.kind = dataTag === SUMMARY_TAG ? CUMULATIVE : GAUGE;
    this.monotonic = 0;
    if (dataTag === GAUGE_TAG || dataTag === SUMMARY_TAG) return;
    reader.position = from;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x10) {
        const temporality = reader.varint(end);
        this.kind = temporality === DELTA || temporality === CUMULATIVE ? temporality : GAUGE;
      } else if (tag === 0x18) this.monotonic = reader.varint(end) === 0 ? 0 : 1;
      else reader.skip(tag, end);
    }
  }

  private clearPoint(): void {
    this.timeLow = this.timeHigh = this.startLow = this.startHigh = 0;
    this.countLow = this.countHigh = 0;
    this.sum = 0;
    this.min = null;
    this.max = null;
    this.flags = 0;
  }

  /** NumberDataPoint {2: start, 3: time, 4: double, 6: int, 7: attributes*, 8: flags}. */
  private readNumber(end: number): void {
    const { reader, numbers } = this;
    const maps = numbers.attributes.pairEnds.length;
    this.clearPoint();
    let value = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x3a:
          this.readAttribute(numbers.attributes, end);
          break;
        case 0x11:
          this.readStart(end);
          break;
        case 0x19:
          this.readTime(end);
          break;
        case 0x21:
          value = reader.double(end);
          break;
        case 0x31:
          reader.fixed64(end);
          value = toNumber(reader.low, reader.high | 0);
          break;
        case 0x40:
          this.flags = reader.varint(end);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    reader.finish(end);
    if (reader.failure !== null) return;
    if (!this.isKept()) {
      numbers.attributes.truncate(maps);
      return;
    }
    this.putShared(numbers);
    numbers.monotonic.push(this.monotonic);
    numbers.values.reserve(8);
    numbers.values.putFloat64(value);
  }

  /** HistogramDataPoint {2: start, 3: time, 4: count, 5: sum, 6: bucket_counts*, 7: explicit_bounds*, 9: attributes*, 10: flags, 11: min, 12: max}. */
  private readHistogram(end: number): void {
    const { reader, distributions } = this;
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
  private readExponential(end: number): void {
    const { reader, distributions } = this;
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
  private readSummary(end: number): void {
    const { reader, distributions } = this;
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

  private readAttribute(attributes: AttributeColumn, end: number): void {
    const length = this.reader.length(end);
    attributes.append(this.reader, this.reader.position + length);
  }

  private readTime(end: number): void {
    this.reader.fixed64(end);
    this.timeLow = this.reader.low;
    this.timeHigh = this.reader.high;
  }

  private readStart(end: number): void {
    this.reader.fixed64(end);
    this.startLow = this.reader.low;
    this.startHigh = this.reader.high;
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
        this.truncated++;
        continue;
      }
      arrays.items.reserve(8);
      arrays.items.putUint64(this.reader.low, this.reader.high);
    }
  }

  /** ValueAtQuantile {1: quantile, 2: value}. */
  private readQuantile(end: number): void {
    const { reader, distributions } = this;
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
    const { reader, distributions: d } = this;
    reader.finish(end);
    if (reader.failure !== null) return;
    const arrays = [d.bounds, d.bucketCounts, d.quantileValues, d.negativeCounts];
    if (!this.isKept()) {
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

  /** False for a point without a value, and for one whose time is refused. */
  private isKept(): boolean {
    if ((this.flags & NO_RECORDED_VALUE) !== 0) return false;
    if (this.timeLow === 0 && this.timeHigh === 0) {
      const ns = this.nowMs * 1e6;
      this.timeHigh = Math.floor(ns / TWO_32);
      this.timeLow = ns % TWO_32;
    }
    const refused = this.times.judge(this.timeLow, this.timeHigh);
    if (refused === null) return true;
    this.rejected++;
    this.rejectedReason ??= refused;
    return false;
  }

  private putShared(columns: NumberColumns | DistributionColumns): void {
    const { bytes, view } = this.reader;
    columns.attributes.endMap();
    columns.timestamps.reserve(8);
    columns.timestamps.putUint64(this.timeLow, this.timeHigh);
    columns.startTimestamps.reserve(8);
    columns.startTimestamps.putUint64(this.startLow, this.startHigh);
    columns.nameOfRow.push(columns.names.intern(bytes, view, this.nameFrom, this.nameLength));
    columns.unitOfRow.push(columns.units.intern(bytes, view, this.unitFrom, this.unitLength));
    columns.kinds.push(this.kind);
    columns.originRows.identities.push(this.origins.plainIdentity());
  }

  private cut(from: number, length: number): number {
    if (length <= this.limits.maxNameBytes) return length;
    this.truncated++;
    return cutAtCharacter(this.reader.bytes, from, this.limits.maxNameBytes);
  }

  private checkSize(): void {
    if (this.bytes - this.startBytes > this.limits.maxExpandedBytes) {
      this.failure = "expansion";
      this.reader.fail("overrun");
    }
  }
}

/** sint32 of a varint. */
function zigzag(value: number): number {
  const low = value % TWO_32;
  return (low >>> 1) ^ -(low & 1);
}
