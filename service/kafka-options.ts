// The options of reading Kafka by the configuration, and whether they work.
// In: the settings of `kafka`. Out: KafkaOptions; what a login to the brokers finds.
// Bounds: a check has kafkajs's own time limits, some seconds a broker.
import { connectKafka } from "../ingest/kafka-client.ts";
import { KAFKA_DEFAULTS, type KafkaOptions } from "../ingest/kafka-options.ts";
import { explainKafkaFailure } from "../ingest/kafka-security.ts";
import type { ConfigValues } from "./config.ts";

/** What the configuration says of Kafka. */
export function kafkaOptionsOf(values: ConfigValues): KafkaOptions {
  return {
    ...KAFKA_DEFAULTS,
    brokers: values["kafka.brokers"],
    clientId: values["kafka.clientId"],
    groupId: values["kafka.groupId"],
    topics: values["kafka.topics"],
    deadLetterTopic: values["kafka.deadLetterTopic"],
    epoch: values["kafka.epoch"],
    sessionTimeoutMs: values["kafka.sessionTimeoutMs"],
    chunkLingerMs: values["kafka.chunkLingerMs"],
    bufferMaxBytes: values["kafka.bufferMaxBytes"],
    tls: values["kafka.tls"],
    tlsCaFile: values["kafka.tlsCaFile"],
    tlsCertFile: values["kafka.tlsCertFile"],
    tlsKeyFile: values["kafka.tlsKeyFile"],
    sasl: values["kafka.sasl"],
  };
}

/** Logs in and looks for the topics; throws KAFKA_LOGIN_REFUSED, KAFKA_TLS_FAILED or KAFKA_FAILED. */
export async function findKafkaTopics(options: KafkaOptions): Promise<{ present: string[]; missing: string[] }> {
  try {
    const admin = connectKafka(options).admin();
    try {
      await admin.connect();
      const existing = new Set(await admin.listTopics());
      const wanted = Object.keys(options.topics);
      return {
        present: wanted.filter((topic) => existing.has(topic)),
        missing: wanted.filter((topic) => !existing.has(topic)),
      };
    } finally {
      await admin.disconnect().catch(() => {});
    }
  } catch (error) {
    throw explainKafkaFailure(error, options);
  }
}
