// From the fields of one access log to its row: times, numbers, words, protocol, operation, outcome, and what is left as attributes.
// In: fields, the operator's own pairs, reporter and sides. Out: one row in the columns.
// Bounds: words are cut at maxNameBytes, other text at maxValueBytes, operations are route templates; each cut is counted.
import { judgeOutcome, OUTCOMES } from "../../model/outcome.ts";
import { ROUTE_TEMPLATE_MAX_BYTES, writeRouteTemplate } from "../../model/route-template.ts";
import { GRPC_NAMES } from "../../model/span-facts.ts";
import type { ServiceNames } from "../cardinality.ts";
import { cutAtCharacter } from "../otlp/any-value.ts";
import { ByteColumn, type IndexColumn } from "../otlp/columns.ts";
import type { StringDictionary } from "../otlp/dictionary.ts";
import type { DecodeLimits } from "../otlp/limits.ts";
import {
  judgeOperation,
  judgeResponseFlags,
  SOURCE_NAME,
  SOURCE_PATH,
  SOURCE_PATH_OF_SERVER,
} from "../otlp/name-rules.ts";
import { type AccessLogColumns, ACCESS_PROTOCOLS, type WordColumn } from "./columns.ts";
import { FIELD } from "./field-names.ts";
import type { AccessFields } from "./fields.ts";
import type { OwnPairs } from "./own-pairs.ts";
import { RowAttributes } from "./row-attributes.ts";
import { type RecordIds, writeTraceIds } from "./trace-ids.ts";

const TWO_32 = 4294967296;
const ALL_ONES = 0xffffffff;
/** No request lasts 30 days, and one such figure would spoil every sum. */
const LONGEST_NS = 30 * 86_400e9;
const GRPC = ACCESS_PROTOCOLS.indexOf("grpc");
const HTTP = ACCESS_PROTOCOLS.indexOf("http");
const TCP = ACCESS_PROTOCOLS.indexOf("tcp");
const MAX_METHOD_BYTES = 40;
const MAX_FLAGS_BYTES = 200;
const SLASH = 0x2f;

const WORDS: readonly (readonly [WordColumn, number])[] = [
  ["Method", FIELD.method],
  ["HttpVersion", FIELD.protocol],
  ["ResponseDetails", FIELD.response_code_details],
  ["FailureReason", FIELD.upstream_transport_failure_reason],
  ["UpstreamHost", FIELD.upstream_host],
  ["RouteName", FIELD.route_name],
];
// ztunnel names its flags in metrics only; what its log says in words is told by the same two.
const ZTUNNEL_DENIED = /policy|denied|unauthorized|forbidden|http status: 40[13]/i;

/** A word column with the field that fills it. */
interface WordSlot {
  readonly words: StringDictionary;
  readonly rows: IndexColumn;
  readonly field: number;
}

/** Writes rows. */
export class RowWriter {
  truncated = 0;
  private readonly columns: AccessLogColumns;
  private readonly limits: DecodeLimits;
  private readonly scratch = new ByteColumn(1024);
  private readonly outcomes = new Map<number, number>();
  private readonly slots: readonly WordSlot[];
  private readonly clusters: WordSlot;
  private readonly attributes: RowAttributes;

  constructor(columns: AccessLogColumns, limits: DecodeLimits) {
    this.columns = columns;
    this.limits = limits;
    const slot = (column: WordColumn, field: number): WordSlot => ({
      words: columns.words[column],
      rows: columns.wordOfRow[column],
      field,
    });
    this.slots = WORDS.map(([column, field]) => slot(column, field));
    this.clusters = slot("UpstreamCluster", FIELD.upstream_cluster);
    this.attributes = new RowAttributes(columns.attributes, limits);
  }

  /** Takes the upstream cluster's name, by which the sides are found. */
  internCluster(fields: AccessFields): number {
    return this.intern(fields, this.clusters);
  }

  /** Writes what the fields say by themselves; time, identity and sides are the caller's. */
  write(fields: AccessFields, own: OwnPairs, ids: RecordIds, isInbound: boolean, names: ServiceNames): void {
    const { columns } = this;
    const isZtunnel = fields.has(FIELD["src.addr"]);
    const { texts, numbers, smalls } = columns;
    for (const slot of this.slots) slot.rows.push(this.intern(fields, slot));
    const httpStatus = fields.integer(FIELD.response_code);
    const grpcStatus = readGrpcStatus(fields);
    const protocol = protocolOf(fields, httpStatus, grpcStatus, isZtunnel);
    columns.protocols.push(protocol);
    columns.operationOfRow.push(this.operation(fields, protocol, isInbound, names));
    smalls.ResponseCode.push(small(httpStatus));
    smalls.GrpcStatus.push(small(grpcStatus));
    smalls.Attempts.push(small(fields.integer(FIELD.upstream_request_attempt_count)));
    const flags = isZtunnel ? this.ztunnelFlags(fields) : this.metFlags(fields);
    columns.flagsOfRow.push(this.keepFlags(flags, names));
    columns.outcomes.push(this.outcome(flags, httpStatus, grpcStatus, isInbound, isZtunnel && fields.has(FIELD.error)));
    this.number(numbers.Duration, this.duration(fields.nanoseconds(FIELD.duration)));
    this.number(numbers.UpstreamServiceTime, this.duration(fields.nanoseconds(FIELD.upstream_service_time)));
    this.number(numbers.BytesReceived, fields.integer(FIELD.bytes_received));
    this.number(numbers.BytesSent, fields.integer(FIELD.bytes_sent));
    this.text(fields, texts.Path, FIELD.path);
    this.text(fields, texts.Authority, FIELD.authority);
    this.text(fields, texts.UserAgent, FIELD.user_agent);
    this.text(fields, texts.RequestId, FIELD.request_id);
    this.text(fields, texts.DownstreamAddress, FIELD.downstream_remote_address);
    writeTraceIds(fields, ids, texts.TraceId, texts.SpanId);
    this.truncated += this.attributes.write(fields, own, isZtunnel);
  }

  private duration(nanoseconds: number): number {
    if (nanoseconds <= LONGEST_NS) return nanoseconds;
    this.truncated++;
    return -1;
  }

  private intern(fields: AccessFields, { words, rows, field }: WordSlot): number {
    const source = fields.source(field);
    const start = fields.start(field);
    const length = this.cut(source, start, fields.length(field), this.limits.maxNameBytes);
    // Most words are those of the row before.
    const last = rows.values[rows.length - 1] ?? 0;
    const view = fields.sourceView(field);
    if (last < words.count && words.is(last, source, view, start, length)) return last;
    return words.intern(source, view, start, length);
  }

  private text(fields: AccessFields, target: ByteColumn, field: number): void {
    const source = fields.source(field);
    const start = fields.start(field);
    const length = this.cut(source, start, fields.length(field), this.limits.maxValueBytes);
    target.reserve(length + 8);
    target.putString(source, fields.sourceView(field), start, length);
  }

  private number(target: ByteColumn, value: number): void {
    target.reserve(8);
    if (value < 0) target.putUint64(ALL_ONES, ALL_ONES);
    else target.putUint64(value % TWO_32, Math.floor(value / TWO_32));
  }

  /** `METHOD /route` or `package.Service/Method`; '' for connections. */
  private operation(fields: AccessFields, protocol: number, isInbound: boolean, names: ServiceNames): number {
    const { scratch } = this;
    const { operations } = this.columns;
    let source = SOURCE_NAME;
    scratch.length = 0;
    scratch.reserve(MAX_METHOD_BYTES + ROUTE_TEMPLATE_MAX_BYTES + 256);
    if ((protocol === HTTP || protocol === GRPC) && fields.has(FIELD.path)) {
      const path = fields.source(FIELD.path);
      const from = fields.start(FIELD.path);
      const to = from + fields.length(FIELD.path);
      if (protocol === GRPC) {
        const end = cutAtCharacterEnd(path, path[from] === SLASH ? from + 1 : from, to);
        scratch.putBytes(path, fields.sourceView(FIELD.path), end.from, end.length);
      } else {
        source = isInbound ? SOURCE_PATH_OF_SERVER : SOURCE_PATH;
        const length = Math.min(fields.length(FIELD.method), MAX_METHOD_BYTES);
        if (length > 0) {
          scratch.putBytes(
            fields.source(FIELD.method),
            fields.sourceView(FIELD.method),
            fields.start(FIELD.method),
            length,
          );
          scratch.putByte(0x20);
        }
        scratch.length = writeRouteTemplate(path, from, to, scratch.bytes, scratch.length);
      }
    }
    const met = operations.met.intern(scratch.bytes, scratch.view, 0, scratch.length);
    // A name is judged once for its service, source and block, as those of spans are.
    const owner = names.number * 8 + source;
    const known = operations.find(owner, met);
    return known >= 0 ? known : operations.keep(owner, met, judgeOperation(operations.met.text(met), source, names));
  }

  private metFlags(fields: AccessFields): number {
    const field = FIELD.response_flags;
    const length = Math.min(fields.length(field), MAX_FLAGS_BYTES);
    return this.columns.flags.met.intern(fields.source(field), fields.sourceView(field), fields.start(field), length);
  }

  private ztunnelFlags(fields: AccessFields): number {
    const { met } = this.columns.flags;
    if (!fields.has(FIELD.error)) return met.intern(fields.bytes, fields.view, 0, 0);
    if (ZTUNNEL_DENIED.test(fields.text(FIELD.error))) return met.internText("DENY");
    // What broke after bytes had gone both ways is no failure to connect.
    return met.internText(fields.integer(FIELD.bytes_received) > 0 ? "" : "CONNECT");
  }

  /** The number of the flags as they are written. */
  private keepFlags(met: number, { tenant }: ServiceNames): number {
    const { flags } = this.columns;
    const known = flags.find(tenant.number, met);
    return known >= 0 ? known : flags.keep(tenant.number, met, judgeResponseFlags(flags.met.text(met), tenant));
  }

  private outcome(flags: number, httpStatus: number, grpcStatus: number, isInbound: boolean, isError: boolean): number {
    const key =
      (((flags * 1024 + Math.min(httpStatus, 1022) + 1) * 32 + grpcStatus + 1) * 2 + (isInbound ? 1 : 0)) * 2 +
      (isError ? 1 : 0);
    let outcome = this.outcomes.get(key);
    if (outcome === undefined) {
      outcome = OUTCOMES.indexOf(
        judgeOutcome({
          spanError: isError,
          isServerSide: isInbound,
          // A connection has no status: its flags count as those of a request that got no answer.
          httpStatus: Math.max(httpStatus, 0),
          grpcStatus,
          responseFlags: this.columns.flags.met.text(flags),
        }),
      );
      this.outcomes.set(key, outcome);
    }
    return outcome;
  }

  private cut(source: Uint8Array, from: number, length: number, limit: number): number {
    if (length <= limit) return length;
    this.truncated++;
    return cutAtCharacter(source, from, limit);
  }

  /** Numbers of flags are those of the block: to be called when they are taken back or cleared. */
  clear(): void {
    this.outcomes.clear();
  }
}

/** Int16 kept one up; what does not fit is not sent. */
function small(value: number): number {
  return value > 32_766 ? 0 : value + 1;
}

function readGrpcStatus(fields: AccessFields): number {
  if (!fields.has(FIELD.grpc_status)) return -1;
  const number = fields.integer(FIELD.grpc_status);
  if (number >= 0) return number < GRPC_NAMES.length ? number : -1;
  // Envoy writes OK, Unavailable, DeadlineExceeded, or UNAVAILABLE and DEADLINE_EXCEEDED, as the operator asked.
  const name = fields
    .text(FIELD.grpc_status)
    .replace(/(?<=[a-z])(?=[A-Z])/g, "_")
    .toUpperCase();
  return name === "CANCELED" ? 1 : GRPC_NAMES.indexOf(name);
}

function protocolOf(fields: AccessFields, httpStatus: number, grpcStatus: number, isZtunnel: boolean): number {
  if (fields.is(FIELD.method, "CONNECT")) return TCP;
  if (grpcStatus >= 0 || (fields.startsWith(FIELD.user_agent, "grpc-") && fields.is(FIELD.method, "POST"))) return GRPC;
  if (fields.has(FIELD.method) || httpStatus > 0) return HTTP;
  if (isZtunnel || httpStatus === 0 || fields.has(FIELD.upstream_cluster)) return TCP;
  return 0;
}

function cutAtCharacterEnd(
  source: Uint8Array,
  from: number,
  to: number,
): { readonly from: number; readonly length: number } {
  const length = to - from;
  return { from, length: length <= 200 ? length : cutAtCharacter(source, from, 200) };
}
