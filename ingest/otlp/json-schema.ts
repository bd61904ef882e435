// The fields of OTLP that JSON may hold, by message. Source: opentelemetry-proto 1.7.
// In: nothing. Out: number, type and enum names of each field. Bounds: what is not listed is ignored by the reader.

/** Types of fields that hold no message. */
export type Scalar =
  | "string"
  | "hex"
  | "base64"
  | "bool"
  | "double"
  | "fixed64"
  | "sfixed64"
  | "fixed32"
  | "int64"
  | "int32"
  | "sint32"
  | "enum";

/** A field of a message: `type` is a scalar or the name of a message. */
export interface Field {
  readonly number: number;
  readonly type: Scalar | readonly [message: string];
  readonly repeated: boolean;
  /** Names of enum values by their common prefix. */
  readonly values?: Readonly<Record<string, number>>;
}

const SPAN_KINDS = { UNSPECIFIED: 0, INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 };
const STATUS_CODES = { UNSET: 0, OK: 1, ERROR: 2 };
const TEMPORALITIES = { UNSPECIFIED: 0, DELTA: 1, CUMULATIVE: 2 };
const SEVERITIES: Record<string, number> = { UNSPECIFIED: 0 };
for (const [i, name] of ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].entries()) {
  for (const step of [1, 2, 3, 4]) SEVERITIES[step === 1 ? name : `${name}${step}`] = i * 4 + step;
}

const ENUMS: Readonly<Record<string, { readonly prefix: string; readonly values: Readonly<Record<string, number>> }>> =
  {
    "Span.kind": { prefix: "SPAN_KIND_", values: SPAN_KINDS },
    "Status.code": { prefix: "STATUS_CODE_", values: STATUS_CODES },
    "LogRecord.severityNumber": { prefix: "SEVERITY_NUMBER_", values: SEVERITIES },
    "Sum.aggregationTemporality": { prefix: "AGGREGATION_TEMPORALITY_", values: TEMPORALITIES },
    "Histogram.aggregationTemporality": { prefix: "AGGREGATION_TEMPORALITY_", values: TEMPORALITIES },
    "ExponentialHistogram.aggregationTemporality": { prefix: "AGGREGATION_TEMPORALITY_", values: TEMPORALITIES },
  };

// One line a message: name, number, type; `*` repeats, a capital begins a message.
/** Fields of each message by name; both spellings of each field lead to it. */
export const MESSAGES: ReadonlyMap<string, ReadonlyMap<string, Field>> = parseTable(`
TracesRequest: resourceSpans 1 ResourceSpans*
LogsRequest: resourceLogs 1 ResourceLogs*
MetricsRequest: resourceMetrics 1 ResourceMetrics*
ResourceSpans: resource 1 Resource, scopeSpans 2 ScopeSpans*, schemaUrl 3 string
ResourceLogs: resource 1 Resource, scopeLogs 2 ScopeLogs*, schemaUrl 3 string
ResourceMetrics: resource 1 Resource, scopeMetrics 2 ScopeMetrics*, schemaUrl 3 string
Resource: attributes 1 KeyValue*, droppedAttributesCount 2 int32
Scope: name 1 string, version 2 string, attributes 3 KeyValue*, droppedAttributesCount 4 int32
ScopeSpans: scope 1 Scope, spans 2 Span*, schemaUrl 3 string
ScopeLogs: scope 1 Scope, logRecords 2 LogRecord*, schemaUrl 3 string
ScopeMetrics: scope 1 Scope, metrics 2 Metric*, schemaUrl 3 string
KeyValue: key 1 string, value 2 AnyValue
AnyValue: stringValue 1 string, boolValue 2 bool, intValue 3 int64, doubleValue 4 double, arrayValue 5 ArrayValue, kvlistValue 6 KeyValueList, bytesValue 7 base64
ArrayValue: values 1 AnyValue*
KeyValueList: values 1 KeyValue*
Span: traceId 1 hex, spanId 2 hex, traceState 3 string, parentSpanId 4 hex, name 5 string, kind 6 enum, startTimeUnixNano 7 fixed64, endTimeUnixNano 8 fixed64, attributes 9 KeyValue*, droppedAttributesCount 10 int32, events 11 Event*, droppedEventsCount 12 int32, links 13 Link*, droppedLinksCount 14 int32, status 15 Status, flags 16 fixed32
Event: timeUnixNano 1 fixed64, name 2 string, attributes 3 KeyValue*, droppedAttributesCount 4 int32
Link: traceId 1 hex, spanId 2 hex, traceState 3 string, attributes 4 KeyValue*, droppedAttributesCount 5 int32, flags 6 fixed32
Status: message 2 string, code 3 enum
LogRecord: timeUnixNano 1 fixed64, severityNumber 2 enum, severityText 3 string, body 5 AnyValue, attributes 6 KeyValue*, droppedAttributesCount 7 int32, flags 8 fixed32, traceId 9 hex, spanId 10 hex, observedTimeUnixNano 11 fixed64, eventName 12 string
Metric: name 1 string, description 2 string, unit 3 string, gauge 5 Gauge, sum 7 Sum, histogram 9 Histogram, exponentialHistogram 10 ExponentialHistogram, summary 11 Summary
Gauge: dataPoints 1 NumberPoint*
Sum: dataPoints 1 NumberPoint*, aggregationTemporality 2 enum, isMonotonic 3 bool
Histogram: dataPoints 1 HistogramPoint*, aggregationTemporality 2 enum
ExponentialHistogram: dataPoints 1 ExponentialPoint*, aggregationTemporality 2 enum
Summary: dataPoints 1 SummaryPoint*
NumberPoint: startTimeUnixNano 2 fixed64, timeUnixNano 3 fixed64, asDouble 4 double, asInt 6 sfixed64, attributes 7 KeyValue*, flags 8 int32
HistogramPoint: startTimeUnixNano 2 fixed64, timeUnixNano 3 fixed64, count 4 fixed64, sum 5 double, bucketCounts 6 fixed64*, explicitBounds 7 double*, attributes 9 KeyValue*, flags 10 int32, min 11 double, max 12 double
ExponentialPoint: attributes 1 KeyValue*, startTimeUnixNano 2 fixed64, timeUnixNano 3 fixed64, count 4 fixed64, sum 5 double, scale 6 sint32, zeroCount 7 fixed64, positive 8 Buckets, negative 9 Buckets, flags 10 int32, min 12 double, max 13 double, zeroThreshold 14 double
Buckets: offset 1 sint32, bucketCounts 2 int64*
SummaryPoint: startTimeUnixNano 2 fixed64, timeUnixNano 3 fixed64, count 4 fixed64, sum 5 double, quantileValues 6 Quantile*, attributes 7 KeyValue*, flags 8 int32
Quantile: quantile 1 double, value 2 double
`);

function parseTable(table: string): ReadonlyMap<string, ReadonlyMap<string, Field>> {
  const messages = new Map<string, ReadonlyMap<string, Field>>();
  for (const line of table.trim().split("\n")) {
    const [message = "", rest = ""] = line.split(": ");
    const fields = new Map<string, Field>();
    for (const part of rest.split(", ")) {
      const [name = "", number = "", kind = ""] = part.split(" ");
      const type = kind.replace("*", "");
      const named = ENUMS[`${message}.${name}`];
      const field: Field = {
        number: Number(number),
        type: /^[A-Z]/.test(type) ? [type] : (type as Scalar),
        repeated: kind.endsWith("*"),
        ...(named === undefined ? {} : { values: prefixed(named.prefix, named.values) }),
      };
      fields.set(name, field);
      fields.set(
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        field,
      );
    }
    messages.set(message, fields);
  }
  return messages;
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}
