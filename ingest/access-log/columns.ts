// The columns of the `access_logs` table for one block.
// In: rows that ingest/access-log/rows.ts appends. Out: one Native insert.
// Bounds: types and names are those of storage/migrations/0008_access_logs.sql, IngestedAt is left to its default.
import { AttributeColumn } from "../otlp/attributes.ts";
import { CROWDED_DICTIONARY, type TableInsert } from "../otlp/block.ts";
import { BoundedNames } from "../otlp/bounded-names.ts";
import { ByteColumn, IndexColumn } from "../otlp/columns.ts";
import { StringDictionary } from "../otlp/dictionary.ts";
import type { DecodeLimits } from "../otlp/limits.ts";
import { NativeWriter } from "../otlp/native-block.ts";
import type { OriginTable } from "../otlp/origins.ts";
import { placeColumns, PlaceTable } from "./places.ts";

/** Bytes of a row besides those counted by content. */
const ROW_BYTES = 140;
const LOW_CARDINALITY = "LowCardinality(String)";
const DIRECTION_TYPE = "Enum8('' = 0, 'inbound' = 1, 'outbound' = 2)";
const REPORTER_TYPE =
  "Enum8('unknown' = 0, 'source' = 1, 'destination' = 2, 'gateway' = 3, 'waypoint' = 4, 'ztunnel' = 5)";
const OUTCOME_TYPE = "Enum8('ok' = 0, 'degraded' = 1, 'failed' = 2, 'cancelled' = 3)";
/** Protocols in the order of their numbers. */
export const ACCESS_PROTOCOLS = ["", "http", "grpc", "tcp"] as const;

const IDENTITY = ["Tenant", "Cluster", "Namespace", "Service", "Version", "Instance", "Node"] as const;
/** Columns of repeated text. */
const WORD_COLUMNS = [
  "Method",
  "HttpVersion",
  "ResponseDetails",
  "FailureReason",
  "UpstreamCluster",
  "UpstreamHost",
  "RouteName",
] as const;
/** One of them. */
export type WordColumn = (typeof WORD_COLUMNS)[number];
/** Columns of text that is new on each row, or that callers may choose as they like. */
const TEXT_COLUMNS = ["TraceId", "SpanId", "Path", "RequestId", "DownstreamAddress", "Authority", "UserAgent"] as const;
/** One of them. */
export type TextColumn = (typeof TEXT_COLUMNS)[number];
/** Columns of whole numbers; -1 is "not measured". */
export const NUMBER_COLUMNS = ["Duration", "UpstreamServiceTime", "BytesReceived", "BytesSent"] as const;
/** One of them. */
export type NumberColumn = (typeof NUMBER_COLUMNS)[number];
/** Columns of small numbers, kept one up: -1 is "not sent". */
const SMALL_COLUMNS = ["ResponseCode", "GrpcStatus", "Attempts"] as const;
/** One of them. */
export type SmallColumn = (typeof SMALL_COLUMNS)[number];

const COLUMNS: readonly string[] = [
  "Timestamp",
  ...TEXT_COLUMNS,
  "Direction",
  "Reporter",
  ...IDENTITY,
  ...placeColumns("Src"),
  ...placeColumns("Dst"),
  "Protocol",
  "Operation",
  "ResponseFlags",
  ...WORD_COLUMNS,
  "Outcome",
  ...SMALL_COLUMNS,
  ...NUMBER_COLUMNS,
  "Attributes",
];

/** Columns of access logs; each is public to the code that fills it. */
export class AccessLogColumns {
  readonly timestamps = new ByteColumn(8192);
  readonly identities = new IndexColumn(1024);
  readonly places: PlaceTable;
  readonly src = new IndexColumn(1024);
  readonly dst = new IndexColumn(1024);
  readonly directions = new IndexColumn(1024);
  readonly reporters = new IndexColumn(1024);
  readonly protocols = new IndexColumn(1024);
  readonly outcomes = new IndexColumn(1024);
  readonly operations: BoundedNames;
  readonly operationOfRow = new IndexColumn(1024);
  readonly flags: BoundedNames;
  readonly flagsOfRow = new IndexColumn(1024);
  readonly words: Readonly<Record<WordColumn, StringDictionary>>;
  readonly wordOfRow: Readonly<Record<WordColumn, IndexColumn>>;
  readonly texts: Readonly<Record<TextColumn, ByteColumn>>;
  readonly numbers: Readonly<Record<NumberColumn, ByteColumn>>;
  readonly smalls: Readonly<Record<SmallColumn, IndexColumn>>;
  readonly attributes: AttributeColumn;
  private readonly origins: OriginTable;
  private readonly writer = new NativeWriter();
  private readonly columns: readonly { mark(): void; rollback(): void; clear(): void }[];

  constructor(limits: DecodeLimits, origins: OriginTable, seed: number) {
    this.origins = origins;
    this.places = new PlaceTable(seed);
    this.operations = new BoundedNames(seed);
    this.flags = new BoundedNames(seed, 256);
    this.words = mapOf(WORD_COLUMNS, () => new StringDictionary(seed, 256));
    this.wordOfRow = mapOf(WORD_COLUMNS, () => new IndexColumn(1024));
    this.texts = mapOf(TEXT_COLUMNS, () => new ByteColumn(8192));
    this.numbers = mapOf(NUMBER_COLUMNS, () => new ByteColumn(8192));
    this.smalls = mapOf(SMALL_COLUMNS, () => new IndexColumn(1024));
    this.attributes = new AttributeColumn(limits, seed, 8192);
    this.columns = [
      this.timestamps,
      this.identities,
      this.places,
      this.src,
      this.dst,
      this.directions,
      this.reporters,
      this.protocols,
      this.outcomes,
      this.operations,
      this.operationOfRow,
      this.flags,
      this.flagsOfRow,
      this.attributes,
      ...Object.values(this.words),
      ...Object.values(this.wordOfRow),
      ...Object.values(this.texts),
      ...Object.values(this.numbers),
      ...Object.values(this.smalls),
    ];
  }

  get rows(): number {
    return this.identities.length;
  }

  get bytes(): number {
    const { attributes, texts } = this;
    let text = 0;
    for (const column of TEXT_COLUMNS) text += texts[column].length;
    return this.rows * ROW_BYTES + text + attributes.values.length + attributes.keyOfPair.length;
  }

  get isCrowded(): boolean {
    for (const column of WORD_COLUMNS) if (this.words[column].count > CROWDED_DICTIONARY) return true;
    return this.operations.count > CROWDED_DICTIONARY || this.attributes.keys.count > CROWDED_DICTIONARY;
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

  insert(): TableInsert {
    const { writer: w, origins } = this;
    w.reset();
    w.block(COLUMNS.length, this.rows);
    w.column("Timestamp", "DateTime64(9)");
    w.bytes(this.timestamps.content());
    for (const column of TEXT_COLUMNS) {
      w.column(column, "String");
      w.strings(this.texts[column]);
    }
    w.column("Direction", DIRECTION_TYPE);
    w.uint8(this.directions);
    w.column("Reporter", REPORTER_TYPE);
    w.uint8(this.reporters);
    for (const column of IDENTITY) origins.identities.write(w, column, this.identities);
    this.places.write(w, "Src", this.src);
    this.places.write(w, "Dst", this.dst);
    w.column("Protocol", LOW_CARDINALITY);
    w.lowCardinalityFixed(ACCESS_PROTOCOLS, this.protocols);
    w.column("Operation", LOW_CARDINALITY);
    w.lowCardinality(this.operations.names, this.operationOfRow);
    w.column("ResponseFlags", LOW_CARDINALITY);
    w.lowCardinality(this.flags.names, this.flagsOfRow);
    for (const column of WORD_COLUMNS) {
      w.column(column, LOW_CARDINALITY);
      w.lowCardinality(this.words[column], this.wordOfRow[column]);
    }
    w.column("Outcome", OUTCOME_TYPE);
    w.uint8(this.outcomes);
    for (const column of SMALL_COLUMNS) {
      w.column(column, "Int16");
      w.int16FromOneUp(this.smalls[column]);
    }
    for (const column of NUMBER_COLUMNS) {
      w.column(column, "Int64");
      w.bytes(this.numbers[column].content());
    }
    w.column("Attributes", "Map(LowCardinality(String), String)");
    w.maps(this.attributes);
    return { table: "access_logs", columns: COLUMNS, rows: this.rows, chunks: w.finish() };
  }
}

function mapOf<Name extends string, Value>(names: readonly Name[], make: () => Value): Readonly<Record<Name, Value>> {
  return Object.fromEntries(names.map((name) => [name, make()])) as Record<Name, Value>;
}
