// The Kafka consumer against a real broker, with a sink in memory: codecs, poison, outages, long inserts, rebalances, restarts.
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registerCodecs } from "../../ingest/kafka-codecs.ts";
import type { KafkaSink } from "../../ingest/kafka-chunk.ts";
import { tokenOf } from "../../ingest/kafka-intent.ts";
import { type KafkaClient, startKafkaClient } from "../../ingest/kafka-client.ts";
import { KAFKA_DEFAULTS, type KafkaOptions } from "../../ingest/kafka-options.ts";
import { startKafkaConsumer } from "../../ingest/kafka.ts";
import { canRunKafka, type KafkaBroker, startKafka } from "../fixtures/kafka.ts";

const { CompressionTypes } = kafkajs;

interface Recorder extends KafkaSink {
  /** What storage holds: the texts of the chunks, each token once. */
  readonly stored: string[];
}

/** Remembers chunks as storage does, by their tokens; `judge` says whether a message can be stored now. */
function record(judge: (text: string) => boolean | Promise<boolean> = () => true): Recorder {
  const stored: string[] = [];
  const tokens = new Map<string, string>();
  return {
    stored,
    async store({ intent, at, records }, announce) {
      if (announce !== null && (await announce(intent.last)) === null) return { kind: "abandoned" };
      const texts = records.map(({ value }) => (value === null ? "tombstone" : Buffer.from(value).toString()));
      for (const text of texts) if (!(await judge(text))) throw new Error("storage is away");
      const token = tokenOf(intent, at, "spans");
      const before = tokens.get(token);
      expect(before ?? texts.join()).toBe(texts.join());
      if (before === undefined) stored.push(...texts);
      tokens.set(token, texts.join());
      return { kind: "stored" };
    },
  };
}

async function until(what: string, check: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const numbered = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe.skipIf(!canRunKafka())("Kafka consumer (needs Java 17 and Maven)", { timeout: 60_000 }, () => {
  let broker: KafkaBroker;
  let kafka: kafkajs.Kafka;
  let admin: kafkajs.Admin;
  let producer: kafkajs.Producer;
  let topicCount = 0;

  beforeAll(async () => {
    registerCodecs();
    broker = await startKafka();
    kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
    admin = kafka.admin();
    producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await admin.connect();
    await producer.connect();
  }, 400_000);
  afterAll(async () => {
    await producer?.disconnect();
    await admin?.disconnect();
    await broker?.stop();
  });

  async function makeTopic(numPartitions = 1, configEntries: kafkajs.IResourceConfigEntry[] = []): Promise<string> {
    const topic = `topic-${++topicCount}`;
    await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true });
    return topic;
  }

  async function send(topic: string, texts: readonly (string | null)[], partition = 0, compression = 0): Promise<void> {
    await producer.send({ topic, compression, messages: texts.map((value) => ({ partition, value })) });
  }

  function options(topic: string, more: Partial<KafkaOptions> = {}): KafkaOptions {
    return {
      ...KAFKA_DEFAULTS,
      brokers: [broker.address],
      groupId: `group-${topic}`,
      topics: { [topic]: { signal: "traces", encoding: "otlp_proto" } },
      fetchMaxWaitMs: 100,
      topicRefreshMs: 200,
      restartDelayMs: 100,
      retryMinMs: 20,
      retryMaxMs: 100,
      chunkLingerMs: 20,
      ...more,
    };
  }

  async function committed(topic: string): Promise<string[]> {
    // A fresh group has no coordinator for a moment.
    const [found] = await admin.fetchOffsets({ groupId: `group-${topic}`, topics: [topic] }).catch(() => []);
    return (found?.partitions ?? []).toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset);
  }

  it.each([
    ["none", CompressionTypes.None],
    ["gzip", CompressionTypes.GZIP],
    ["snappy", CompressionTypes.Snappy],
    ["lz4", CompressionTypes.LZ4],
    ["zstd", CompressionTypes.ZSTD],
  ])("reads batches compressed by kafkajs with %s", async (_, compression) => {
    const topic = await makeTopic();
    const texts = numbered("a rather repetitive payload, ".repeat(200), 20);
    await send(topic, texts, 0, compression);
    const sink = record();
    const consumer = startKafkaConsumer(options(topic), sink);
    await until("20 messages", () => sink.stored.length === 20);
    await consumer.stop();
    expect(sink.stored).toEqual(texts);
    expect(await committed(topic)).toEqual(["20"]);
  });

  it.each(["uncompressed", "gzip", "snappy", "lz4", "zstd"])(
    "reads batches compressed by Kafka itself with %s",
    async (codec) => {
      // The broker compresses anew with its own Java codecs: snappy in xerial framing, zstd without a stated size.
      const topic = await makeTopic(1, [{ name: "compression.type", value: codec }]);
      const texts = numbered("x".repeat(5_000), 30);
      await send(topic, texts, 0, CompressionTypes.GZIP);
      const sink = record();
      const consumer = startKafkaConsumer(options(topic), sink);
      await until("30 messages", () => sink.stored.length === 30);
      await consumer.stop();
      expect(sink.stored).toEqual(texts);
    },
  );

  it("hands tombstones over with the rest", async () => {
    const topic = await makeTopic();
    await send(topic, ["a", null, "b"]);
    const sink = record();
    const consumer = startKafkaConsumer(options(topic), sink);
    await until("the commit", async () => (await committed(topic))[0] === "3");
    await consumer.stop();
    expect(sink.stored).toEqual(["a", "tombstone", "b"]);
  });

  it("commits only the intent while storage is away, and stores each message once when it is back", async () => {
    const topic = await makeTopic();
    await send(topic, numbered("m", 50));
    let away = true;
    let refused = 0;
    const sink = record(() => (away ? (refused++, false) : true));
    const consumer = startKafkaConsumer(options(topic), sink);
    await until("several attempts", () => refused > 5);
    expect(await committed(topic)).toEqual(["0"]);
    away = false;
    await until("the commit", async () => (await committed(topic))[0] === "50");
    await consumer.stop();
    expect(sink.stored).toEqual(numbered("m", 50));
  });

  it("keeps its membership while an insert takes longer than the session, and other partitions go on", async () => {
    const topic = await makeTopic(2);
    await send(topic, ["slow"], 0);
    await send(topic, numbered("quick", 5), 1);
    let finishSlow = (): void => {};
    const slow = new Promise<boolean>((resolve) => (finishSlow = () => resolve(true)));
    const sink = record((text) => (text === "slow" ? slow : true));
    const consumer = startKafkaConsumer(options(topic, { sessionTimeoutMs: 1_500 }), sink);
    await until("partition 1", async () => (await committed(topic))[1] === "5");
    await send(topic, ["later"], 1);
    await until("partition 1 again", async () => (await committed(topic))[1] === "6");
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(await committed(topic)).toEqual(["0", "6"]);
    finishSlow();
    await until("partition 0", async () => (await committed(topic))[0] === "1");
    await consumer.stop();
    expect(sink.stored.toSorted()).toEqual([...numbered("quick", 5), "later", "slow"].toSorted());
  });

  it("holds no more than its limits while storage is away", async () => {
    const topic = await makeTopic();
    const texts = numbered("x".repeat(10_000), 100);
    for (let i = 0; i < texts.length; i += 10) await send(topic, texts.slice(i, i + 10));
    let away = true;
    const seen = new Set<string>();
    const sink = record((text) => (seen.add(text), !away));
    const limits = { chunkMaxRecords: 5, partitionMaxBytes: 60_000, fetchMaxBytes: 30_000 };
    const consumer = startKafkaConsumer(options(topic, limits), sink);
    await until("the first chunk", () => seen.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(seen.size).toBe(1);
    away = false;
    await until("100 messages", () => sink.stored.length >= 100);
    await until("the commit", async () => (await committed(topic))[0] === "100");
    await consumer.stop();
    expect(sink.stored).toEqual(texts);
  });

  it("reads the largest message that compose's broker and Collector let through, though a fetch asks for less", async () => {
    const topic = await makeTopic(1, [{ name: "max.message.bytes", value: "4194304" }]);
    const largest = "x".repeat(4_000_000);
    const texts = ["before", largest, "after"];
    for (const text of texts) await send(topic, [text]);
    const sink = record();
    const consumer = startKafkaConsumer(options(topic, { fetchMaxBytes: KAFKA_DEFAULTS.fetchMaxBytes }), sink);
    await until("the commit", async () => (await committed(topic))[0] === "3");
    await consumer.stop();
    expect(sink.stored.map((text) => text.length)).toEqual(texts.map((text) => text.length));
  });

  it("pauses a slow partition at its share, and the others take many times the buffer meanwhile", async () => {
    const topic = await makeTopic(4);
    let finishSlow = (): void => {};
    const slow = new Promise<boolean>((resolve) => (finishSlow = () => resolve(true)));
    let slowSeen = 0;
    const sink = record((text) => (text.startsWith("slow") ? (slowSeen++, slow) : true));
    const big = "x".repeat(20_000);
    await send(topic, numbered(`slow${big}`, 40), 0);
    const limits = { bufferMaxBytes: 400_000, partitionMaxBytes: 400_000, fetchMaxBytes: 50_000 };
    const consumer = startKafkaConsumer(options(topic, limits), sink);
    await until("the slow one to begin", () => slowSeen === 1);
    for (let i = 0; i < 20; i++) {
      for (const partition of [1, 2, 3]) await send(topic, numbered(`${partition}-${i}${big}`, 5), partition);
    }
    await until("the others", async () => (await committed(topic)).slice(1).every((offset) => offset === "100"));
    expect(slowSeen).toBe(1);
    finishSlow();
    await until("the slow one", async () => (await committed(topic))[0] === "40");
    await consumer.stop();
    expect(sink.stored).toHaveLength(340);
  });

  it("commits under the assignment that is told, and under no later one", async () => {
    const topic = await makeTopic(2);
    await send(topic, ["a"], 0);
    await send(topic, ["b"], 1);
    const { topics: _topics, ...rest } = options(topic);
    const assigned: number[] = [];
    const read = new Set<number>();
    const member = (): KafkaClient =>
      startKafkaClient(
        { ...rest, topics: [topic] },
        {
          onRecords: ({ partition }) => void read.add(partition),
          onAssigned: (_partitions, assignment) => void assigned.push(assignment),
          onMissing: () => {},
          onFailure: () => {},
        },
      );
    const first = member();
    await until("both partitions", () => read.size === 2);
    const [before = 0] = assigned;
    const at = { topic, partition: 0 };
    expect(await first.commit(before, at, 0n, "one")).toBe("committed");
    const second = member();
    await until("the new assignments", () => assigned.length === 3);
    expect(await first.commit(before, at, 1n, "late")).toBe("stale");
    expect(await first.fetchCommitted(topic)).toContainEqual({ ...at, offset: 0n, metadata: "one" });
    expect(await first.commit(before + 1, at, 1n, "")).toBe("committed");
    await Promise.all([first.close(), second.close()]);
    expect(await first.commit(before + 1, at, 0n, "over")).toBe("stale");
  });

  it("goes on after a restart where the last one stopped", async () => {
    const topic = await makeTopic();
    const stored: string[] = [];
    for (let round = 0; round < 3; round++) {
      await send(topic, numbered(`round${round}-`, 10));
      const sink = record();
      const consumer = startKafkaConsumer(options(topic), sink);
      await until("10 messages", () => sink.stored.length >= 10);
      await consumer.stop();
      stored.push(...sink.stored);
    }
    expect(stored).toEqual([0, 1, 2].flatMap((round) => numbered(`round${round}-`, 10)));
  });

  it("loses nothing when it is stopped in the middle of an outage", async () => {
    const topic = await makeTopic();
    await send(topic, numbered("m", 20));
    let attempts = 0;
    const first = record((text) => (text === "m7" ? (attempts++, false) : true));
    const stopped = startKafkaConsumer(options(topic), first);
    await until("some attempts", () => attempts > 2);
    await stopped.stop();
    expect(await committed(topic)).toEqual(["0"]);
    const second = record();
    const consumer = startKafkaConsumer(options(topic), second);
    await until("20 messages", () => second.stored.length >= 20);
    await consumer.stop();
    expect(second.stored).toEqual(numbered("m", 20));
  });

  it("shares partitions with a second consumer, each message stored once", async () => {
    const topic = await makeTopic(4);
    const sink = record(async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return true;
    });
    const first = startKafkaConsumer(options(topic, { chunkMaxRecords: 10 }), sink);
    for (const partition of [0, 1, 2, 3]) await send(topic, numbered(`p${partition}-`, 40), partition);
    await until("a first chunk", () => sink.stored.length > 0);
    const second = startKafkaConsumer(options(topic, { chunkMaxRecords: 10 }), sink);
    await until("all commits", async () => (await committed(topic)).every((offset) => offset === "40"), 30_000);
    await second.stop();
    await first.stop();
    const wanted = [0, 1, 2, 3].flatMap((partition) => numbered(`p${partition}-`, 40));
    expect(sink.stored.toSorted()).toEqual(wanted.toSorted());
  });

  it("reads the topics that exist and finds the others when they appear", async () => {
    const topic = await makeTopic();
    const late = `${topic}-late`;
    await send(topic, ["early"]);
    const sink = record();
    const both = { [topic]: KAFKA_DEFAULTS.topics["otlp_spans"]!, [late]: KAFKA_DEFAULTS.topics["otlp_logs"]! };
    const consumer = startKafkaConsumer(options(topic, { topics: both }), sink);
    await until("the topic that exists", () => sink.stored.length === 1);
    await admin.createTopics({ topics: [{ topic: late, numPartitions: 1 }], waitForLeaders: true });
    await send(late, ["late"]);
    await until("the new topic", () => sink.stored.length === 2);
    await consumer.stop();
    expect(sink.stored).toEqual(["early", "late"]);
  });
});

it("the consumer stops at once where no broker answers", async () => {
  const consumer = startKafkaConsumer({ ...KAFKA_DEFAULTS, brokers: ["127.0.0.1:1"], restartDelayMs: 10 }, record());
  await new Promise((resolve) => setTimeout(resolve, 50));
  const began = Date.now();
  await consumer.stop();
  expect(Date.now() - began).toBeLessThan(8_000);
});
