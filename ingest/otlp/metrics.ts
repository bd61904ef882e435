// OTLP metrics: an ExportMetricsServiceRequest straight into the columns of `metrics_numbers` and `metrics_distributions`.
// In: protobuf bytes in any field order. Out: rows in a block, one a data point; how a point is read is in number-points.ts and
// distribution-points.ts. Bounds: as for spans.
import { CROWDED_DICTIONARY, type TableInsert } from "./block.ts";
import { DistributionColumns } from "./distribution-columns.ts";
import { DistributionPoints } from "./distribution-points.ts";
import type { AttributeColumn } from "./attributes.ts";
import type { DecodeLimits, RowFailure } from "./limits.ts";
import { NumberColumns } from "./metric-columns.ts";
import { CUMULATIVE, type CurrentMetric, DELTA, GAUGE, type PointHost } from "./metric-points.ts";
import { NumberPoints } from "./number-points.ts";
import { OriginTable } from "./origins.ts";
import type { ResourceMemory } from "./resource-memory.ts";
import { SignalBlock, type SignalColumns } from "./signal-block.ts";

// Field numbers of Metric.data, as tags.
const GAUGE_TAG = 0x2a;
const SUM_TAG = 0x3a;
const HISTOGRAM_TAG = 0x4a;
const EXPONENTIAL_TAG = 0x52;
const SUMMARY_TAG = 0x5a;

/** The columns of both tables. */
class MetricTables implements SignalColumns {
  readonly origins: OriginTable;
  readonly numbers: NumberColumns;
  readonly distributions: DistributionColumns;
  readonly attributeColumns: readonly AttributeColumn[];

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    this.origins = new OriginTable(limits, memory);
    this.numbers = new NumberColumns(limits, memory.seed);
    this.distributions = new DistributionColumns(limits, memory.seed);
    this.attributeColumns = [...this.origins.attributeColumns, this.numbers.attributes, this.distributions.attributes];
  }

  get rows(): number {
    return this.numbers.rows + this.distributions.rows;
  }

  get bytes(): number {
    return this.numbers.bytes + this.distributions.bytes + this.origins.expandedBytes;
  }

  get isCrowded(): boolean {
    return [this.numbers, this.distributions].some(
      ({ names, attributes }) => names.count > CROWDED_DICTIONARY || attributes.keys.count > CROWDED_DICTIONARY,
    );
  }

  mark(): void {
    for (const part of [this.origins, this.numbers, this.distributions]) part.mark();
  }

  rollback(): void {
    for (const part of [this.origins, this.numbers, this.distributions]) part.rollback();
  }

  clear(): void {
    for (const part of [this.origins, this.numbers, this.distributions]) part.clear();
  }

  inserts(): readonly TableInsert[] {
    return [
      ...(this.numbers.rows > 0 ? [this.numbers.insert(this.origins)] : []),
      ...(this.distributions.rows > 0 ? [this.distributions.insert(this.origins)] : []),
    ];
  }
}

/** A block of metric points, of both tables. */
export class MetricBlock extends SignalBlock<MetricTables> implements PointHost {
  readonly metric: CurrentMetric = {
    nameFrom: 0,
    nameLength: 0,
    unitFrom: 0,
    unitLength: 0,
    kind: GAUGE,
    monotonic: 0,
  };
  private readonly numberPoints: NumberPoints;
  private readonly distributionPoints: DistributionPoints;
  private numbersBefore = 0;
  private distributionsBefore = 0;

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    super(new MetricTables(limits, memory), limits);
    const { origins, numbers, distributions } = this.columns;
    this.numberPoints = new NumberPoints(this.reader, origins, this, numbers);
    this.distributionPoints = new DistributionPoints(this.reader, origins, this, distributions);
  }

  judge(low: number, high: number): RowFailure | null {
    const refused = this.times.judge(low, high);
    if (refused !== null) this.reject(refused);
    return refused;
  }

  refuse(reason: RowFailure): void {
    this.reject(reason);
  }

  openGroup(): void {
    this.numbersBefore = this.columns.numbers.rows;
    this.distributionsBefore = this.columns.distributions.rows;
  }

  closeGroup(resource: number, scope: number): void {
    const { origins, numbers, distributions } = this.columns;
    origins.addRows(numbers.originRows, numbers.rows - this.numbersBefore, resource, scope);
    origins.addRows(distributions.originRows, distributions.rows - this.distributionsBefore, resource, scope);
    this.checkSize();
  }

  /** Metric {1: name, 3: unit, 5 | 7 | 9 | 10 | 11: data}; the data may come first, so it is read last. */
  readRecord(end: number): void {
    const { reader, metric, numberPoints, distributionPoints } = this;
    let dataTag = 0;
    let dataFrom = 0;
    let dataEnd = 0;
    metric.nameLength = 0;
    metric.unitLength = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x0a) {
        metric.nameLength = reader.length(end);
        metric.nameFrom = reader.position;
        reader.position += metric.nameLength;
      } else if (tag === 0x1a) {
        metric.unitLength = reader.length(end);
        metric.unitFrom = reader.position;
        reader.position += metric.unitLength;
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
    metric.nameLength = this.cutName(metric.nameFrom, metric.nameLength);
    metric.unitLength = this.cutName(metric.unitFrom, metric.unitLength);
    this.readKind(dataTag, dataFrom, dataEnd);
    reader.position = dataFrom;
    while (reader.position < dataEnd) {
      const tag = reader.tag(dataEnd);
      if (tag === 0x0a) {
        const length = reader.length(dataEnd);
        const pointEnd = reader.position + length;
        if (dataTag === GAUGE_TAG || dataTag === SUM_TAG) numberPoints.read(pointEnd);
        else if (dataTag === HISTOGRAM_TAG) distributionPoints.readHistogram(pointEnd);
        else if (dataTag === EXPONENTIAL_TAG) distributionPoints.readExponential(pointEnd);
        else distributionPoints.readSummary(pointEnd);
        if (reader.failure !== null) return;
        this.checkRows();
      } else reader.skip(tag, dataEnd);
    }
    reader.finish(dataEnd);
    if (reader.failure === null) reader.position = end;
  }

  /** Sum and the histograms {2: temporality, 3: monotonic}. */
  private readKind(dataTag: number, from: number, end: number): void {
    const { reader, metric } = this;
    metric.kind = dataTag === SUMMARY_TAG ? CUMULATIVE : GAUGE;
    metric.monotonic = 0;
    if (dataTag === GAUGE_TAG || dataTag === SUMMARY_TAG) return;
    reader.position = from;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x10) {
        const temporality = reader.varint(end);
        metric.kind = temporality === DELTA || temporality === CUMULATIVE ? temporality : GAUGE;
      } else if (tag === 0x18) metric.monotonic = reader.varint(end) === 0 ? 0 : 1;
      else reader.skip(tag, end);
    }
  }
}
