// The naive path: protobufjs decodes a payload into objects, each span becomes a row object, each row a line of JSONEachRow.
// In: ExportTraceServiceRequest payloads. Out: the text that an insert would send.
// Bounds: either all columns of `spans`, as the measured path fills them, or only the 22 of the Collector's otel_traces. Written as one would
// write it for use: the resource is converted once a group, ids and times natively.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { meaningOf, NaiveOrigin } from "./naive-meaning.ts";

/** Fields that were not sent have the type's default on the prototype, so only `value` tells which one was. */
interface AnyValue {
  readonly value?: Exclude<keyof AnyValue, "value">;
  readonly stringValue: string;
  readonly boolValue: boolean;
  readonly intValue: protobuf.Long;
  readonly doubleValue: number;
  readonly arrayValue: { readonly values: readonly AnyValue[] };
  readonly kvlistValue: { readonly values: readonly KeyValue[] };
  readonly bytesValue: Buffer;
}
interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue | null;
}
interface Span {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly traceState: string;
  readonly parentSpanId: Buffer;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: protobuf.Long;
  readonly endTimeUnixNano: protobuf.Long;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly {
    readonly timeUnixNano: protobuf.Long;
    readonly name: string;
    readonly attributes: readonly KeyValue[];
  }[];
  readonly links: readonly {
    readonly traceId: Buffer;
    readonly spanId: Buffer;
    readonly traceState: string;
    readonly attributes: readonly KeyValue[];
  }[];
  readonly status?: { readonly code: number; readonly message: string } | null;
}
interface TracesRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] } | null;
    readonly scopeSpans: readonly {
      readonly scope?: { readonly name: string; readonly version: string } | null;
      readonly spans: readonly Span[];
    }[];
  }[];
}

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];

/** Columns of the Collector's otel_traces. */
export const COLLECTOR_COLUMNS = [
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
] as const;

/** A row as JSONEachRow has it. */
export type NaiveRow = Readonly<Record<(typeof COLLECTOR_COLUMNS)[number], unknown>>;

/** Makes the decoder: a payload's rows, with all columns or with the Collector's. */
export function createNaiveDecoder(allColumns: boolean): (payload: Uint8Array) => NaiveRow[] {
  const schema = readFileSync(fileURLToPath(new URL("otlp-traces.proto", import.meta.url)), "utf8");
  const type = protobuf.parse(schema).root.lookupType("otlp.TracesRequest");
  return (payload) => rowsOf(type.decode(payload) as unknown as TracesRequest, allColumns);
}

/** The rows as the body of an insert. */
export function encodeNaive(rows: readonly NaiveRow[]): string {
  return rows.map((row) => JSON.stringify(row)).join("\n");
}

function rowsOf(request: TracesRequest, allColumns: boolean): NaiveRow[] {
  const rows: NaiveRow[] = [];
  for (const { resource, scopeSpans } of request.resourceSpans) {
    const resourceAttributes = mapOf(resource?.attributes ?? []);
    const origin = allColumns ? new NaiveOrigin(resourceAttributes) : null;
    for (const { scope, spans } of scopeSpans) {
      for (const span of spans) {
        const row = rowOf(span, resourceAttributes, scope?.name ?? "", scope?.version ?? "");
        rows.push(origin === null ? row : withMeaning(row, span, origin));
      }
    }
  }
  return rows;
}

function rowOf(
  span: Span,
  resource: Record<string, string>,
  scopeName: string,
  scopeVersion: string,
): NaiveRow & { readonly SpanAttributes: Record<string, string>; readonly StatusCode: string } {
  const start = bigOf(span.startTimeUnixNano);
  return {
    Timestamp: timeOf(start),
    TraceId: span.traceId.toString("hex"),
    SpanId: span.spanId.toString("hex"),
    ParentSpanId: span.parentSpanId.toString("hex"),
    TraceState: span.traceState,
    SpanName: span.name,
    SpanKind: KINDS[span.kind] ?? "Unspecified",
    ServiceName: resource["service.name"] ?? "",
    ResourceAttributes: resource,
    ScopeName: scopeName,
    ScopeVersion: scopeVersion,
    SpanAttributes: mapOf(span.attributes),
    Duration: Number(bigOf(span.endTimeUnixNano) - start),
    StatusCode: STATUSES[span.status?.code ?? 0] ?? "Unset",
    StatusMessage: span.status?.message ?? "",
    "Events.Timestamp": span.events.map((event) => timeOf(bigOf(event.timeUnixNano))),
    "Events.Name": span.events.map((event) => event.name),
    "Events.Attributes": span.events.map((event) => mapOf(event.attributes)),
    "Links.TraceId": span.links.map((link) => link.traceId.toString("hex")),
    "Links.SpanId": span.links.map((link) => link.spanId.toString("hex")),
    "Links.TraceState": span.links.map((link) => link.traceState),
    "Links.Attributes": span.links.map((link) => mapOf(link.attributes)),
  };
}

function withMeaning(row: ReturnType<typeof rowOf>, span: Span, origin: NaiveOrigin): NaiveRow {
  const attributes = row.SpanAttributes;
  const isProxy = origin.isEnvoy || attributes["component"] === "proxy";
  const isError = row.StatusCode === "Error";
  return Object.assign(
    row,
    origin.identityOf(attributes, isProxy),
    meaningOf(attributes, span.name, span.kind, isError, isProxy),
  );
}

function bigOf(long: protobuf.Long): bigint {
  return (BigInt(long.high >>> 0) << 32n) | BigInt(long.low >>> 0);
}

/** Nanoseconds as DateTime64(9) reads them in JSON: seconds with nine decimals. */
function timeOf(unixNs: bigint): string {
  const digits = unixNs.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

function mapOf(attributes: readonly KeyValue[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const { key, value } of attributes) map[key] = textOf(value);
  return map;
}

function textOf(value: AnyValue | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (Object.hasOwn(value, "stringValue")) return value.stringValue;
  const plain = plainOf(value);
  if (plain === null) return "";
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}

/** An AnyValue as JSON would have it. */
function plainOf(value: AnyValue | null | undefined): unknown {
  switch (value?.value) {
    case "stringValue":
      return value.stringValue;
    case "boolValue":
      return value.boolValue;
    case "intValue":
      return BigInt.asIntN(64, bigOf(value.intValue)).toString();
    case "doubleValue":
      return value.doubleValue;
    case "arrayValue":
      return value.arrayValue.values.map(plainOf);
    case "kvlistValue":
      return Object.fromEntries(value.kvlistValue.values.map((pair) => [pair.key, plainOf(pair.value)]));
    case "bytesValue":
      return value.bytesValue.toString("base64");
    case undefined:
      return null;
  }
}
