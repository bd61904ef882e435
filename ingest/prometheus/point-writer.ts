// OTLP metrics from Prometheus series: one Metric message a series, grouped by resource.
// In: a series' labels, kind and points. Out: an ExportMetricsServiceRequest.
// Counters are cumulative monotonic sums, everything else is a gauge; native histograms as native-histogram.ts reads them. Exemplars are dropped.
// Bounds: `maxBytes` of output; past it `isOver` is true and the request must be refused.
import type { SeriesLabels } from "./labels.ts";
import type { BucketSide, NativeHistogram } from "./native-histogram.ts";
import { fieldLength, ProtobufWriter, varintLength } from "./protobuf-writer.ts";

const CUMULATIVE = 2;
const MAX_RESOURCE_BYTES = 1 << 20;

/** A unit in the request: bytes of the symbol table. */
export interface UnitRange {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly length: number;
}

interface ResourceGroup {
  readonly attributes: Uint8Array;
  /** Pairs of from and to in the metrics' buffer. */
  readonly segments: number[];
}

/** Milliseconds as nanoseconds in two halves; most samples of a request have few different times. */
class Nanoseconds {
  private ms = 0;
  low = 0;
  high = 0;

  set(ms: number): void {
    if (ms === this.ms) return;
    this.ms = ms;
    const ns = BigInt(ms) * 1_000_000n;
    this.low = Number(ns & 0xffffffffn);
    this.high = Number(ns >> 32n);
  }
}

/** Collects the series of one request. */
export class PointWriter {
  private readonly metrics: ProtobufWriter;
  private readonly maxBytes: number;
  private readonly groups = new Map<string, ResourceGroup>();
  private readonly time = new Nanoseconds();
  private readonly start = new Nanoseconds();
  private group: ResourceGroup | null = null;
  private groupKey = "";

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.metrics = new ProtobufWriter(maxBytes, 64 << 10);
  }

  get isOver(): boolean {
    return this.metrics.isOver;
  }

  /** Opens the resource that `key` stands for; the next metrics are its own. */
  openResource(key: string, labels: SeriesLabels): void {
    if (this.group !== null && key === this.groupKey) return;
    let group = this.groups.get(key);
    if (group === undefined) {
      const attributes = new ProtobufWriter(MAX_RESOURCE_BYTES, 512);
      labels.writeResource(attributes, 0x0a);
      group = { attributes: attributes.isOver ? new Uint8Array(0) : attributes.content(), segments: [] };
      this.groups.set(key, group);
    }
    this.group = group;
    this.groupKey = key;
  }

  /** Writes one number; `startMs` is 0 when unknown. */
  number(
    labels: SeriesLabels,
    isCounter: boolean,
    unit: UnitRange,
    timeMs: number,
    startMs: number,
    value: number,
  ): void {
    const point = labels.attributesLength + 18 + (startMs > 0 ? 9 : 0);
    // Sum {1: points, 2: cumulative, 3: monotonic}; Gauge {1: points}.
    const out = this.openMetric(labels, unit, isCounter ? 0x3a : 0x2a, fieldLength(point) + (isCounter ? 4 : 0));
    out.open(0x0a, point);
    labels.writeAttributes(out, 0x3a);
    this.writeTimes(out, timeMs, startMs);
    out.double(0x21, value);
    if (isCounter) {
      out.varint(0x10, CUMULATIVE);
      out.varint(0x18, 1);
    }
    this.closeMetric();
  }

  /** Writes one native histogram. */
  histogram(labels: SeriesLabels, unit: UnitRange, histogram: NativeHistogram): void {
    const { timeMs, startMs, count, sum, shape, isGauge } = histogram;
    const shared = labels.attributesLength + 27 + (startMs > 0 ? 9 : 0);
    if (shape.kind === "explicit") {
      const arrays = fieldLength(8 * shape.counts.length) + fieldLength(8 * shape.bounds.length);
      const point = shared + arrays;
      const out = this.openMetric(labels, unit, 0x4a, fieldLength(point) + 2);
      out.open(0x0a, point);
      labels.writeAttributes(out, 0x4a);
      this.writeTotals(out, timeMs, startMs, count, sum);
      out.open(0x32, 8 * shape.counts.length);
      for (const bucket of shape.counts) out.fixedItem(bucket);
      out.open(0x3a, 8 * shape.bounds.length);
      for (const bound of shape.bounds) out.doubleItem(bound);
      out.varint(0x10, isGauge ? 0 : CUMULATIVE);
    } else {
      const { scale, zeroCount, positive, negative } = shape;
      const sides = fieldLength(sideLength(positive)) + fieldLength(sideLength(negative));
      const point = shared + 1 + varintLength(zigzag(scale)) + 9 + sides;
      const out = this.openMetric(labels, unit, 0x52, fieldLength(point) + 2);
      out.open(0x0a, point);
      labels.writeAttributes(out, 0x0a);
      this.writeTotals(out, timeMs, startMs, count, sum);
      out.varint(0x30, zigzag(scale));
      out.fixedNumber(0x39, zeroCount);
      writeSide(out, 0x42, positive);
      writeSide(out, 0x4a, negative);
      out.varint(0x10, isGauge ? 0 : CUMULATIVE);
    }
    this.closeMetric();
  }

  /** The whole request. */
  finish(): Uint8Array {
    const out = new ProtobufWriter(this.maxBytes * 2, this.metrics.length + 4096);
    const metrics = this.metrics.content();
    for (const { attributes, segments } of this.groups.values()) {
      let bytes = 0;
      for (let i = 0; i < segments.length; i += 2) bytes += (segments[i + 1] ?? 0) - (segments[i] ?? 0);
      if (bytes === 0) continue;
      out.open(0x0a, fieldLength(attributes.length) + fieldLength(bytes));
      out.open(0x0a, attributes.length);
      out.range(attributes, 0, attributes.length);
      out.open(0x12, bytes);
      for (let i = 0; i < segments.length; i += 2) {
        const from = segments[i] ?? 0;
        out.range(metrics, from, (segments[i + 1] ?? 0) - from);
      }
    }
    return out.content();
  }

  /** Metric {1: name, 3: unit, data}, up to the inside of its data of `length` bytes. */
  private openMetric(labels: SeriesLabels, unit: UnitRange, dataTag: number, length: number): ProtobufWriter {
    const out = this.metrics;
    const segments = this.group?.segments;
    if (segments !== undefined && segments[segments.length - 1] !== out.length) segments.push(out.length, out.length);
    const unitLength = unit.length === 0 ? 0 : fieldLength(unit.length);
    // ScopeMetrics.metrics.
    out.open(0x12, labels.nameFieldLength + unitLength + fieldLength(length));
    labels.writeName(out, 0x0a);
    if (unit.length > 0) {
      out.open(0x1a, unit.length);
      out.range(unit.bytes, unit.from, unit.length);
    }
    out.open(dataTag, length);
    return out;
  }

  private closeMetric(): void {
    const segments = this.group?.segments;
    if (segments !== undefined) segments[segments.length - 1] = this.metrics.length;
  }

  private writeTimes(out: ProtobufWriter, timeMs: number, startMs: number): void {
    if (startMs > 0) {
      this.start.set(startMs);
      out.fixed64(0x11, this.start.low, this.start.high);
    }
    this.time.set(timeMs);
    out.fixed64(0x19, this.time.low, this.time.high);
  }

  private writeTotals(out: ProtobufWriter, timeMs: number, startMs: number, count: number, sum: number): void {
    this.writeTimes(out, timeMs, startMs);
    out.fixedNumber(0x21, count);
    out.double(0x29, sum);
  }
}

/** Buckets {1: offset, 2: counts, packed}. */
function sideLength(side: BucketSide): number {
  return 1 + varintLength(zigzag(side.offset)) + fieldLength(countsLength(side));
}

function countsLength(side: BucketSide): number {
  let length = 0;
  for (const count of side.counts) length += varintLength(count);
  return length;
}

function writeSide(out: ProtobufWriter, tag: number, side: BucketSide): void {
  out.open(tag, sideLength(side));
  out.varint(0x08, zigzag(side.offset));
  out.open(0x12, countsLength(side));
  for (const count of side.counts) out.item(count);
}

/** sint32 as the varint it is written as. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}
