// OTLP logs: an ExportLogsServiceRequest straight into the columns of the `logs` table.
// In: protobuf bytes in any field order. Out: rows in a block. Bodies are text: strings as they are, other values as attributes are.
// The time is that of the record, else when it was observed, else when it arrived. Bounds: as for spans; a body is cut at its limit.
import { cutAtCharacter, putValueText } from "./any-value.ts";
import { AttributeColumn } from "./attributes.ts";
import { CROWDED_DICTIONARY, type RowBlock, type TableInsert } from "./block.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import { EventTimes } from "./event-time.ts";
import { type GroupHandler, readGroups } from "./groups.ts";
import { isId, putHex } from "./hex.ts";
import type { DecodeLimits, DecodeOutcome, PayloadFailure, RowFailure } from "./limits.ts";
import { NativeWriter } from "./native-block.ts";
import { OriginRows, OriginTable, type ResourceMemory } from "./origins.ts";
import { WireReader } from "./wire.ts";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const MAX_SEVERITY = 24;
const ROW_BYTES = 110;
const TWO_32 = 4294967296;
const CHECK_ROWS = 1024;
const LOW_CARDINALITY = "LowCardinality(String)";
const MAP = "Map(LowCardinality(String), String)";

const COLUMNS = [
  "Timestamp",
  "TraceId",
  "SpanId",
  "TraceFlags",
  "SeverityText",
  "SeverityNumber",
  "ServiceName",
  "Body",
  "ResourceSchemaUrl",
  "ScopeSchemaUrl",
  "ResourceAttributes",
  "ScopeName",
  "ScopeVersion",
  "ScopeAttributes",
  "LogAttributes",
  "EventName",
  "Tenant",
  "Cluster",
  "Namespace",
  "Service",
  "Version",
  "Instance",
  "Node",
] as const;

/** A block of log records. */
export class LogBlock implements RowBlock, GroupHandler {
  private readonly reader = new WireReader();
  private readonly origins: OriginTable;
  private readonly originRows = new OriginRows();
  private readonly timestamps = new ByteColumn(8192);
  private readonly traceIds = new ByteColumn(32768);
  private readonly spanIds = new ByteColumn(16384);
  private readonly flags = new IndexColumn(1024);
  private readonly severityTexts: StringDictionary;
  private readonly severityTextOfRow = new IndexColumn(1024);
  private readonly severities = new IndexColumn(1024);
  private readonly bodies = new ByteColumn(1 << 16);
  private readonly attributes: AttributeColumn;
  private readonly eventNames = new ByteColumn(1024);
  private readonly scratch = new ByteColumn(4096);
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];
  private readonly times: EventTimes;
  private readonly limits: DecodeLimits;
  private readonly writer = new NativeWriter();
  private failure: PayloadFailure | null = null;
  private rejected = 0;
  private rejectedReason: RowFailure | null = null;
  private groupStart = 0;
  private startBytes = 0;
  private nowMs = 0;
  /** Values cut in the payload being read; counted by putValueText as well. */
  truncated = 0;

  constructor(tenant: string, limits: DecodeLimits, memory: ResourceMemory) {
    this.limits = limits;
    this.origins = new OriginTable(tenant, limits, memory);
    this.severityTexts = new StringDictionary(memory.seed, 256);
    this.attributes = new AttributeColumn(limits, memory.seed, 1 << 16);
    this.times = new EventTimes(limits);
    this.columns = [
      this.origins,
      this.originRows,
      this.timestamps,
      this.traceIds,
      this.spanIds,
      this.flags,
      this.severityTexts,
      this.severityTextOfRow,
      this.severities,
      this.bodies,
      this.attributes,
      this.eventNames,
    ];
  }

  get rows(): number {
    return this.severities.length;
  }

  get bytes(): number {
    return (
      this.rows * ROW_BYTES +
      this.origins.expandedBytes +
      this.bodies.length +
      this.attributes.values.length +
      this.attributes.keyOfPair.length +
      this.eventNames.length
    );
  }

  get isCrowded(): boolean {
    return (
      this.attributes.keys.count > CROWDED_DICTIONARY ||
      this.severityTexts.count > CROWDED_DICTIONARY ||
      this.times.isWide
    );
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.times.clear();
    this.writer.reset();
  }

  decode(payload: Uint8Array, nowMs: number): DecodeOutcome {
    const { reader } = this;
    const rowsBefore = this.rows;
    for (const column of this.columns) column.mark();
    this.nowMs = nowMs;
    this.times.open(nowMs);
    this.failure = null;
    this.rejected = 0;
    this.rejectedReason = null;
    this.truncated = 0;
    this.attributes.truncated = 0;
    this.origins.resources.truncated = 0;
    this.origins.scopeAttributes.truncated = 0;
    this.startBytes = this.bytes;
    reader.open(payload);
    readGroups(reader, payload.length, this.origins, this);
    const failure = this.failure ?? reader.failure;
    reader.close();
    if (failure !== null) {
      for (const column of this.columns) column.rollback();
      return { ok: false, reason: failure };
    }
    return {
      ok: true,
      rows: this.rows - rowsBefore,
      rejected: this.rejected,
      rejectedReason: this.rejectedReason,
      truncated:
        this.truncated +
        this.attributes.truncated +
        this.origins.resources.truncated +
        this.origins.scopeAttributes.truncated,
    };
  }

  openGroup(): void {
    this.groupStart = this.rows;
  }

  closeGroup(resource: number, scope: number): void {
    this.origins.addRows(this.originRows, this.rows - this.groupStart, resource, scope);
    this.checkSize();
  }

  readRecord(end: number): void {
    const { reader, attributes } = this;
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
    if (timeLow === 0 && timeHigh === 0) {
      const ns = this.nowMs * 1e6;
      timeHigh = Math.floor(ns / TWO_32);
      timeLow = ns % TWO_32;
    }
    const refused = this.times.judge(timeLow, timeHigh);
    if (refused !== null) {
      this.rejected++;
      this.rejectedReason ??= refused;
      attributes.truncate(maps);
      return;
    }
    const bodyStart = this.bodies.length;
    this.bodies.reserve((bodyEnd - bodyFrom) * 6 + 64);
    if (bodyEnd === bodyFrom) this.bodies.putByte(0);
    else
      putValueText(reader, bodyFrom, bodyEnd, this.bodies, this.scratch, this.limits, this.limits.maxBodyBytes, this);
    if (reader.failure !== null) {
      this.bodies.length = bodyStart;
      return;
    }
    reader.position = end;
    attributes.endMap();
    this.timestamps.reserve(8);
    this.timestamps.putUint64(timeLow, timeHigh);
    this.putId(this.traceIds, traceFrom, traceLength, TRACE_ID_BYTES);
    this.putId(this.spanIds, spanFrom, spanLength, SPAN_ID_BYTES);
    this.flags.push(flags & 0xff);
    const text = this.cut(textFrom, textLength);
    this.severityTextOfRow.push(this.severityTexts.intern(reader.bytes, reader.view, textFrom, text));
    this.severities.push(severity <= MAX_SEVERITY ? severity : 0);
    const name = this.cut(nameFrom, nameLength);
    this.eventNames.reserve(name + 8);
    this.eventNames.putString(reader.bytes, reader.view, nameFrom, name);
    this.originRows.identities.push(this.origins.plainIdentity());
    if (this.rows % CHECK_ROWS === 0) this.checkSize();
  }

  private putId(column: ByteColumn, from: number, length: number, wanted: number): void {
    column.reserve(48);
    if (length === wanted && isId(this.reader.bytes, from, wanted)) putHex(column, this.reader.bytes, from, wanted);
    else column.putByte(0);
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

  inserts(): readonly TableInsert[] {
    const { writer: w, origins, originRows } = this;
    w.reset();
    w.block(COLUMNS.length, this.rows);
    w.column("Timestamp", "DateTime64(9)");
    w.bytes(this.timestamps.content());
    w.column("TraceId", "String");
    w.strings(this.traceIds);
    w.column("SpanId", "String");
    w.strings(this.spanIds);
    w.column("TraceFlags", "UInt8");
    w.uint8(this.flags);
    w.column("SeverityText", LOW_CARDINALITY);
    w.lowCardinality(this.severityTexts, this.severityTextOfRow);
    w.column("SeverityNumber", "UInt8");
    w.uint8(this.severities);
    origins.writeIdentity(w, originRows, "ServiceName");
    w.column("Body", "String");
    w.strings(this.bodies);
    origins.writeSchemaUrls(w, originRows);
    origins.writeResourceAttributes(w, originRows);
    origins.writeScopeName(w, originRows, "String");
    origins.writeScopeVersion(w, originRows, LOW_CARDINALITY);
    origins.writeScopeAttributes(w, originRows);
    w.column("LogAttributes", MAP);
    w.maps(this.attributes);
    w.column("EventName", "String");
    w.strings(this.eventNames);
    for (const column of ["Tenant", "Cluster", "Namespace", "Service", "Version", "Instance", "Node"] as const) {
      origins.writeIdentity(w, originRows, column);
    }
    return [{ table: "logs", columns: COLUMNS, rows: this.rows, chunks: w.finish() }];
  }
}
