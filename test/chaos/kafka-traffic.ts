// What is produced in the big run: numbered messages of every kind over several topics, with poison in between, and the rows they must become.
// In: a message's number. Out: its topic, partition and bytes; of all messages, the rows that an independent look at them yields.
// Bounds: pure; times lie within two days, values are functions of the number, so that every row is another.
import { accessLogLine, callMetricsOf, type CallSpec, logsOf, tracesOf } from "../fixtures/kafka-otlp.ts";
import type { KafkaTopic } from "../../ingest/kafka-chunk.ts";

const START_UNIX_NS = BigInt(Date.UTC(2026, 0, 5, 10)) * 1_000_000n;
const CALLS_EACH = 3;
const POISON_EVERY = 97;

/** The topics, each with its number of partitions. */
export const TOPICS: Readonly<Record<string, KafkaTopic & { readonly partitions: number }>> = {
  otlp_spans: { signal: "traces", encoding: "otlp_proto", partitions: 4 },
  spans_json: { signal: "traces", encoding: "otlp_json", partitions: 2, tenant: "shop" },
  otlp_metrics: { signal: "metrics", encoding: "otlp_proto", partitions: 3 },
  otlp_logs: { signal: "logs", encoding: "otlp_proto", partitions: 3 },
};

/** One message to send. */
export interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly value: Buffer;
  readonly isPoison: boolean;
}

/** Rows by table, each a text of the columns that `ROW_QUERIES` reads. */
export interface ExpectedRows {
  readonly spans: readonly string[];
  readonly numbers: readonly string[];
  readonly distributions: readonly string[];
  readonly bodies: readonly string[];
}

/** Reads what is stored in the form of ExpectedRows; each gives one column, `row`. */
export const ROW_QUERIES: Readonly<Record<keyof ExpectedRows, string>> = {
  spans:
    "SELECT concat(Tenant, ' ', TraceId, ' ', SpanId, ' ', toString(toUnixTimestamp64Nano(Timestamp)), ' ', toString(Duration), ' ', ServiceName) AS row FROM spans",
  numbers:
    "SELECT concat(MetricName, ' ', toString(toUnixTimestamp64Nano(Timestamp)), ' ', toString(Value)) AS row FROM metrics_numbers",
  distributions:
    "SELECT concat(MetricName, ' ', toString(toUnixTimestamp64Nano(Timestamp)), ' ', toString(ObservationCount), ' ', toString(Sum)) AS row FROM metrics_distributions",
  // A line that is an access log may be kept as one, or as a log; the reference run tells which.
  bodies: "SELECT Body AS row FROM logs",
};

const KINDS = ["traces", "traces", "json", "metrics", "traces", "logs", "traces", "metrics", "logs", "access"] as const;

function callsOf(number: number): CallSpec[] {
  return Array.from({ length: CALLS_EACH }, (_, i) => ({
    traceId: `7${(number * CALLS_EACH + i).toString(16).padStart(31, "0")}`,
    startUnixNs: timeOf(number) + BigInt(i) * 1_000_003n,
    durationNs: 10_000_000n + BigInt(number) * 10_000n,
  }));
}

function timeOf(number: number): bigint {
  return START_UNIX_NS + BigInt(number) * 21_000_000n;
}

function logBodies(number: number): string[] {
  return [`message ${number} has begun`, `message ${number} has ended`];
}

/** The message of that number. */
export function messageOf(number: number): Message {
  const isPoison = number % POISON_EVERY === POISON_EVERY - 1;
  const { topic, bytes } = contentOf(number);
  // Cut in the middle of a field, or no JSON any more.
  const value = Buffer.from(isPoison ? bytes.subarray(0, bytes.length - 7) : bytes);
  return { topic, partition: (number * 7) % (TOPICS[topic]?.partitions ?? 1), value, isPoison };
}

function contentOf(number: number): { topic: string; bytes: Uint8Array } {
  const at = timeOf(number);
  const kind: string = KINDS[number % KINDS.length] ?? "traces";
  switch (kind) {
    case "json":
      return { topic: "spans_json", bytes: tracesOf(callsOf(number), "otlp_json") };
    case "metrics":
      return { topic: "otlp_metrics", bytes: callMetricsOf(number, at) };
    case "logs":
      return { topic: "otlp_logs", bytes: logsOf(logBodies(number), at, "otlp_proto") };
    case "access":
      return { topic: "otlp_logs", bytes: logsOf([accessLogLine(number, at)], at, "otlp_proto") };
    default:
      return { topic: "otlp_spans", bytes: tracesOf(callsOf(number), "otlp_proto") };
  }
}

/** The rows of the messages 0 to `count`, by the numbers alone. */
export function expectedRows(count: number): ExpectedRows {
  const rows = {
    spans: [] as string[],
    numbers: [] as string[],
    distributions: [] as string[],
    bodies: [] as string[],
  };
  for (let number = 0; number < count; number++) {
    const { topic, isPoison } = messageOf(number);
    if (isPoison) continue;
    if (TOPICS[topic]?.signal === "traces") {
      const tenant = TOPICS[topic].tenant ?? "default";
      for (const { traceId, startUnixNs, durationNs } of callsOf(number)) {
        const inner = durationNs / 10n;
        const ids = traceId.slice(-14);
        rows.spans.push(`${tenant} ${traceId} c1${ids} ${startUnixNs} ${durationNs} frontend`);
        rows.spans.push(`${tenant} ${traceId} 5e${ids} ${startUnixNs + inner} ${durationNs - 2n * inner} catalog`);
      }
    } else if (topic === "otlp_metrics") {
      rows.numbers.push(`istio_requests_total ${timeOf(number)} ${number}`);
      rows.distributions.push(`istio_request_duration_milliseconds ${timeOf(number)} ${number} ${number * 2}`);
    } else if (KINDS[number % KINDS.length] === "logs") rows.bodies.push(...logBodies(number));
  }
  return rows;
}
