// The Kafka part of the ingest role: consumer, sink and dead-letter topic, started and stopped together.
// In: storage, the blocks of the role, the options. Out: a running consumer, or nothing where no brokers are configured.
// Bounds: those of its parts. The dead-letter topic must not be one that is read, or a letter would become the next message.
import { ServiceError } from "../model/errors.ts";
import { createLetterTopic } from "./kafka-letters.ts";
import { createKafkaSink, type KafkaSinkParts } from "./kafka-sink.ts";
import type { KafkaOptions } from "./kafka-options.ts";
import { startKafkaConsumer } from "./kafka.ts";

/** Throws CONFIG_INVALID where letters would be read again. */
export function checkKafka({ topics, deadLetterTopic }: KafkaOptions): void {
  if (!Object.hasOwn(topics, deadLetterTopic)) return;
  const detail = `kafka.deadLetterTopic ${deadLetterTopic} is among kafka.topics; letters would be read again.`;
  throw new ServiceError("CONFIG_INVALID", { detail });
}

/** Starts reading in the background. */
export function startKafka(options: KafkaOptions, parts: Omit<KafkaSinkParts, "publish">): { stop(): Promise<void> } {
  if (options.brokers.length === 0) return { stop: () => Promise.resolve() };
  const letterTopic = createLetterTopic(options);
  const sink = createKafkaSink({ ...parts, publish: (letters) => letterTopic.publish(letters) });
  const consumer = startKafkaConsumer(options, sink);
  return {
    async stop() {
      await consumer.stop();
      await letterTopic.close();
    },
  };
}
