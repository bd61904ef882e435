// OTLP logs: an ExportLogsServiceRequest straight into the columns of the `logs` table, or of `access_logs` where a record is one.
// In: protobuf bytes in any field order. Out: rows in a block. Bodies are text: strings as they are, other values as attributes are.
// The time is that of the record, else when it was observed, else when it arrived. Bounds: as for spans; a body is cut at its limit.
import { emitEvent } from "../../model/events.ts";
import type { RecordParts } from "../access-log/reader.ts";
import { putValueText, WORST_EXPANSION } from "./any-value.ts";
import type { DecodeLimits, DecodeOutcome } from "./limits.ts";
import { LogTables } from "./log-tables.ts";
import type { ResourceMemory } from "./resource-memory.ts";
import { SignalBlock, SPAN_ID_BYTES, TRACE_ID_BYTES } from "./signal-block.ts";

const MAX_SEVERITY = 24;

/** A block of log records. */
export class LogBlock extends SignalBlock<LogTables> {
  private groupStart = 0;
  /** Where the parts of the record lie that is being read. */
  private readonly record: RecordParts;

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    super(new LogTables(limits, memory), limits);
    this.record = {
      timeLow: 0,
      timeHigh: 0,
      hasTime: false,
      bodyFrom: 0,
      bodyEnd: 0,
      traceFrom: 0,
      traceLength: 0,
      spanFrom: 0,
      spanLength: 0,
      labelStarts: new Int32Array(limits.maxAttributes),
      labelEnds: new Int32Array(limits.maxAttributes),
      labels: 0,
    };
  }

  override decode(payload: Uint8Array, nowMs: number, tenant: string): DecodeOutcome {
    const outcome = super.decode(payload, nowMs, tenant);
    for (const [reason, count] of this.columns.reader.takeFailures()) {
      if (outcome.ok) emitEvent("ingest.unparsed", { signal: "logs", reason }, `${count} records`, count);
    }
    return outcome;
  }

  openGroup(): void {
    this.groupStart = this.columns.logs.rows;
  }

  closeGroup(resource: number, scope: number): void {
    const { origins, logs } = this.columns;
    origins.addRows(logs.originRows, logs.rows - this.groupStart, resource, scope);
    this.checkSize();
  }

  readRecord(end: number): void {
    const { reader, record } = this;
    const { labelStarts, labelEnds } = record;
    let labels = 0;
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
          if (labels === labelStarts.length) this.truncated++;
          else {
            labelStarts[labels] = reader.position;
            labelEnds[labels++] = reader.position + length;
          }
          reader.position += length;
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
    record.hasTime = timeLow !== 0 || timeHigh !== 0;
    if (!record.hasTime) {
      timeLow = observedLow;
      timeHigh = observedHigh;
    }
    if (timeLow === 0 && timeHigh === 0) ({ low: timeLow, high: timeHigh } = this.arrival());
    record.timeLow = timeLow;
    record.timeHigh = timeHigh;
    record.bodyFrom = bodyFrom;
    record.bodyEnd = bodyEnd;
    record.traceFrom = traceFrom;
    record.traceLength = traceLength;
    record.spanFrom = spanFrom;
    record.spanLength = spanLength;
    record.labels = labels;
    const verdict = this.columns.reader.read(reader, record, this.times);
    if (reader.failure !== null) return;
    if (verdict === "log") {
      this.writeLog(end, severity, textFrom, textLength, flags, nameFrom, nameLength);
      if (reader.failure !== null) return;
    } else if (verdict === "row") this.truncated += this.columns.reader.takeTruncated();
    else this.reject(verdict);
    this.checkRows();
  }

  /** Writes the record that was just read as a log. */
  private writeLog(
    end: number,
    severity: number,
    textFrom: number,
    textLength: number,
    flags: number,
    nameFrom: number,
    nameLength: number,
  ): void {
    const { reader, record } = this;
    const { bodyFrom, bodyEnd } = record;
    const { origins, logs: columns } = this.columns;
    const { attributes } = columns;
    const refused = this.times.judge(record.timeLow, record.timeHigh);
    if (refused !== null) {
      this.reject(refused);
      return;
    }
    for (let i = 0; i < record.labels; i++) {
      reader.position = record.labelStarts[i] ?? 0;
      attributes.append(reader, record.labelEnds[i] ?? 0);
      if (reader.failure !== null) return;
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
    columns.timestamps.putUint64(record.timeLow, record.timeHigh);
    this.putId(columns.traceIds, record.traceFrom, record.traceLength, TRACE_ID_BYTES);
    this.putId(columns.spanIds, record.spanFrom, record.spanLength, SPAN_ID_BYTES);
    columns.flags.push(flags & 0xff);
    const text = this.cutName(textFrom, textLength);
    columns.severityTextOfRow.push(columns.severityTexts.intern(reader.bytes, reader.view, textFrom, text));
    columns.severities.push(severity <= MAX_SEVERITY ? severity : 0);
    this.putCut(columns.eventNames, nameFrom, nameLength, this.limits.maxNameBytes);
    columns.originRows.identities.push(origins.plainIdentity());
  }
}
