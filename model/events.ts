// What happens in Faultline, as named events: each one counts, and each one that a person should see is logged.
// In: a name from the list and its labels. Out: an OpenTelemetry counter `faultline.events` and, above debug, a log line.
// Bounds: names and label keys are closed lists, so the cardinality of the metric is known.
import { type Counter, metrics } from "@opentelemetry/api";

type Level = "debug" | "info" | "warn" | "error";

/** Every event with its log level and what it means. */
export const EVENTS = {
  "storage.started": ["info", "the embedded ClickHouse answers"],
  "storage.stopped": ["info", "the embedded ClickHouse was stopped"],
  "storage.crashed": ["error", "the embedded ClickHouse ended unasked; it is started again"],
  "storage.migrated": ["info", "a migration was applied"],
  "ingest.accepted": ["debug", "a payload was decoded"],
  "ingest.refused": ["warn", "a payload was refused because of its content"],
  "ingest.throttled": ["warn", "a sender was told to slow down"],
  "ingest.truncated": ["debug", "a value was cut at its limit"],
  "ingest.series_ended": ["debug", "a Prometheus series ended; its stale marker is no value"],
  "ingest.unparsed": ["debug", "a line that looks like an access log could not be read; it was kept as a log"],
  "ingest.overflow": ["warn", "a tenant has more names than its limit; what is past it is stored as __overflow__"],
  "ingest.inserted": ["debug", "a block was inserted"],
  "ingest.insert_failed": ["error", "a block could not be inserted; its senders were told to retry"],
  "ingest.endpoint_failed": ["error", "an endpoint could not handle a request; its sender was told"],
  "ingest.changes": ["debug", "changes of the running system were stored"],
  "ingest.dead_letter": ["warn", "a poison record was set aside"],
  "analyzer.bucket": ["debug", "a bucket was analysed"],
  "analyzer.stage_failed": ["error", "a stage of the cycle failed; the cycle is tried again"],
  "analyzer.late_data": ["info", "late data made buckets be analysed again"],
  "analyzer.localization_postponed": [
    "info",
    "more incidents are due than are localized at once; the others wait for a bucket",
  ],
  "localize.source_failed": ["warn", "a source of evidence failed or took too long; the answer does without it"],
  "incident.opened": ["warn", "an incident was opened"],
  "incident.updated": ["info", "an incident's finding changed"],
  "incident.resolved": ["info", "an incident was resolved"],
  "incident.withdrawn": ["info", "late data withdrew an incident"],
  "alert.delivered": ["info", "an alert was delivered"],
  "alert.failed": ["warn", "an alert could not be delivered; it is tried again"],
  "alert.given_up": ["error", "an alert was given up"],
  "api.refused": ["warn", "an API request was refused"],
  "api.failed": ["error", "an API request failed"],
  "api.series_overflow": [
    "warn",
    "a tenant has more series than a scrape may show; what is past it is named __overflow__",
  ],
  "adopt.started": ["info", "spans are taken from an adopted table"],
  "adopt.stopped": ["info", "a table that was adopted is no longer shown with our own spans"],
  "adopt.waiting": ["warn", "the adopted table cannot be read yet; it is tried again"],
  "adopt.taken": ["debug", "spans were taken from the adopted table"],
  "adopt.refused": ["warn", "spans of the adopted table were left out"],
  "adopt.failed": ["error", "reading the adopted table failed; it is tried again"],
  "kafka.rebalanced": ["info", "Kafka partitions were assigned anew"],
  "kafka.failed": ["error", "the Kafka consumer failed and restarts"],
  "kafka.retried": ["warn", "a step on the way from Kafka to storage failed; it is tried again"],
  "kafka.handed_over": ["info", "a chunk was left to whoever has its partition next"],
  "kafka.letter_failed": ["error", "a dead letter is in the table alone, the brokers do not take it"],
  "kafka.odd": ["warn", "a topic or its group is not as it was left"],
  "role.started": ["info", "a role was started"],
  "role.stopped": ["info", "a role was stopped"],
} as const satisfies Record<string, readonly [Level, string]>;

export type EventName = keyof typeof EVENTS;
/** Labels of an event: low-cardinality strings are counted; `detail` is logged only. */
export type EventLabels = Readonly<Record<string, string | number>>;

/** Where log lines go; the service sets it once. */
export type LogSink = (level: Level, event: EventName, text: string, fields: Record<string, unknown>) => void;

let sink: LogSink = () => {};
// Made at the first event: the SDK must be registered by then, and is (service/telemetry starts first).
let counter: Counter | undefined;

/** Sets the log sink for this process. */
export function setLogSink(next: LogSink): void {
  sink = next;
}

/** Counts `amount` of an event and logs it; `detail` and numbers are logged only. */
export function emitEvent(name: EventName, labels: EventLabels = {}, detail?: string, amount = 1): void {
  const counted: Record<string, string> = { event: name };
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value === "string") counted[key] = value;
  }
  counter ??= metrics.getMeter("faultline").createCounter("faultline.events", {
    description: "Events of Faultline by name; see model/events.ts",
  });
  counter.add(amount, counted);
  const [level, text] = EVENTS[name];
  sink(level, name, detail === undefined ? text : `${text}: ${detail}`, labels);
}
