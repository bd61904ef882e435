// OTLP traces: an ExportTraceServiceRequest straight into the columns of the `spans` table.
// In: protobuf bytes, fields in ascending (SDKs) or descending order (the Collector) or any other. Out: rows in a block.
// One pass, one switch per message, no object per span. Bounds: ingest/otlp/limits.ts; a span without valid ids or with an absurd time is left
// out and counted, a payload that is no protobuf leaves the block as it was.
import { cutAtCharacter } from "./any-value.ts";
import type { RowBlock, TableInsert } from "./block.ts";
import type { ByteColumn } from "./columns.ts";
import { EventTimes } from "./event-time.ts";
import { type GroupHandler, readGroups } from "./groups.ts";
import { isId, putHex } from "./hex.ts";
import type { DecodeLimits, DecodeOutcome, PayloadFailure, RowFailure } from "./limits.ts";
import type { ResourceMemory } from "./origins.ts";
import { SpanColumns } from "./span-block.ts";
import { WireReader } from "./wire.ts";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const MAX_KIND = 5;
const MAX_STATUS = 2;
const TWO_32 = 4294967296;
/** High half of 30 days in nanoseconds: no request lasts so long, and one such figure would spoil every sum. */
const LONGEST_HIGH = Math.floor((30 * 86_400e9) / TWO_32);
/** How often the size of a growing payload is looked at. */
const CHECK_ROWS = 1024;

/** A block of spans. */
export class TraceBlock implements RowBlock, GroupHandler {
  private readonly reader = new WireReader();
  private readonly columns: SpanColumns;
  private readonly times: EventTimes;
  private readonly limits: DecodeLimits;
  private failure: PayloadFailure | null = null;
  private rejected = 0;
  private rejectedReason: RowFailure | null = null;
  private truncated = 0;
  private startBytes = 0;
  private groupStart = 0;
  // Status of the span being read; set by readStatus.
  private status = 0;
  private messageFrom = 0;
  private messageLength = 0;
  private lastNamespaceIdentity = -1;
  private lastNamespace = "";
  private readonly proxyStarts: Int32Array;
  private readonly proxyLengths: Int32Array;

  constructor(tenant: string, limits: DecodeLimits, memory: ResourceMemory) {
    this.limits = limits;
    this.columns = new SpanColumns(tenant, limits, memory);
    this.times = new EventTimes(limits);
    this.proxyStarts = this.columns.facts.starts.subarray(0, 5);
    this.proxyLengths = this.columns.facts.lengths.subarray(0, 5);
  }

  get rows(): number {
    return this.columns.rows;
  }

  get bytes(): number {
    return this.columns.bytes;
  }

  get isCrowded(): boolean {
    return this.columns.isCrowded || this.times.isWide;
  }

  inserts(): readonly TableInsert[] {
    return [this.columns.insert()];
  }

  clear(): void {
    this.columns.clear();
    this.times.clear();
    this.lastNamespaceIdentity = -1;
  }

  decode(payload: Uint8Array, nowMs: number): DecodeOutcome {
    const { reader, columns } = this;
    const rowsBefore = columns.rows;
    columns.mark();
    this.times.open(nowMs);
    this.failure = null;
    this.rejected = 0;
    this.rejectedReason = null;
    this.truncated = 0;
    columns.attributes.truncated = 0;
    columns.eventAttributes.truncated = 0;
    columns.linkAttributes.truncated = 0;
    columns.origins.resources.truncated = 0;
    this.startBytes = columns.bytes;
    reader.open(payload);
    readGroups(reader, payload.length, columns.origins, this);
    const failure = this.failure ?? reader.failure;
    reader.close();
    if (failure !== null) {
      columns.rollback();
      this.lastNamespaceIdentity = -1;
      return { ok: false, reason: failure };
    }
    const truncated =
      this.truncated +
      columns.attributes.truncated +
      columns.eventAttributes.truncated +
      columns.linkAttributes.truncated +
      columns.origins.resources.truncated;
    return {
      ok: true,
      rows: columns.rows - rowsBefore,
      rejected: this.rejected,
      rejectedReason: this.rejectedReason,
      truncated,
    };
  }

  openGroup(): void {
    this.groupStart = this.columns.rows;
  }

  closeGroup(resource: number, scope: number): void {
    const { columns } = this;
    columns.origins.addRows(columns.originRows, columns.rows - this.groupStart, resource, scope);
    this.checkSize();
  }

  private checkSize(): void {
    if (this.columns.bytes - this.startBytes > this.limits.maxExpandedBytes) {
      this.failure = "expansion";
      this.reader.fail("overrun");
    }
  }

  readRecord(end: number): void {
    const { reader, columns } = this;
    const { attributes, facts } = columns;
    const maps = attributes.pairEnds.length;
    const eventsBefore = columns.nameOfEvent.length;
    const linksBefore = columns.linkAttributes.pairEnds.length;
    const eventBytesBefore = columns.eventTimes.length;
    const linkTraceBefore = columns.linkTraceIds.length;
    const linkSpanBefore = columns.linkSpanIds.length;
    const linkStateBefore = columns.linkStates.length;
    let traceFrom = 0;
    let traceLength = 0;
    let spanFrom = 0;
    let spanLength = 0;
    let parentFrom = 0;
    let parentLength = 0;
    let stateFrom = 0;
    let stateLength = 0;
    let nameFrom = 0;
    let nameLength = 0;
    let kind = 0;
    let startLow = 0;
    let startHigh = 0;
    let endLow = 0;
    let endHigh = 0;
    this.status = 0;
    this.messageLength = 0;
    facts.clear();
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x4a: {
          const length = reader.length(end);
          if (attributes.append(reader, reader.position + length)) {
            facts.take(attributes.lastKey, attributes.lastValueStart, attributes.lastValueLength);
          }
          break;
        }
        case 0x0a:
          traceLength = reader.length(end);
          traceFrom = reader.position;
          reader.position += traceLength;
          break;
        case 0x12:
          spanLength = reader.length(end);
          spanFrom = reader.position;
          reader.position += spanLength;
          break;
        case 0x1a:
          stateLength = reader.length(end);
          stateFrom = reader.position;
          reader.position += stateLength;
          break;
        case 0x22:
          parentLength = reader.length(end);
          parentFrom = reader.position;
          reader.position += parentLength;
          break;
        case 0x2a:
          nameLength = reader.length(end);
          nameFrom = reader.position;
          reader.position += nameLength;
          break;
        case 0x30:
          kind = reader.varint(end);
          break;
        case 0x39:
          reader.fixed64(end);
          startLow = reader.low;
          startHigh = reader.high;
          break;
        case 0x41:
          reader.fixed64(end);
          endLow = reader.low;
          endHigh = reader.high;
          break;
        case 0x5a:
          this.readEvent(reader.length(end) + reader.position, eventsBefore);
          break;
        case 0x6a:
          this.readLink(reader.length(end) + reader.position, linksBefore);
          break;
        case 0x7a:
          this.readStatus(reader.length(end) + reader.position);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    reader.finish(end);
    if (reader.failure !== null) return;

    const { bytes, view } = reader;
    const refused =
      traceLength !== TRACE_ID_BYTES ||
      spanLength !== SPAN_ID_BYTES ||
      !isId(bytes, traceFrom, TRACE_ID_BYTES) ||
      !isId(bytes, spanFrom, SPAN_ID_BYTES)
        ? "ids"
        : this.times.judge(startLow, startHigh);
    if (refused !== null) {
      this.rejected++;
      this.rejectedReason ??= refused;
      attributes.truncate(maps);
      columns.nameOfEvent.length = eventsBefore;
      columns.eventTimes.length = eventBytesBefore;
      columns.eventAttributes.truncate(eventsBefore);
      columns.linkTraceIds.length = linkTraceBefore;
      columns.linkSpanIds.length = linkSpanBefore;
      columns.linkStates.length = linkStateBefore;
      columns.linkAttributes.truncate(linksBefore);
      return;
    }
    attributes.endMap();
    columns.eventEnds.push(columns.nameOfEvent.length);
    columns.linkEnds.push(columns.linkAttributes.pairEnds.length);

    columns.timestamps.reserve(8);
    columns.timestamps.putUint64(startLow, startHigh);
    let low = endLow - startLow;
    let high = endHigh - startHigh;
    if (low < 0) {
      low += TWO_32;
      high--;
    }
    // A clock that was set back between start and end says nothing of the duration.
    if (high < 0) low = high = 0;
    if (high > LONGEST_HIGH) {
      low = high = 0;
      this.truncated++;
    }
    columns.durations.reserve(8);
    columns.durations.putUint64(low, high);

    columns.traceIds.reserve(48);
    putHex(columns.traceIds, bytes, traceFrom, TRACE_ID_BYTES);
    columns.spanIds.reserve(48);
    putHex(columns.spanIds, bytes, spanFrom, SPAN_ID_BYTES);
    columns.parentIds.reserve(48);
    if (parentLength === SPAN_ID_BYTES && isId(bytes, parentFrom, SPAN_ID_BYTES)) {
      putHex(columns.parentIds, bytes, parentFrom, SPAN_ID_BYTES);
    } else columns.parentIds.putByte(0);
    this.putCut(columns.traceStates, stateFrom, stateLength, this.limits.maxNameBytes);
    if (nameLength > this.limits.maxNameBytes) {
      nameLength = cutAtCharacter(bytes, nameFrom, this.limits.maxNameBytes);
      this.truncated++;
    }
    columns.nameOfRow.push(columns.names.intern(bytes, view, nameFrom, nameLength));
    if (kind > MAX_KIND) kind = 0;
    columns.kinds.push(kind);
    columns.statuses.push(this.status);
    this.putCut(columns.statusMessages, this.messageFrom, this.messageLength, this.limits.maxValueBytes);
    this.readMeaning(nameFrom, nameLength, kind);
    if (columns.rows % CHECK_ROWS === 0) this.checkSize();
  }

  private readMeaning(nameFrom: number, nameLength: number, kind: number): void {
    const { reader, columns } = this;
    const { origins, facts, meaning } = columns;
    const isProxy = origins.isProxy || facts.is(5, "proxy");
    const identity = isProxy
      ? origins.proxyIdentity(columns.attributes.values, this.proxyStarts, this.proxyLengths)
      : origins.plainIdentity();
    if (identity !== this.lastNamespaceIdentity) {
      this.lastNamespaceIdentity = identity;
      this.lastNamespace = origins.namespaceOf(identity);
    }
    meaning.read(reader.bytes, reader.view, nameFrom, nameLength, kind, this.status, isProxy, this.lastNamespace);
    columns.originRows.identities.push(identity);
    columns.operationOfRow.push(meaning.operation);
    columns.protocols.push(meaning.protocol);
    columns.peerOfRow.push(meaning.peer);
    columns.peerKinds.push(meaning.peerKind);
    columns.flagsOfRow.push(meaning.responseFlags);
    columns.outcomes.push(meaning.outcome);
    columns.codes.push(meaning.responseCode + 1);
    columns.proxies.push(isProxy ? 1 : 0);
  }

  /** Event {1: time, 2: name, 3: attributes*}. */
  private readEvent(end: number, eventsBefore: number): void {
    const { reader, columns } = this;
    if (columns.nameOfEvent.length - eventsBefore >= this.limits.maxEvents) {
      this.truncated++;
      reader.position = end;
      return;
    }
    let nameFrom = 0;
    let nameLength = 0;
    let low = 0;
    let high = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x1a) {
        const length = reader.length(end);
        columns.eventAttributes.append(reader, reader.position + length);
      } else if (tag === 0x09) {
        reader.fixed64(end);
        low = reader.low;
        high = reader.high;
      } else if (tag === 0x12) {
        nameLength = reader.length(end);
        nameFrom = reader.position;
        reader.position += nameLength;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null) return;
    if (nameLength > this.limits.maxNameBytes) {
      nameLength = cutAtCharacter(reader.bytes, nameFrom, this.limits.maxNameBytes);
      this.truncated++;
    }
    columns.eventTimes.reserve(8);
    columns.eventTimes.putUint64(low, high);
    columns.nameOfEvent.push(columns.eventNames.intern(reader.bytes, reader.view, nameFrom, nameLength));
    columns.eventAttributes.endMap();
  }

  /** Link {1: trace_id, 2: span_id, 3: trace_state, 4: attributes*}; a link to nothing is left out. */
  private readLink(end: number, linksBefore: number): void {
    const { reader, columns } = this;
    const links = columns.linkAttributes.pairEnds.length;
    let traceFrom = 0;
    let traceLength = 0;
    let spanFrom = 0;
    let spanLength = 0;
    let stateFrom = 0;
    let stateLength = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x22) {
        const length = reader.length(end);
        columns.linkAttributes.append(reader, reader.position + length);
      } else if (tag === 0x0a) {
        traceLength = reader.length(end);
        traceFrom = reader.position;
        reader.position += traceLength;
      } else if (tag === 0x12) {
        spanLength = reader.length(end);
        spanFrom = reader.position;
        reader.position += spanLength;
      } else if (tag === 0x1a) {
        stateLength = reader.length(end);
        stateFrom = reader.position;
        reader.position += stateLength;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
    if (reader.failure !== null) return;
    if (traceLength !== TRACE_ID_BYTES || spanLength !== SPAN_ID_BYTES || links - linksBefore >= this.limits.maxLinks) {
      this.truncated++;
      columns.linkAttributes.truncate(links);
      return;
    }
    columns.linkTraceIds.reserve(48);
    putHex(columns.linkTraceIds, reader.bytes, traceFrom, TRACE_ID_BYTES);
    columns.linkSpanIds.reserve(48);
    putHex(columns.linkSpanIds, reader.bytes, spanFrom, SPAN_ID_BYTES);
    this.putCut(columns.linkStates, stateFrom, stateLength, this.limits.maxNameBytes);
    columns.linkAttributes.endMap();
  }

  /** Status {2: message, 3: code}. */
  private readStatus(end: number): void {
    const { reader } = this;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x18) {
        const code = reader.varint(end);
        this.status = code <= MAX_STATUS ? code : 0;
      } else if (tag === 0x12) {
        this.messageLength = reader.length(end);
        this.messageFrom = reader.position;
        reader.position += this.messageLength;
      } else reader.skip(tag, end);
    }
    reader.finish(end);
  }

  private putCut(column: ByteColumn, from: number, length: number, limit: number): void {
    if (length > limit) {
      length = cutAtCharacter(this.reader.bytes, from, limit);
      this.truncated++;
    }
    column.reserve(length + 8);
    column.putString(this.reader.bytes, this.reader.view, from, length);
  }
}
