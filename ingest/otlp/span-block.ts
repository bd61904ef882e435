// The columns of the `spans` table for one block.
// In: rows that ingest/otlp/traces.ts appends. Out: one Native insert.
// Bounds: types and names are those of storage/migrations/0001_spans.sql, IngestedAt is left to its default.
import { AttributeColumn } from "./attributes.ts";
import { CROWDED_DICTIONARY, type TableInsert } from "./block.ts";
import { ByteColumn, IndexColumn } from "./columns.ts";
import { StringDictionary } from "./dictionary.ts";
import type { DecodeLimits } from "./limits.ts";
import { NativeWriter } from "./native-block.ts";
import { OriginRows } from "./origin-rows.ts";
import { OriginTable } from "./origins.ts";
import type { ResourceMemory } from "./resource-memory.ts";
import type { SignalColumns } from "./signal-block.ts";
import { SpanFacts } from "./span-facts.ts";
import { SpanMeaning } from "./span-meaning.ts";
import { PROTOCOLS } from "./span-peer.ts";

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];
const LOW_CARDINALITY = "LowCardinality(String)";
const MAP = "Map(LowCardinality(String), String)";
const OUTCOME_TYPE = "Enum8('ok' = 0, 'degraded' = 1, 'failed' = 2, 'cancelled' = 3)";
const PEER_KIND_TYPE = "Enum8('' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4)";
/** Bytes of a row besides those counted by content. */
const ROW_BYTES = 130;

const COLUMNS = [
  "Timestamp",
  "TraceId",
  "SpanId",
  "ParentSpanId",
  "TraceState",
  "SpanName",
  "SpanKind",
  "ServiceName",
  "ResourceAttributes",
  "ScopeName",
  "ScopeVersion",
  "SpanAttributes",
  "Duration",
  "StatusCode",
  "StatusMessage",
  "Events.Timestamp",
  "Events.Name",
  "Events.Attributes",
  "Links.TraceId",
  "Links.SpanId",
  "Links.TraceState",
  "Links.Attributes",
  "Tenant",
  "Cluster",
  "Namespace",
  "Service",
  "Version",
  "Instance",
  "Node",
  "Operation",
  "Protocol",
  "Peer",
  "ResponseFlags",
  "Runtime",
  "Isolation",
  "Outcome",
  "ResponseCode",
  "Proxy",
  "PeerKind",
] as const;

/** Columns of spans; each is public to the decoder that fills it. */
export class SpanColumns implements SignalColumns {
  readonly origins: OriginTable;
  readonly originRows = new OriginRows();
  readonly timestamps = new ByteColumn(8192);
  readonly traceIds = new ByteColumn(32768);
  readonly spanIds = new ByteColumn(16384);
  readonly parentIds = new ByteColumn(16384);
  readonly traceStates = new ByteColumn(1024);
  readonly names: StringDictionary;
  readonly nameOfRow = new IndexColumn(1024);
  readonly kinds = new IndexColumn(1024);
  readonly attributes: AttributeColumn;
  readonly durations = new ByteColumn(8192);
  readonly statuses = new IndexColumn(1024);
  readonly statusMessages = new ByteColumn(1024);
  readonly eventEnds = new IndexColumn(1024);
  readonly eventTimes = new ByteColumn(1024);
  readonly eventNames: StringDictionary;
  readonly nameOfEvent = new IndexColumn(256);
  readonly eventAttributes: AttributeColumn;
  readonly linkEnds = new IndexColumn(1024);
  readonly linkTraceIds = new ByteColumn(1024);
  readonly linkSpanIds = new ByteColumn(1024);
  readonly linkStates = new ByteColumn(256);
  readonly linkAttributes: AttributeColumn;
  readonly operationOfRow = new IndexColumn(1024);
  readonly protocols = new IndexColumn(1024);
  readonly peerOfRow = new IndexColumn(1024);
  readonly flagsOfRow = new IndexColumn(1024);
  readonly outcomes = new IndexColumn(1024);
  /** Kept one up: -1 is 0. */
  readonly codes = new IndexColumn(1024);
  readonly proxies = new IndexColumn(1024);
  readonly peerKinds = new IndexColumn(1024);
  readonly facts: SpanFacts;
  readonly meaning: SpanMeaning;
  readonly attributeColumns: readonly AttributeColumn[];
  private readonly writer = new NativeWriter();
  private linkTraceStart = 0;
  private linkSpanStart = 0;
  private linkStateStart = 0;
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];

  constructor(limits: DecodeLimits, memory: ResourceMemory) {
    const { seed } = memory;
    this.origins = new OriginTable(limits, memory);
    this.names = new StringDictionary(seed);
    this.attributes = new AttributeColumn(limits, seed, 1 << 16);
    this.eventNames = new StringDictionary(seed, 256);
    this.eventAttributes = new AttributeColumn(limits, seed, 256);
    this.linkAttributes = new AttributeColumn(limits, seed, 256);
    this.facts = new SpanFacts(this.attributes.values);
    this.meaning = new SpanMeaning(this.facts, this.attributes.values, seed, memory.rules.aliases);
    this.attributes.keys.onNew = (index, source, from, count) => this.facts.learn(index, source, from, count);
    const own = [this.attributes, this.eventAttributes, this.linkAttributes];
    this.attributeColumns = [...this.origins.attributeColumns, ...own];
    this.columns = [
      this.origins,
      this.originRows,
      this.timestamps,
      this.traceIds,
      this.spanIds,
      this.parentIds,
      this.traceStates,
      this.names,
      this.nameOfRow,
      this.kinds,
      this.attributes,
      this.durations,
      this.statuses,
      this.statusMessages,
      this.eventEnds,
      this.eventTimes,
      this.eventNames,
      this.nameOfEvent,
      this.eventAttributes,
      this.linkEnds,
      this.linkTraceIds,
      this.linkSpanIds,
      this.linkStates,
      this.linkAttributes,
      this.operationOfRow,
      this.protocols,
      this.peerOfRow,
      this.flagsOfRow,
      this.outcomes,
      this.codes,
      this.proxies,
      this.peerKinds,
      this.meaning.operations,
      this.meaning.peers,
      this.meaning.flags,
    ];
  }

  get rows(): number {
    return this.kinds.length;
  }

  get bytes(): number {
    return (
      this.rows * ROW_BYTES +
      this.origins.expandedBytes +
      this.attributes.values.length +
      this.attributes.keyOfPair.length +
      this.traceStates.length +
      this.statusMessages.length +
      this.eventTimes.length +
      this.eventAttributes.values.length +
      this.linkTraceIds.length * 2 +
      this.linkStates.length +
      this.linkAttributes.values.length
    );
  }

  get isCrowded(): boolean {
    return (
      this.names.count > CROWDED_DICTIONARY ||
      this.attributes.keys.count > CROWDED_DICTIONARY ||
      this.eventNames.count > CROWDED_DICTIONARY ||
      this.meaning.operations.count > CROWDED_DICTIONARY ||
      this.meaning.peers.count > CROWDED_DICTIONARY
    );
  }

  mark(): void {
    for (const column of this.columns) column.mark();
  }

  rollback(): void {
    for (const column of this.columns) column.rollback();
  }

  clear(): void {
    for (const column of this.columns) column.clear();
    this.writer.reset();
  }

  /** Begins the links of a span: ids and states are strings, whose bytes say nothing of their number. */
  markLinks(): void {
    this.linkTraceStart = this.linkTraceIds.length;
    this.linkSpanStart = this.linkSpanIds.length;
    this.linkStateStart = this.linkStates.length;
  }

  /** Takes back the events from number `events` on, and the links since `markLinks`. */
  dropDetails(events: number, links: number): void {
    this.nameOfEvent.length = events;
    this.eventTimes.length = events * 8;
    this.eventAttributes.truncate(events);
    this.linkTraceIds.length = this.linkTraceStart;
    this.linkSpanIds.length = this.linkSpanStart;
    this.linkStates.length = this.linkStateStart;
    this.linkAttributes.truncate(links);
  }

  /** Writes the block. */
  inserts(): readonly TableInsert[] {
    const { writer: w, origins, originRows, meaning } = this;
    w.reset();
    w.block(COLUMNS.length, this.rows);
    w.column("Timestamp", "DateTime64(9)");
    w.bytes(this.timestamps.content());
    this.writeStrings("TraceId", this.traceIds);
    this.writeStrings("SpanId", this.spanIds);
    this.writeStrings("ParentSpanId", this.parentIds);
    this.writeStrings("TraceState", this.traceStates);
    this.writeDictionary("SpanName", this.names, this.nameOfRow);
    w.column("SpanKind", LOW_CARDINALITY);
    w.lowCardinalityFixed(KINDS, this.kinds);
    origins.writeIdentity(w, originRows, "ServiceName");
    origins.writeResourceAttributes(w, originRows);
    origins.scopes.writeName(w, originRows.scopes, "String");
    origins.scopes.writeVersion(w, originRows.scopes, "String");
    w.column("SpanAttributes", MAP);
    w.maps(this.attributes);
    w.column("Duration", "UInt64");
    w.bytes(this.durations.content());
    w.column("StatusCode", LOW_CARDINALITY);
    w.lowCardinalityFixed(STATUSES, this.statuses);
    this.writeStrings("StatusMessage", this.statusMessages);
    w.column("Events.Timestamp", "Array(DateTime64(9))");
    w.offsets(this.eventEnds);
    w.bytes(this.eventTimes.content());
    w.column("Events.Name", "Array(LowCardinality(String))");
    w.lowCardinalityArrays(this.eventEnds, this.eventNames, this.nameOfEvent);
    w.column("Events.Attributes", `Array(${MAP})`);
    w.mapArrays(this.eventEnds, this.eventAttributes);
    for (const [name, column] of [
      ["Links.TraceId", this.linkTraceIds],
      ["Links.SpanId", this.linkSpanIds],
      ["Links.TraceState", this.linkStates],
    ] as const) {
      w.column(name, "Array(String)");
      w.offsets(this.linkEnds);
      w.bytes(column.content());
    }
    w.column("Links.Attributes", `Array(${MAP})`);
    w.mapArrays(this.linkEnds, this.linkAttributes);
    for (const column of ["Tenant", "Cluster", "Namespace", "Service", "Version", "Instance", "Node"] as const) {
      origins.writeIdentity(w, originRows, column);
    }
    this.writeDictionary("Operation", meaning.operations.names, this.operationOfRow);
    w.column("Protocol", LOW_CARDINALITY);
    w.lowCardinalityFixed(PROTOCOLS, this.protocols);
    this.writeDictionary("Peer", meaning.peers.names, this.peerOfRow);
    this.writeDictionary("ResponseFlags", meaning.flags.names, this.flagsOfRow);
    origins.writeIdentity(w, originRows, "Runtime");
    origins.writeIdentity(w, originRows, "Isolation");
    w.column("Outcome", OUTCOME_TYPE);
    w.uint8(this.outcomes);
    w.column("ResponseCode", "Int16");
    w.int16FromOneUp(this.codes);
    w.column("Proxy", "UInt8");
    w.uint8(this.proxies);
    w.column("PeerKind", PEER_KIND_TYPE);
    w.uint8(this.peerKinds);
    return [{ table: "spans", columns: COLUMNS, rows: this.rows, chunks: w.finish() }];
  }

  private writeStrings(name: string, column: ByteColumn): void {
    this.writer.column(name, "String");
    this.writer.strings(column);
  }

  private writeDictionary(name: string, dictionary: StringDictionary, rows: IndexColumn): void {
    this.writer.column(name, LOW_CARDINALITY);
    this.writer.lowCardinality(dictionary, rows);
  }
}
