// Takes an OTLP log record for an access log, or leaves it: the only part of ingest/access-log/ that the logs path sees.
// In: a record's time, ids, labels and body, by position in the payload. Out: a row in `access_logs`; or nothing, and then the reason
// when it looked like one and could not be read. Formats: labels (envoyOtelAls), a map as body, a JSON or text line as body, ztunnel's lines.
// Bounds: one pass a format, no object a record; a record is tried as one format only, the one that its first bytes tell.
import type { EventTimes } from "../otlp/event-time.ts";
import type { DecodeLimits, RowFailure } from "../otlp/limits.ts";
import type { OriginTable } from "../otlp/origins.ts";
import type { ResourceMemory } from "../otlp/resource-memory.ts";
import type { WireReader } from "../otlp/wire.ts";
import type { AccessLogColumns } from "./columns.ts";
import { FIELD } from "./field-names.ts";
import { AccessFields } from "./fields.ts";
import { isJsonAccessLog, type JsonFailure, JsonLineReader } from "./json-line.ts";
import { KeyMemory } from "./key-memory.ts";
import { LabelReader, LEAST_FIELDS } from "./label-pairs.ts";
import { OwnPairs } from "./own-pairs.ts";
import { Reporters } from "./reporters.ts";
import { RowWriter } from "./rows.ts";
import { Sides } from "./sides.ts";
import { StartTime } from "./start-time.ts";
import { type LineFailure, TextLineReader } from "./text-line.ts";
import type { RecordIds } from "./trace-ids.ts";
import { isZtunnelLine, readZtunnelLine, type ZtunnelFailure } from "./ztunnel-line.ts";

/** Why a record that looked like an access log stayed a log. */
export type AccessLogFailure = LineFailure | JsonFailure | ZtunnelFailure;

/** What became of a record. `log`: it is none of ours; `refused`: it is one, and no row. */
export type AccessLogVerdict = "row" | "log" | RowFailure;

const STRING = 0x0a;
const MAP = 0x32;
const OPEN_SQUARE = 0x5b;
const OPEN_CURLY = 0x7b;

/** A record as the logs path has found it; positions are those of the payload. */
export interface RecordParts extends RecordIds {
  timeLow: number;
  timeHigh: number;
  /** The time is the record's own, not that of its arrival. */
  hasTime: boolean;
  bodyFrom: number;
  bodyEnd: number;
  /** KeyValue messages of its attributes: where each begins and ends. */
  readonly labelStarts: Int32Array;
  readonly labelEnds: Int32Array;
  labels: number;
}

/** Reads access logs of one block. */
export class AccessLogReader {
  /** Records that looked like access logs and could not be read, by reason, since the last `takeFailures`. */
  private readonly failures = new Map<AccessLogFailure, number>();
  private readonly columns: AccessLogColumns;
  private readonly origins: OriginTable;
  private readonly fields = new AccessFields();
  private readonly own = new OwnPairs();
  private readonly keys: KeyMemory;
  private readonly labels: LabelReader;
  private readonly text = new TextLineReader();
  private readonly json: JsonLineReader;
  private readonly reporters: Reporters;
  private readonly sides: Sides;
  private readonly rows: RowWriter;
  private readonly time = new StartTime();

  constructor(columns: AccessLogColumns, origins: OriginTable, limits: DecodeLimits, { seed, rules }: ResourceMemory) {
    this.columns = columns;
    this.origins = origins;
    this.keys = new KeyMemory(seed);
    this.labels = new LabelReader(this.keys, limits);
    this.json = new JsonLineReader(this.keys);
    this.reporters = new Reporters(origins, columns.places, rules.aliases, seed);
    this.sides = new Sides(columns.places, rules.aliases, seed);
    this.rows = new RowWriter(columns, limits);
  }

  get isCrowded(): boolean {
    return this.sides.isCrowded || this.reporters.isCrowded;
  }

  /** Reads one record; what is wrong with the payload is in `reader.failure`. */
  read(reader: WireReader, record: RecordParts, times: EventTimes): AccessLogVerdict {
    const { fields, own, labels } = this;
    fields.open(reader.bytes, reader.view);
    own.clear();
    labels.clear();
    for (let i = 0; i < record.labels; i++) {
      labels.read(reader, fields, own, record.labelStarts[i] ?? 0, record.labelEnds[i] ?? 0);
      if (reader.failure !== null) return "log";
    }
    const isOfLabels =
      labels.known >= LEAST_FIELDS && (labels.isEnvoy || this.origins.currentAttributes.has("log_name"));
    if (!isOfLabels && !this.readBody(reader, record)) return "log";
    return this.writeRow(record, times, isOfLabels);
  }

  /** Reads the body as an access log; false when it is none or broken. */
  private readBody(reader: WireReader, { bodyFrom, bodyEnd }: RecordParts): boolean {
    const { bytes } = reader;
    if (bodyEnd - bodyFrom < 20) return false;
    const tag = bytes[bodyFrom];
    if (tag !== STRING && tag !== MAP) return false;
    reader.position = bodyFrom + 1;
    const to = reader.length(bodyEnd) + reader.position;
    // Another value behind it would count instead: such a body is nobody's access log.
    if (reader.failure !== null || to !== bodyEnd) return false;
    return tag === MAP ? this.readMap(reader, reader.position, to) : this.readText(bytes, reader.position, to);
  }

  private readMap(reader: WireReader, from: number, to: number): boolean {
    const { labels } = this;
    labels.clear();
    labels.readList(reader, this.fields, this.own, from, to);
    if (reader.failure !== null) return false;
    return labels.known >= LEAST_FIELDS && (labels.isEnvoy || this.fields.has(FIELD["src.addr"]));
  }

  private readText(bytes: Uint8Array, from: number, to: number): boolean {
    const { fields, own } = this;
    const first = bytes[from] ?? 0;
    let failure: AccessLogFailure | null;
    if (first === OPEN_SQUARE) {
      if (!this.text.isLine(bytes, from, to)) return false;
      failure = this.text.read(fields, from, to);
    } else if (first === OPEN_CURLY) {
      if (!isJsonAccessLog(bytes, from, to)) return false;
      failure = this.json.read(fields, own, from, to);
    } else if (first >= 0x30 && first <= 0x39) {
      if (!isZtunnelLine(bytes, from, to)) return false;
      failure = readZtunnelLine(fields, own, this.keys, from, to);
    } else return false;
    if (failure !== null) this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
    return failure === null;
  }

  private writeRow(record: RecordParts, times: EventTimes, isOfLabels: boolean): AccessLogVerdict {
    const { fields, columns, rows, sides } = this;
    this.readTime(record, isOfLabels);
    const refused = times.judge(this.time.low, this.time.high);
    if (refused !== null) return refused;
    const reporter = this.reporters.find(fields);
    const cluster = rows.internCluster(fields);
    sides.read(fields, reporter, columns.words.UpstreamCluster, cluster);
    columns.wordOfRow.UpstreamCluster.push(cluster);
    columns.timestamps.reserve(8);
    columns.timestamps.putUint64(this.time.low, this.time.high);
    columns.identities.push(reporter.identity);
    columns.src.push(sides.src);
    columns.dst.push(sides.dst);
    columns.directions.push(sides.direction);
    columns.reporters.push(sides.grade);
    rows.write(fields, this.own, record, sides.isInbound, reporter.names);
    return "row";
  }

  /** Envoy's labels come with the request's start to the nanosecond; a line in a file has it within, and was written at the end. */
  private readTime(record: RecordParts, isOfLabels: boolean): void {
    const { fields, time } = this;
    time.low = record.timeLow;
    time.high = record.timeHigh;
    if (isOfLabels && record.hasTime) return;
    if (!fields.has(FIELD.start_time)) return;
    const start = fields.start(FIELD.start_time);
    const isRead = time.read(fields.source(FIELD.start_time), start, start + fields.length(FIELD.start_time));
    // ztunnel writes when the connection ended.
    if (isRead && fields.has(FIELD["src.addr"])) time.back(Math.max(0, fields.nanoseconds(FIELD.duration)));
  }

  /** Values cut since the last call. */
  takeTruncated(): number {
    const truncated = this.rows.truncated + this.labels.truncated;
    this.rows.truncated = 0;
    this.labels.truncated = 0;
    return truncated;
  }

  /** Failures since the last call, by reason. */
  takeFailures(): ReadonlyMap<AccessLogFailure, number> {
    const failures = new Map(this.failures);
    this.failures.clear();
    return failures;
  }

  /** To be called when the numbers of the block are taken back or cleared. */
  forget(): void {
    this.reporters.clear();
    this.sides.clear();
    this.rows.clear();
    this.fields.close();
  }
}
