// OTLP logs: an ExportLogsServiceRequest straight into the columns of the `logs` table.
// In: protobuf bytes in any field order. Out: rows in a block. Bodies are text: strings as they are, other values as attributes are.
// The time is that of the record, else when it was observed, else when it arrived. Bounds: as for spans; a body is cut at its limit.
import { putValueText, WORST_EXPANSION } from "./any-value.ts";
import type { DecodeLimits } from "./limits.ts";
import { LogColumns } from "./log-columns.ts";
import type { ResourceMemory } from "./resource-memory.ts";
import { SignalBlock, SPAN_ID_BYTES, TRACE_ID_BYTES } from "./signal-block.ts";

const MAX_SEVERITY = 24;

/** A block of log records. */
export class LogBlock extends SignalBlock<LogColumns> {
  private groupStart = 0;

  constructor(tenant: string, limits: DecodeLimits, memory: ResourceMemory) {
    super(new LogColumns(tenant, limits, memory), limits);
  }

  openGroup(): void {
    this.groupStart = this.columns.rows;
  }

  closeGroup(resource: number, scope: number): void {
    const { columns } = this;
    columns.origins.addRows(columns.originRows, columns.rows - this.groupStart, resource, scope);
    this.checkSize();
  }

  readRecord(end: number): void {
    const { reader, columns } = this;
    const { attributes } = columns;
    const maps = attributes.pairEnds.length;
    let timeLow = 0;
    let timeHigh = 0;
    let observedLow = 0;
    let observedHigh = 0;
    let severity = 0;
    let textFrom = 0;
    let textLength = 0;
    let bodyFrom = 0;
    let bodyEnd = 0;
    let flags = 0;
    let traceFrom = 0;
    let traceLength = 0;
    let spanFrom = 0;
    let spanLength = 0;
    let nameFrom = 0;
    let nameLength = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x32: {
          const length = reader.length(end);
          attributes.append(reader, reader.position + length);
          break;
        }
        case 0x09:
          reader.fixed64(end);
          timeLow = reader.low;
          timeHigh = reader.high;
          break;
        case 0x59:
          reader.fixed64(end);
          observedLow = reader.low;
          observedHigh = reader.high;
          break;
        case 0x10:
          severity = reader.varint(end);
          break;
        case 0x1a:
          textLength = reader.length(end);
          textFrom = reader.position;
          reader.position += textLength;
          break;
        case 0x2a: {
          const length = reader.length(end);
          bodyFrom = reader.position;
          bodyEnd = bodyFrom + length;
          reader.position = bodyEnd;
          break;
        }
        case 0x45:
          flags = reader.bytes[reader.position] ?? 0;
          reader.skip(tag, end);
          break;
        case 0x4a:
          traceLength = reader.length(end);
          traceFrom = reader.position;
          reader.position += traceLength;
          break;
        case 0x52:
          spanLength = reader.length(end);
          spanFrom = reader.position;
          reader.position += spanLength;
          break;
        case 0x62:
          nameLength = reader.length(end);
          nameFrom = reader.position;
          reader.position += nameLength;
          break;
        default:
          reader.skip(tag, end);
      }
    }
    reader.finish(end);
    if (reader.failure !== null) return;
    if (timeLow === 0 && timeHigh === 0) {
      timeLow = observedLow;
      timeHigh = observedHigh;
    }
    if (timeLow === 0 && timeHigh === 0) ({ low: timeLow, high: timeHigh } = this.arrival());
    const refused = this.times.judge(timeLow, timeHigh);
    if (refused !== null) {
      this.reject(refused);
      attributes.truncate(maps);
      return;
    }
    const bodyStart = columns.bodies.length;
    columns.bodies.reserve((bodyEnd - bodyFrom) * WORST_EXPANSION + 64);
    if (bodyEnd === bodyFrom) columns.bodies.putByte(0);
    else
      putValueText(
        reader,
        bodyFrom,
        bodyEnd,
        columns.bodies,
        columns.scratch,
        this.limits,
        this.limits.maxBodyBytes,
        this,
      );
    if (reader.failure !== null) {
      columns.bodies.length = bodyStart;
      return;
    }
    reader.position = end;
    attributes.endMap();
    columns.timestamps.reserve(8);
    columns.timestamps.putUint64(timeLow, timeHigh);
    this.putId(columns.traceIds, traceFrom, traceLength, TRACE_ID_BYTES);
    this.putId(columns.spanIds, spanFrom, spanLength, SPAN_ID_BYTES);
    columns.flags.push(flags & 0xff);
    const text = this.cutName(textFrom, textLength);
    columns.severityTextOfRow.push(columns.severityTexts.intern(reader.bytes, reader.view, textFrom, text));
    columns.severities.push(severity <= MAX_SEVERITY ? severity : 0);
    this.putCut(columns.eventNames, nameFrom, nameLength, this.limits.maxNameBytes);
    columns.originRows.identities.push(columns.origins.plainIdentity());
    this.checkRows();
  }
}
