// What the points of all kinds of metric have: times, attributes, flags; and the metric they belong to.
// In: a cursor on a data point. Out: the columns that both tables share. Kinds of points extend this.
// Bounds: points flagged "no recorded value" are no rows: a missing measurement is not 0. A point without a time has that of its arrival.
import type { AttributeColumn } from "./attributes.ts";
import type { RowFailure } from "./limits.ts";
import type { MetricColumns } from "./metric-columns.ts";
import type { OriginTable } from "./origins.ts";
import type { WireReader } from "./wire.ts";

/** Kinds in the order of the storage enum. */
export const GAUGE = 0;
export const DELTA = 1;
export const CUMULATIVE = 2;

const NO_RECORDED_VALUE = 1;

/** The metric being read; positions in the payload. */
export interface CurrentMetric {
  nameFrom: number;
  nameLength: number;
  unitFrom: number;
  unitLength: number;
  kind: number;
  monotonic: number;
}

/** What points need of the block they are read into. */
export interface PointHost {
  readonly metric: CurrentMetric;
  /** Why a row of that time is refused; counts it. */
  judge(low: number, high: number): RowFailure | null;
  /** Counts a row that is left out. */
  refuse(reason: RowFailure): void;
  arrival(): { readonly low: number; readonly high: number };
  truncated: number;
}

/** Reads the parts of a point that do not depend on its kind. */
export class PointReader {
  protected readonly reader: WireReader;
  protected readonly origins: OriginTable;
  protected readonly host: PointHost;
  protected flags = 0;
  private timeLow = 0;
  private timeHigh = 0;
  private startLow = 0;
  private startHigh = 0;

  constructor(reader: WireReader, origins: OriginTable, host: PointHost) {
    this.reader = reader;
    this.origins = origins;
    this.host = host;
  }

  protected openPoint(): void {
    this.timeLow = this.timeHigh = this.startLow = this.startHigh = 0;
    this.flags = 0;
  }

  protected readAttribute(attributes: AttributeColumn, end: number): void {
    const length = this.reader.length(end);
    attributes.append(this.reader, this.reader.position + length);
  }

  protected readTime(end: number): void {
    this.reader.fixed64(end);
    this.timeLow = this.reader.low;
    this.timeHigh = this.reader.high;
  }

  protected readStart(end: number): void {
    this.reader.fixed64(end);
    this.startLow = this.reader.low;
    this.startHigh = this.reader.high;
  }

  /** False for a point that says it has no value, for one that has none without saying so, and for one whose time is refused. */
  protected isKept(hasValue: boolean): boolean {
    if ((this.flags & NO_RECORDED_VALUE) !== 0) return false;
    if (!hasValue) {
      this.host.refuse("value");
      return false;
    }
    if (this.timeLow === 0 && this.timeHigh === 0) ({ low: this.timeLow, high: this.timeHigh } = this.host.arrival());
    return this.host.judge(this.timeLow, this.timeHigh) === null;
  }

  protected putShared(columns: MetricColumns): void {
    const { bytes, view } = this.reader;
    const { metric } = this.host;
    columns.attributes.endMap();
    columns.timestamps.reserve(8);
    columns.timestamps.putUint64(this.timeLow, this.timeHigh);
    columns.startTimestamps.reserve(8);
    columns.startTimestamps.putUint64(this.startLow, this.startHigh);
    columns.nameOfRow.push(columns.names.intern(bytes, view, metric.nameFrom, metric.nameLength));
    columns.unitOfRow.push(columns.units.intern(bytes, view, metric.unitFrom, metric.unitLength));
    columns.kinds.push(metric.kind);
    columns.originRows.identities.push(this.origins.plainIdentity());
  }
}
