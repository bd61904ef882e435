// OTLP traces: an ExportTraceServiceRequest straight into the columns of the `spans` table.
// In: protobuf bytes, fields in ascending (SDKs) or descending order (the Collector) or any other. Out: rows in a block.
// One pass, one switch per message, no object per span. Bounds: ingest/otlp/limits.ts; a span without valid ids or with an absurd time is left
// out and counted, a payload that is no protobuf leaves the block as it was.
import { PROXY_IDENTITY_ATTRIBUTES } from "../../model/identity-rules.ts";
import type { ServiceNames } from "../cardinality.ts";
import { isId, putHex } from "./hex.ts";
import type { DecodeLimits } from "./limits.ts";
import type { ResourceMemory } from "./resource-memory.ts";
import { SignalBlock, SPAN_ID_BYTES, TRACE_ID_BYTES } from "./signal-block.ts";
import { SpanColumns } from "./span-block.ts";
import { SpanDetails } from "./span-details.ts";
import { FACT } from "./span-facts.ts";

const MAX_KIND = 5;
const TWO_32 = 4294967296;
/** High half of 30 days in nanoseconds: no request lasts so long, and one such figure would spoil every sum. */
const LONGEST_HIGH = Math.floor((30 * 86_400e9) / TWO_32);

/** A block of spans. */
export class TraceBlock extends SignalBlock<SpanColumns> {
  private readonly details: SpanDetails;
  private groupStart = 0;
  private lastIdentity = -1;
  private lastNamespace = "";
  private lastNames: ServiceNames;
  private readonly proxyStarts: Int32Array;
  private readonly proxyLengths: Int32Array;

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    super(new SpanColumns(limits, memory), limits);
    this.lastNames = this.columns.origins.identities.namesOf(-1);
    this.details = new SpanDetails(this.reader, this.columns, limits, this);
    this.proxyStarts = this.columns.facts.starts.subarray(0, PROXY_IDENTITY_ATTRIBUTES.length);
    this.proxyLengths = this.columns.facts.lengths.subarray(0, PROXY_IDENTITY_ATTRIBUTES.length);
  }

  openGroup(): void {
    this.groupStart = this.columns.rows;
    // Identities are numbered anew after a rollback.
    this.lastIdentity = -1;
  }

  closeGroup(resource: number, scope: number): void {
    const { columns } = this;
    columns.origins.addRows(columns.originRows, columns.rows - this.groupStart, resource, scope);
    this.checkSize();
  }

  readRecord(end: number): void {
    const { reader, columns, details } = this;
    const { attributes, facts } = columns;
    const maps = attributes.pairEnds.length;
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
    details.open();
    facts.clear();
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case 0x4a:
          attributes.appendRun(reader, tag, end, facts);
          break;
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
          details.readEvent(reader.length(end) + reader.position);
          break;
        case 0x6a:
          details.readLink(reader.length(end) + reader.position);
          break;
        case 0x7a:
          details.readStatus(reader.length(end) + reader.position);
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
      this.reject(refused);
      attributes.truncate(maps);
      details.drop();
      return;
    }
    attributes.endMap();
    details.close();

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
    this.putId(columns.parentIds, parentFrom, parentLength, SPAN_ID_BYTES);
    this.putCut(columns.traceStates, stateFrom, stateLength, this.limits.maxNameBytes);
    nameLength = this.cutName(nameFrom, nameLength);
    columns.nameOfRow.push(columns.names.intern(bytes, view, nameFrom, nameLength));
    if (kind > MAX_KIND) kind = 0;
    columns.kinds.push(kind);
    columns.statuses.push(details.status);
    this.putCut(columns.statusMessages, details.messageFrom, details.messageLength, this.limits.maxValueBytes);
    this.readMeaning(nameFrom, nameLength, kind);
    this.checkRows();
  }

  private readMeaning(nameFrom: number, nameLength: number, kind: number): void {
    const { reader, columns } = this;
    const { origins, facts, meaning } = columns;
    const isProxy = origins.isProxy || facts.is(FACT.component, "proxy");
    const identity = isProxy
      ? origins.proxyIdentity(columns.attributes.values, this.proxyStarts, this.proxyLengths)
      : origins.plainIdentity();
    if (identity !== this.lastIdentity) {
      this.lastIdentity = identity;
      this.lastNames = origins.identities.namesOf(identity);
      this.lastNamespace = origins.identities.namespaceOf(identity);
    }
    meaning.read(
      reader.bytes,
      reader.view,
      nameFrom,
      nameLength,
      kind,
      this.details.status,
      isProxy,
      this.lastNamespace,
      this.lastNames,
    );
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
}
