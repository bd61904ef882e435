// The parts of a span that are messages of their own: events, links, status.
// In: a cursor on one of them. Out: items of the array columns; status and message until the next span.
// Bounds: events and links past their number and links to nothing are left out and counted; `drop` takes back those of a span.
import { cutAtCharacter } from "./any-value.ts";
import { putHex } from "./hex.ts";
import type { DecodeLimits } from "./limits.ts";
import { SPAN_ID_BYTES, TRACE_ID_BYTES } from "./signal-block.ts";
import type { SpanColumns } from "./span-block.ts";
import type { WireReader } from "./wire.ts";

const MAX_STATUS = 2;

/** Reads events, links and status of the current span. */
export class SpanDetails {
  status = 0;
  messageFrom = 0;
  messageLength = 0;
  private readonly reader: WireReader;
  private readonly columns: SpanColumns;
  private readonly limits: DecodeLimits;
  private readonly counter: { truncated: number };
  // Where the items of the current span begin.
  private events = 0;
  private links = 0;

  constructor(reader: WireReader, columns: SpanColumns, limits: DecodeLimits, counter: { truncated: number }) {
    this.reader = reader;
    this.columns = columns;
    this.limits = limits;
    this.counter = counter;
  }

  /** Begins a span. */
  open(): void {
    this.status = 0;
    this.messageLength = 0;
    this.events = this.columns.nameOfEvent.length;
    this.links = this.columns.linkAttributes.pairEnds.length;
    this.columns.markLinks();
  }

  /** Keeps the items of the span. */
  close(): void {
    this.columns.eventEnds.push(this.columns.nameOfEvent.length);
    this.columns.linkEnds.push(this.columns.linkAttributes.pairEnds.length);
  }

  /** Takes back the items of the span. */
  drop(): void {
    this.columns.dropDetails(this.events, this.links);
  }

  /** Event {1: time, 2: name, 3: attributes*}. */
  readEvent(end: number): void {
    const { reader, columns } = this;
    if (columns.nameOfEvent.length - this.events >= this.limits.maxEvents) {
      this.counter.truncated++;
      reader.position = end;
      return;
    }
    let nameFrom = 0;
    let nameLength = 0;
    let low = 0;
    let high = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === 0x1a) columns.eventAttributes.appendRun(reader, tag, end, null);
      else if (tag === 0x09) {
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
    nameLength = this.cut(nameFrom, nameLength);
    columns.eventTimes.reserve(8);
    columns.eventTimes.putUint64(low, high);
    columns.nameOfEvent.push(columns.eventNames.intern(reader.bytes, reader.view, nameFrom, nameLength));
    columns.eventAttributes.endMap();
  }

  /** Link {1: trace_id, 2: span_id, 3: trace_state, 4: attributes*}; a link to nothing is left out. */
  readLink(end: number): void {
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
      if (tag === 0x22) columns.linkAttributes.appendRun(reader, tag, end, null);
      else if (tag === 0x0a) {
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
    if (traceLength !== TRACE_ID_BYTES || spanLength !== SPAN_ID_BYTES || links - this.links >= this.limits.maxLinks) {
      this.counter.truncated++;
      columns.linkAttributes.truncate(links);
      return;
    }
    columns.linkTraceIds.reserve(48);
    putHex(columns.linkTraceIds, reader.bytes, traceFrom, TRACE_ID_BYTES);
    columns.linkSpanIds.reserve(48);
    putHex(columns.linkSpanIds, reader.bytes, spanFrom, SPAN_ID_BYTES);
    stateLength = this.cut(stateFrom, stateLength);
    columns.linkStates.reserve(stateLength + 8);
    columns.linkStates.putString(reader.bytes, reader.view, stateFrom, stateLength);
    columns.linkAttributes.endMap();
  }

  /** Status {2: message, 3: code}. */
  readStatus(end: number): void {
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

  private cut(from: number, length: number): number {
    if (length <= this.limits.maxNameBytes) return length;
    this.counter.truncated++;
    return cutAtCharacter(this.reader.bytes, from, this.limits.maxNameBytes);
  }
}
