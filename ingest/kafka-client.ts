// The one place that knows kafkajs: a consumer that hands over records and commits what it is told to.
// In: brokers, group, topics. Out: records of one partition in order, assignments, failures; commits with metadata.
// Bounds: `onRecords` must return at once (a slow handler would stall every partition of its broker), so memory is bounded by
// `pause`; heartbeats run from the fetch loop, which never waits for inserts. It restarts itself after any failure until `close`.
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { registerCodecs } from "./kafka-codecs.ts";

/** How to log in to the brokers. */
export interface KafkaSasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/** Where and as whom to consume; times in milliseconds. `topicRefreshMs` is how often topics that do not exist yet are looked for. */
export interface KafkaClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly tls: boolean;
  readonly sasl: KafkaSasl | null;
  readonly sessionTimeoutMs: number;
  readonly fetchMaxBytes: number;
  readonly fetchMaxWaitMs: number;
  readonly topicRefreshMs: number;
  readonly restartDelayMs: number;
}

/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** One message; a null value is a tombstone. */
export interface KafkaRecord {
  readonly offset: bigint;
  readonly value: Uint8Array | null;
}

/** The group's stored position: the next offset to read and the text stored with it; null when nothing was committed. */
export interface CommittedOffset extends TopicPartition {
  readonly offset: bigint | null;
  readonly metadata: string;
}

/** What the consumer's owner is told. */
export interface KafkaHandlers {
  /** Records in offset order, already behind the fetch position; must return at once. */
  onRecords(from: TopicPartition, records: readonly KafkaRecord[]): void;
  /** The whole new assignment; what is not committed is read again. */
  onAssigned(partitions: readonly TopicPartition[]): void;
  /** Topics that are configured and do not exist; they are looked for again. */
  onMissing(topics: readonly string[]): void;
  onFailure(error: unknown): void;
}

/** A running consumer. */
export interface KafkaClient {
  /** True when committed, false when the group has moved on; throws where neither is known, as when no broker answers. */
  commit(at: TopicPartition, offset: bigint, metadata: string): Promise<boolean>;
  fetchCommitted(topic: string): Promise<CommittedOffset[]>;
  pause(at: TopicPartition): void;
  resume(at: TopicPartition): void;
  /** Reads on from `offset`. */
  seek(at: TopicPartition, offset: bigint): void;
  close(): Promise<void>;
}

type Commit = (offsets: kafkajs.Offsets) => Promise<void>;

/** What a broker answers when a commit comes from an assignment that is over. */
const STALE = new Set(["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS", "FENCED_INSTANCE_ID"]);

/** Starts consuming in the background and keeps at it until `close`. */
export function startKafkaClient(options: KafkaClientOptions, handlers: KafkaHandlers): KafkaClient {
  registerCodecs();
  const kafka = new kafkajs.Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    ssl: options.tls,
    ...(options.sasl === null ? {} : { sasl: saslOptions(options.sasl) }),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: {
      retries: 5,
      initialRetryTime: 200,
      maxRetryTime: 2_000,
      restartOnFailure: async () => false,
    },
  });
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) =>
    closing.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  const paused = new Map<string, TopicPartition>();
  let consumer: kafkajs.Consumer | null = null;
  let commitNow: Commit | null = null;

  /** One life of a kafkajs consumer: until it crashes, a missing topic appears, or we close. */
  async function live(): Promise<void> {
    const topics = await findTopics();
    if (topics.missing.length > 0) handlers.onMissing(topics.missing);
    if (topics.present.length === 0) {
      await pauseFor(options.topicRefreshMs);
      return;
    }
    const current = kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.floor(options.sessionTimeoutMs / 6),
      maxWaitTimeInMs: options.fetchMaxWaitMs,
      maxBytes: options.fetchMaxBytes,
      maxBytesPerPartition: options.fetchMaxBytes,
      allowAutoTopicCreation: false,
    });
    const crashed = new Promise<void>((_, reject) => {
      current.on(current.events.CRASH, ({ payload }) => reject(payload.error));
    });
    // It may crash while `run` still joins the group; the race below is what tells.
    crashed.catch(() => {});
    current.on(current.events.GROUP_JOIN, ({ payload }) => {
      const assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      // A new kafkajs consumer knows nothing of what the last one had paused.
      const still = assigned.filter((at) => paused.has(keyOf(at)));
      paused.clear();
      consumer = current;
      for (const at of still) pause(at);
      handlers.onAssigned(assigned);
    });
    try {
      await current.connect();
      await current.subscribe({ topics: topics.present, fromBeginning: true });
      await current.run({
        autoCommit: false,
        eachBatch: async (payload) => {
          const { batch } = payload;
          commitNow = (offsets) => payload.commitOffsetsIfNecessary(offsets);
          handlers.onRecords(
            { topic: batch.topic, partition: batch.partition },
            batch.messages.map((message) => ({
              offset: BigInt(message.offset),
              value: message.value,
            })),
          );
        },
      });
      const appeared = topics.missing.length > 0 ? [untilTopicsAppear(topics.missing)] : [];
      await Promise.race([crashed, closed, ...appeared]);
    } finally {
      consumer = null;
      commitNow = null;
      await current.disconnect().catch(() => {});
    }
  }

  async function findTopics(): Promise<{ present: string[]; missing: string[] }> {
    const existing = new Set(await withAdmin((admin) => admin.listTopics()));
    return {
      present: options.topics.filter((topic) => existing.has(topic)),
      missing: options.topics.filter((topic) => !existing.has(topic)),
    };
  }

  async function untilTopicsAppear(missing: readonly string[]): Promise<void> {
    while (!closing.signal.aborted) {
      await pauseFor(options.topicRefreshMs);
      const { present } = await findTopics().catch(() => ({ present: [] as string[] }));
      if (missing.some((topic) => present.includes(topic))) return;
    }
  }

  async function withAdmin<T>(use: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await use(admin);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }

  async function pauseFor(durationMs: number): Promise<void> {
    await sleep(durationMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
  }

  function pause(at: TopicPartition): void {
    paused.set(keyOf(at), at);
    consumer?.pause([{ topic: at.topic, partitions: [at.partition] }]);
  }

  async function keepLiving(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await live();
      } catch (error) {
        if (closing.signal.aborted) return;
        handlers.onFailure(error);
        await pauseFor(options.restartDelayMs);
      }
    }
  }
  const life = keepLiving();

  return {
    async commit({ topic, partition }, offset, metadata) {
      // Not `consumer.commitOffsets`: that tries again by itself, and so may commit under a generation that came after the
      // caller looked, over what the partition's next owner committed. This is sent once, under today's generation.
      const commit = commitNow;
      if (commit === null) throw new Error("the consumer is not connected");
      const entry = { partition, offset: offset.toString(), metadata };
      try {
        await commit({ topics: [{ topic, partitions: [entry] }] });
        return true;
      } catch (error) {
        if (error instanceof kafkajs.KafkaJSProtocolError && STALE.has(error.type)) return false;
        throw error;
      }
    },
    async fetchCommitted(topic) {
      const found = await withAdmin((admin) => admin.fetchOffsets({ groupId: options.groupId, topics: [topic] }));
      return found.flatMap(({ partitions }) =>
        partitions.map(({ partition, offset, metadata }) => ({
          topic,
          partition,
          offset: BigInt(offset) < 0n ? null : BigInt(offset),
          metadata: metadata ?? "",
        })),
      );
    },
    pause,
    resume(at) {
      if (!paused.delete(keyOf(at))) return;
      consumer?.resume([{ topic: at.topic, partitions: [at.partition] }]);
    },
    seek({ topic, partition }, offset) {
      consumer?.seek({ topic, partition, offset: offset.toString() });
    },
    async close() {
      closing.abort();
      await life;
    },
  };
}

/** A text that names one partition, as in `otlp_spans/3`. */
export function keyOf(at: TopicPartition): string {
  return `${at.topic}/${at.partition}`;
}

function saslOptions({ mechanism, username, password }: KafkaSasl): kafkajs.SASLOptions {
  switch (mechanism) {
    case "plain":
      return { mechanism, username, password };
    case "scram-sha-256":
      return { mechanism, username, password };
    case "scram-sha-512":
      return { mechanism, username, password };
  }
}
