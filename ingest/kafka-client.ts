// The one place that reads by kafkajs: a consumer that hands over records and commits what it is told to.
// In: brokers, group, topics. Out: records of one partition in order, assignments, failures; commits with metadata.
// Bounds: `onRecords` must return at once (a slow handler would stall every partition of its broker), so memory is bounded by
// `pause`; heartbeats run from the fetch loop, which never waits for inserts. It restarts itself after any failure until `close`.
// Fence: a commit carries the generation of the assignment it is for, and after one whose fate is unknown that generation ends.
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import type { ServiceError } from "../model/errors.ts";
import { registerCodecs } from "./kafka-codecs.ts";
import { explainKafkaFailure, type KafkaSecurity, securityOptions } from "./kafka-security.ts";

/** Where and as whom to connect. */
export interface KafkaConnectionOptions extends KafkaSecurity {
  readonly brokers: readonly string[];
  readonly clientId: string;
}

/** What to consume; times in milliseconds. `topicRefreshMs` is how often topics that do not exist yet are looked for. */
export interface KafkaClientOptions extends KafkaConnectionOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
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

/** Records of one fetch: everything in [from, next) that there is to read. */
export interface KafkaBatch {
  readonly from: bigint;
  readonly next: bigint;
  /** In offset order; offsets may be missing (compaction, marks of transactions). */
  readonly records: readonly KafkaRecord[];
}

/** The group's stored position: the next offset to read and the text stored with it; null when nothing was committed. */
export interface CommittedOffset extends TopicPartition {
  readonly offset: bigint | null;
  readonly metadata: string;
}

/** What the consumer's owner is told. */
export interface KafkaHandlers {
  /** Records behind the fetch position; must return at once. */
  onRecords(from: TopicPartition, batch: KafkaBatch): void;
  /** The whole new assignment and its number, higher each time; what is not committed is read again. Empty when the consumer ended. */
  onAssigned(partitions: readonly TopicPartition[], assignment: number): void;
  /** Topics that are configured and do not exist; they are looked for again. */
  onMissing(topics: readonly string[]): void;
  onFailure(error: ServiceError): void;
}

/** How a commit ended: `stale` was refused or never sent, `unknown` may have been applied, and the assignment is over in both. */
export type CommitOutcome = "committed" | "stale" | "unknown";

/** A running consumer. */
export interface KafkaClient {
  /** Commits under the generation of that assignment and no other; sent at most once. */
  commit(assignment: number, at: TopicPartition, offset: bigint, metadata: string): Promise<CommitOutcome>;
  /** What the group has committed for every partition of a topic; it throws when no broker answers. */
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

/** A kafkajs client for these brokers; throws KAFKA_TLS_FAILED when a certificate file cannot be read. */
export function connectKafka(options: KafkaConnectionOptions): kafkajs.Kafka {
  return new kafkajs.Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    ...securityOptions(options),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: {
      retries: 5,
      initialRetryTime: 200,
      maxRetryTime: 2_000,
      restartOnFailure: async () => false,
    },
  });
}

/** Starts consuming in the background and keeps at it until `close`. */
export function startKafkaClient(options: KafkaClientOptions, handlers: KafkaHandlers): KafkaClient {
  registerCodecs();
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) =>
    closing.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  const paused = new Set<string>();
  let consumer: kafkajs.Consumer | null = null;
  let commitNow: Commit | null = null;
  let assignment = 0;
  let endLife: (error: unknown) => void = () => {};

  /** One life of a kafkajs consumer: until it crashes, a missing topic appears, a commit's fate is unknown, or we close. */
  async function live(): Promise<void> {
    const topics = await findTopics();
    if (topics.missing.length > 0) handlers.onMissing(topics.missing);
    if (topics.present.length === 0) {
      await pauseFor(options.topicRefreshMs);
      return;
    }
    const current = connectKafka(options).consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.floor(options.sessionTimeoutMs / 6),
      maxWaitTimeInMs: options.fetchMaxWaitMs,
      maxBytes: options.fetchMaxBytes,
      maxBytesPerPartition: options.fetchMaxBytes,
      allowAutoTopicCreation: false,
    });
    const ended = new Promise<void>((_, reject) => {
      endLife = reject;
      current.on(current.events.CRASH, ({ payload }) => reject(payload.error));
    });
    // It may crash while `run` still joins the group; the race below is what tells.
    ended.catch(() => {});
    current.on(current.events.GROUP_JOIN, ({ payload }) => {
      const assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      consumer = current;
      handlers.onAssigned(assigned, ++assignment);
    });
    try {
      await current.connect();
      await current.subscribe({ topics: topics.present, fromBeginning: true });
      await current.run({
        autoCommit: false,
        eachBatch: async (payload) => {
          const { batch } = payload;
          // Fetched before a place that has been asked for since.
          if (payload.isStale()) return;
          commitNow = (offsets) => payload.commitOffsetsIfNecessary(offsets);
          handlers.onRecords({ topic: batch.topic, partition: batch.partition }, readBatch(batch));
        },
      });
      const appeared = topics.missing.length > 0 ? [untilTopicsAppear(topics.missing)] : [];
      await Promise.race([ended, closed, ...appeared]);
    } finally {
      consumer = null;
      commitNow = null;
      paused.clear();
      handlers.onAssigned([], ++assignment);
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
    const admin = connectKafka(options).admin();
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

  /** Tells the consumer where to read; one that is crashing has no ear any more, and what comes after it begins anew. */
  function steer(tell: (current: kafkajs.Consumer) => void): void {
    try {
      if (consumer !== null) tell(consumer);
    } catch (error) {
      if (!(error instanceof kafkajs.KafkaJSError)) throw error;
    }
  }

  async function keepLiving(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await live();
      } catch (error) {
        if (closing.signal.aborted) return;
        handlers.onFailure(explainKafkaFailure(error, options));
        await pauseFor(options.restartDelayMs);
      }
    }
  }
  const life = keepLiving();

  return {
    async commit(wanted, { topic, partition }, offset, metadata) {
      // kafkajs takes up a new generation and tells of it in one turn of the event loop, so after a turn of our own `assignment`
      // says which one it would commit under, and it takes that one before the next turn.
      await nextTurn();
      if (wanted !== assignment || commitNow === null) return "stale";
      const entry = { partition, offset: offset.toString(), metadata };
      try {
        // Not `consumer.commitOffsets`: that sends again by itself, under whatever generation is there by then.
        await commitNow({ topics: [{ topic, partitions: [entry] }] });
        return "committed";
      } catch (error) {
        if (error instanceof kafkajs.KafkaJSProtocolError && STALE.has(error.type)) return "stale";
        // It may have been applied, or be applied later than another try. Nothing more is sent in this generation, so it is the last of it
        // whenever it arrives, and is refused once the next has begun.
        if (wanted === assignment) endLife(error);
        return "unknown";
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
    pause(at) {
      if (paused.has(keyOf(at))) return;
      paused.add(keyOf(at));
      steer((current) => current.pause([{ topic: at.topic, partitions: [at.partition] }]));
    },
    resume(at) {
      if (!paused.delete(keyOf(at))) return;
      steer((current) => current.resume([{ topic: at.topic, partitions: [at.partition] }]));
    },
    seek({ topic, partition }, offset) {
      steer((current) => current.seek({ topic, partition, offset: offset.toString() }));
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

function readBatch(batch: kafkajs.Batch): KafkaBatch {
  const records = batch.messages.map(({ offset, value }) => ({ offset: BigInt(offset), value }));
  // What was asked for; kafkajs has it, its types do not.
  const asked = "fetchedOffset" in batch ? batch.fetchedOffset : null;
  const from = typeof asked === "string" ? BigInt(asked) : (records[0]?.offset ?? 0n);
  return { from, next: BigInt(batch.lastOffset()) + 1n, records };
}
