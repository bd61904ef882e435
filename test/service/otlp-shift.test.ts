// The in-place shift of times in OTLP protobuf, against protobufjs as the independent judge.
// In: random requests with every time field, unknown fields and unset times. Out: only the times differ, by exactly the shift.
import fc from "fast-check";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { shiftTimes } from "../../service/otlp-shift.ts";
import type { Signal } from "../../service/recording.ts";

// Field numbers and types of opentelemetry-proto 1.x, written out here once more on purpose: the judge must not read our table.
const schema = protobuf.parse(
  `
  syntax = "proto3";
  message Traces { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { bytes resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message ScopeSpans { bytes scope = 1; repeated Span spans = 2; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8; repeated Event events = 11; fixed32 flags = 16; fixed64 unknown_fixed = 200; }
  message Event { fixed64 time_unix_nano = 1; string name = 2; }
  message Logs { repeated ResourceLogs resource_logs = 1; }
  message ResourceLogs { repeated ScopeLogs scope_logs = 2; }
  message ScopeLogs { repeated LogRecord log_records = 2; }
  message LogRecord { fixed64 time_unix_nano = 1; int32 severity_number = 2; bytes trace_id = 9; fixed64 observed_time_unix_nano = 11; }
  message Metrics { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { repeated ScopeMetrics scope_metrics = 2; }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message Metric { string name = 1; Numbers gauge = 5; Numbers sum = 7; Histogram histogram = 9; ExpHistogram exponential_histogram = 10; Summary summary = 11; }
  message Numbers { repeated NumberPoint data_points = 1; }
  message NumberPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; double as_double = 4; repeated Exemplar exemplars = 5; sfixed64 as_int = 6; }
  message Exemplar { fixed64 time_unix_nano = 2; double as_double = 3; bytes span_id = 4; }
  message Histogram { repeated HistogramPoint data_points = 1; }
  message HistogramPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; repeated fixed64 bucket_counts = 6; repeated Exemplar exemplars = 8; }
  message ExpHistogram { repeated ExpPoint data_points = 1; }
  message ExpPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; fixed64 zero_count = 7; repeated Exemplar exemplars = 11; }
  message Summary { repeated SummaryPoint data_points = 1; }
  message SummaryPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; }
`,
  { keepCase: true },
).root;

const TYPE: Record<Signal, string> = { T: "Traces", L: "Logs", M: "Metrics" };
const IS_TIME = /time_unix_nano$/;

const ns = fc.oneof(fc.constant("0"), fc.bigInt({ min: 1n << 60n, max: (1n << 61n) - 1n }).map(String));
const id = fc.uint8Array({ minLength: 8, maxLength: 16 });
const few = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(arbitrary, { maxLength: 3 });
const exemplar = fc.record({ time_unix_nano: ns, as_double: fc.double({ noNaN: true }), span_id: id });
const point = { start_time_unix_nano: ns, time_unix_nano: ns, exemplars: few(exemplar) };
const numbers = fc.record({ data_points: few(fc.record({ ...point, as_int: ns })) });
const histogram = fc.record({ data_points: few(fc.record({ ...point, count: ns, bucket_counts: few(ns) })) });
const span = fc.record({
  trace_id: id,
  name: fc.string({ maxLength: 200 }),
  kind: fc.integer(),
  start_time_unix_nano: ns,
  end_time_unix_nano: ns,
  events: few(fc.record({ time_unix_nano: ns, name: fc.string() })),
  flags: fc.nat(),
  unknown_fixed: ns,
});
const REQUEST: Record<Signal, fc.Arbitrary<object>> = {
  T: few(
    fc.record({ resource: id, scope_spans: few(fc.record({ scope: id, spans: few(span) })), schema_url: fc.string() }),
  ).map((resource_spans) => ({ resource_spans })),
  L: few(
    few(fc.record({ time_unix_nano: ns, severity_number: fc.nat(24), trace_id: id, observed_time_unix_nano: ns })),
  ).map((logs) => ({
    resource_logs: [{ scope_logs: logs.map((log_records) => ({ log_records })) }],
  })),
  M: few(
    fc.oneof(
      numbers.map((gauge) => ({ name: "g", gauge })),
      numbers.map((sum) => ({ name: "s", sum })),
      histogram.map((value) => ({ name: "h", histogram: value })),
      histogram.map((value) => ({ name: "e", exponential_histogram: value })),
      histogram.map((value) => ({ name: "q", summary: value })),
    ),
  ).map((metrics) => ({ resource_metrics: [{ scope_metrics: [{ metrics }] }] })),
};

function decode(signal: Signal, body: Uint8Array): unknown {
  return schema.lookupType(TYPE[signal]).decode(body).toJSON();
}

function shifted(value: unknown, shiftNs: bigint, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => shifted(item, shiftNs, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shifted(item, shiftNs, name)]));
  }
  return IS_TIME.test(key) && value !== "0" ? (BigInt(value as string) + shiftNs).toString() : value;
}

test.each(["T", "L", "M"] as const)("moves every time of a %s request and nothing else", (signal) => {
  fc.assert(
    fc.property(REQUEST[signal], fc.bigInt({ min: -(10n ** 15n), max: 10n ** 18n }), (request, shiftNs) => {
      const type = schema.lookupType(TYPE[signal]);
      const body = Uint8Array.from(type.encode(type.fromObject(request)).finish());
      const before = decode(signal, body);
      const byteCount = body.length;
      expect(shiftTimes(signal, body, shiftNs)).toBe(true);
      expect(body.length).toBe(byteCount);
      expect(decode(signal, body)).toEqual(shifted(before, shiftNs));
    }),
    { numRuns: 150 },
  );
});

test("random and truncated bytes never throw and never read past the end", () => {
  const type = schema.lookupType("Traces");
  fc.assert(
    fc.property(REQUEST.T, fc.nat(), fc.uint8Array(), (request, cut, noise) => {
      const body = type.encode(type.fromObject(request)).finish();
      shiftTimes("T", Uint8Array.from(body.subarray(0, cut % (body.length + 1))), 5n);
      shiftTimes("M", Uint8Array.from(noise), 5n);
    }),
  );
  expect(shiftTimes("T", Uint8Array.of(0x0a, 0x05, 0x01), 5n)).toBe(false);
});
