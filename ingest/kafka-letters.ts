// The dead-letter topic: messages that can never be stored, for whoever wants them in Kafka.
// In: letters that are in the table already. Out: one message a letter: key topic-partition-offset, the body as it came, headers that say why.
// Bounds: acks from all replicas; at least once (a chunk that is rebuilt after a crash sends its letters again, under the same keys). A topic
// that is missing is created. What the brokers will never take is counted and stays in the table alone, so that it stops no partition.
import kafkajs from "kafkajs";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { DeadLetter } from "../storage/dead-letters.ts";
import { connectKafka, type KafkaConnectionOptions } from "./kafka-client.ts";

/** Sends letters to one topic. */
export interface LetterTopic {
  /** Resolves when the brokers have them, or never will; it throws where a later try may succeed. */
  publish(letters: readonly DeadLetter[]): Promise<void>;
  close(): Promise<void>;
}

/** What one request to the brokers may hold, bytes before compression. */
const REQUEST_BYTES = 512 << 10;

/** Answers after which the same message will not be taken either. */
const FINAL = new Set([
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "POLICY_VIOLATION",
]);

/** The topic of these brokers; it connects at the first letter. An empty name: letters go nowhere. */
export function createLetterTopic(options: KafkaConnectionOptions & { readonly deadLetterTopic: string }): LetterTopic {
  const topic = options.deadLetterTopic;
  let open: Promise<kafkajs.Producer> | null = null;

  async function connect(): Promise<kafkajs.Producer> {
    const kafka = connectKafka(options);
    const admin = kafka.admin();
    try {
      await admin.connect();
      const existing = await admin.listTopics();
      if (!existing.includes(topic)) await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
    } finally {
      await admin.disconnect().catch(() => {});
    }
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }

  async function send(letters: readonly DeadLetter[]): Promise<void> {
    open ??= connect();
    const current = open;
    try {
      const producer = await current;
      await producer.send({
        topic,
        acks: -1,
        compression: kafkajs.CompressionTypes.GZIP,
        messages: letters.map(messageOf),
      });
    } catch (error) {
      // The next try opens a connection of its own: the topic may be gone, the login be another.
      if (open === current) open = null;
      await current.then((producer) => producer.disconnect()).catch(() => {});
      if (!isFinal(error)) throw error;
      const text = `${topic}: ${letters.map(({ origin }) => origin).join(" ")}: ${reasonOf(error)}`;
      emitEvent("kafka.letter_failed", {}, text, letters.length);
    }
  }

  return {
    async publish(letters) {
      if (topic === "") return;
      for (const part of splitBySize(letters)) await send(part);
    },
    async close() {
      await open?.then((producer) => producer.disconnect()).catch(() => {});
    },
  };
}

/** The message of a letter; headers are texts. */
export function messageOf(letter: DeadLetter): kafkajs.Message {
  const [offset = "", partition = "", ...rest] = letter.origin.split("/").toReversed();
  const topic = rest.toReversed().join("/");
  return {
    key: `${topic}-${partition}-${offset}`,
    value: Buffer.from(letter.body),
    headers: {
      reason: letter.reason,
      detail: letter.detail,
      "origin.topic": topic,
      "origin.partition": partition,
      "origin.offset": offset,
      signal: letter.signal,
      encoding: letter.encoding,
    },
  };
}

function splitBySize(letters: readonly DeadLetter[]): DeadLetter[][] {
  const parts: DeadLetter[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const letter of letters) {
    if (bytes + letter.body.length > REQUEST_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(letter);
    bytes += letter.body.length;
  }
  return parts;
}

function isFinal(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    if (at instanceof kafkajs.KafkaJSProtocolError && FINAL.has(at.type)) return true;
    // The admin client gathers one error a topic.
    if (at instanceof kafkajs.KafkaJSAggregateError && at.errors.every(isFinal)) return true;
  }
  return false;
}
