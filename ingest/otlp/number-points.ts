// Points of gauges and sums: one number a row.
// In: a cursor on a NumberDataPoint. Out: rows of `metrics_numbers`. Bounds: integers past 2^53 lose precision, as Float64 does.
import type { NumberColumns } from "./metric-columns.ts";
import { type PointHost, PointReader } from "./metric-points.ts";
import type { OriginTable } from "./origins.ts";
import { toNumber, type WireReader } from "./wire.ts";

/** Reads number points. */
export class NumberPoints extends PointReader {
  private readonly columns: NumberColumns;

  constructor(reader: WireReader, origins: OriginTable, host: PointHost, columns: NumberColumns) {
    super(reader, origins, host);
    this.columns = columns;
  }

  /** NumberDataPoint {2: start, 3: time, 4: double, 6: int, 7: attributes*, 8: flags}. */
  read(end: number): void {
    const { reader, columns: numbers } = this;
    const maps = numbers.attributes.pairEnds.length;
    this.openPoint();
    let value = 0;
    let hasValue = false;
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
          hasValue = true;
          break;
        case 0x31:
          reader.fixed64(end);
          value = toNumber(reader.low, reader.high | 0);
          hasValue = true;
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
    if (!this.isKept(hasValue)) {
      numbers.attributes.truncate(maps);
      return;
    }
    this.putShared(numbers);
    numbers.monotonic.push(this.host.metric.monotonic);
    numbers.values.reserve(8);
    numbers.values.putFloat64(value);
  }
}
