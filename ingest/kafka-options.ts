// What can be set about reading Kafka, and what holds where nothing is set.
// In: nothing. Out: types and defaults. Bounds: times in milliseconds, sizes in bytes of message values.
import type { KafkaTopic } from "./kafka-chunk.ts";
import type { KafkaClientOptions } from "./kafka-client.ts";
import { KAFKA_UNSECURED } from "./kafka-security.ts";

/** Options of the consumer; times in milliseconds, sizes in bytes of message values. No brokers: no consumer. */
export interface KafkaOptions extends Omit<KafkaClientOptions, "topics"> {
  readonly topics: Readonly<Record<string, KafkaTopic>>;
  /** Part of every token; another number where offsets are other messages than before. */
  readonly epoch: number;
  /** Where messages go that can never be stored, besides the table; '': nowhere else. */
  readonly deadLetterTopic: string;
  /** A chunk is cut when its first record waited this long, or when it is full. */
  readonly chunkLingerMs: number;
  readonly chunkMaxRecords: number;
  readonly chunkMaxBytes: number;
  readonly partitionMaxBytes: number;
  readonly bufferMaxBytes: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  readonly closeTimeoutMs: number;
}

/** Defaults: the topics of the OpenTelemetry Collector's Kafka exporter, and no brokers. */
export const KAFKA_DEFAULTS: KafkaOptions = {
  brokers: [],
  clientId: "faultline",
  groupId: "faultline",
  topics: {
    otlp_spans: { signal: "traces", encoding: "otlp_proto" },
    otlp_metrics: { signal: "metrics", encoding: "otlp_proto" },
    otlp_logs: { signal: "logs", encoding: "otlp_proto" },
  },
  ...KAFKA_UNSECURED,
  sessionTimeoutMs: 30_000,
  fetchMaxBytes: 1 << 20,
  fetchMaxWaitMs: 500,
  topicRefreshMs: 15_000,
  restartDelayMs: 2_000,
  epoch: 1,
  deadLetterTopic: "faultline_dead_letters",
  chunkLingerMs: 1_000,
  chunkMaxRecords: 512,
  chunkMaxBytes: 4 << 20,
  partitionMaxBytes: 16 << 20,
  bufferMaxBytes: 32 << 20,
  retryMinMs: 200,
  retryMaxMs: 5_000,
  closeTimeoutMs: 5_000,
};
