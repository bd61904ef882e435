// The Kafka consumer: messages of the OTLP topics into the same decoder and writer as OTLP/HTTP.
// In: records of the configured topics. Out: rows acknowledged by ClickHouse, then the offset commit; a poison message becomes a
// `dead_letters` row with its topic, partition and offset, and its neighbours are stored.
// Bounds: at least once. One chunk a partition is in flight (`chunkMaxBytes`, `chunkMaxRecords`); past `partitionMaxBytes` a partition,
// and past `bufferMaxBytes` every partition, is paused. A storage outage is retried for as long as it lasts, never dead-lettered.
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import {
  type KafkaClient,
  type KafkaClientOptions,
  type KafkaRecord,
  keyOf,
  startKafkaClient,
  type TopicPartition,
} from "./kafka-client.ts";

/** What a topic carries; messages have no mark of their own, so this is configured. */
export interface KafkaTopic {
  readonly signal: "traces" | "metrics" | "logs";
  readonly encoding: "otlp_proto" | "otlp_json";
}

/** Options of the consumer; times in milliseconds, sizes in bytes of message values. No brokers: no consumer. */
export interface KafkaOptions extends Omit<KafkaClientOptions, "topics"> {
  readonly topics: Readonly<Record<string, KafkaTopic>>;
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
  tls: false,
  sasl: null,
  sessionTimeoutMs: 30_000,
  fetchMaxBytes: 8 << 20,
  fetchMaxWaitMs: 500,
  topicRefreshMs: 15_000,
  restartDelayMs: 2_000,
  chunkMaxRecords: 512,
  chunkMaxBytes: 4 << 20,
  partitionMaxBytes: 16 << 20,
  bufferMaxBytes: 128 << 20,
  retryMinMs: 200,
  retryMaxMs: 5_000,
  closeTimeoutMs: 5_000,
};

/** How one message ended: stored, refused because of what it says, or not stored for now. */
export type KafkaDelivery =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      readonly detail: string;
      readonly retryable: boolean;
    };

/** A message that can never be stored; `origin` is topic/partition/offset. */
export interface DeadLetter {
  readonly origin: string;
  readonly reason: string;
  readonly detail: string;
  readonly body: Uint8Array;
}

/** Where messages go. `deliver` resolves after the insert; `bury` stores a dead letter once per origin, and throws when it cannot. */
export interface KafkaSink {
  deliver(topic: KafkaTopic, body: Uint8Array): Promise<KafkaDelivery>;
  bury(letter: DeadLetter): Promise<void>;
}

interface Partition {
  readonly at: TopicPartition;
  /** Read, not begun. */
  queue: KafkaRecord[];
  /** Bytes of the queue and of the chunk in flight. */
  bytes: number;
  /** The chunk in flight, from its first record to its commit. */
  chunk: readonly KafkaRecord[];
  /** What was in flight at the last rebalance: kafkajs reads it again, and it is not taken twice. */
  held: { readonly first: bigint; readonly last: bigint } | null;
  /** A rebalance came while the chunk was in flight: somebody else may have committed more since. */
  checkCommitted: boolean;
  lost: boolean;
}

/** Starts the consumer; it connects in the background. `stop` finishes and commits the chunks in flight. */
export function startKafkaConsumer(options: KafkaOptions, sink: KafkaSink): { stop(): Promise<void> } {
  const partitions = new Map<string, Partition>();
  const closing = new AbortController();
  // Each record that waits for storage listens; the chunk limits bound how many do.
  setMaxListeners(0, closing.signal);
  const running = new Set<Promise<void>>();
  const { topics, ...rest } = options;
  let bufferedBytes = 0;

  const client: KafkaClient = startKafkaClient(
    { ...rest, topics: Object.keys(topics) },
    {
      onRecords: take,
      onAssigned: assign,
      onMissing: (missing) =>
        emitEvent("kafka.failed", { reason: "missing_topic" }, `no topic ${missing.join(", ")} yet`),
      onFailure: (error) => emitEvent("kafka.failed", { reason: "consumer" }, reasonOf(error)),
    },
  );

  function assign(assigned: readonly TopicPartition[]): void {
    emitEvent("kafka.rebalanced", {}, assigned.map(keyOf).join(" "));
    const ours = new Set(assigned.map(keyOf));
    for (const [key, partition] of partitions) {
      // What was only read is read again, from the last commit, by whoever owns the partition now; what is in flight goes on.
      drop(partition, partition.queue);
      partition.queue = [];
      if (ours.has(key)) {
        const [first, last] = [partition.chunk.at(0), partition.chunk.at(-1)];
        partition.held = first === undefined || last === undefined ? null : { first: first.offset, last: last.offset };
        partition.checkCommitted = partition.held !== null;
      } else {
        partition.lost = true;
        client.resume(partition.at);
        partitions.delete(key);
      }
    }
    for (const at of assigned) {
      if (partitions.has(keyOf(at))) continue;
      partitions.set(keyOf(at), {
        at,
        queue: [],
        bytes: 0,
        chunk: [],
        held: null,
        checkCommitted: false,
        lost: false,
      });
    }
    balance();
  }

  function take(from: TopicPartition, records: readonly KafkaRecord[]): void {
    const partition = partitions.get(keyOf(from));
    if (partition === undefined || closing.signal.aborted) return;
    for (const record of records) {
      if (partition.held !== null) {
        if (record.offset >= partition.held.first && record.offset <= partition.held.last) continue;
        partition.held = null;
      }
      partition.queue.push(record);
      partition.bytes += sizeOf(record);
      bufferedBytes += sizeOf(record);
    }
    balance();
    work(partition);
  }

  function work(partition: Partition): void {
    if (partition.chunk.length > 0 || partition.queue.length === 0 || partition.lost || closing.signal.aborted) return;
    partition.chunk = cutChunk(partition.queue, options);
    const task = runChunk(partition, partition.chunk).finally(() => {
      drop(partition, partition.chunk);
      partition.chunk = [];
      running.delete(task);
      balance();
      work(partition);
    });
    running.add(task);
  }

  async function runChunk(partition: Partition, chunk: readonly KafkaRecord[]): Promise<void> {
    const last = chunk.at(-1);
    const settled = await Promise.all(chunk.map((record) => settle(partition, record)));
    if (last === undefined || partition.lost || settled.includes(false)) return;
    await commit(partition, last.offset + 1n);
  }

  /** Stores or buries one record, however long storage is away; false when the partition was lost or we close first. */
  async function settle(partition: Partition, record: KafkaRecord): Promise<boolean> {
    const topic = topics[partition.at.topic];
    if (topic === undefined) return true;
    const origin = `${keyOf(partition.at)}/${record.offset}`;
    return await retry(partition, async () => {
      const body = record.value ?? new Uint8Array();
      const delivery: KafkaDelivery =
        record.value === null
          ? { ok: false, reason: "tombstone", detail: "the message has no value", retryable: false }
          : await sink.deliver(topic, body);
      if (delivery.ok) return true;
      if (delivery.retryable) return false;
      await sink.bury({ origin, reason: delivery.reason, detail: delivery.detail, body });
      emitEvent("ingest.dead_letter", { source: "kafka", reason: delivery.reason }, `${origin}: ${delivery.detail}`);
      return true;
    });
  }

  async function commit(partition: Partition, offset: bigint): Promise<void> {
    await retry(partition, async () => {
      if (partition.checkCommitted) {
        const committed = await client.fetchCommitted(partition.at.topic);
        partition.checkCommitted = false;
        const current = committed.find((entry) => entry.partition === partition.at.partition)?.offset ?? null;
        if (current !== null && current >= offset) return true;
      }
      await client.commit(partition.at, offset, "");
      return true;
    });
  }

  /** Runs `attempt` until it says true, with growing pauses; false when it no longer matters. */
  async function retry(partition: Partition, attempt: () => Promise<boolean>): Promise<boolean> {
    for (let delayMs = options.retryMinMs; ; delayMs = Math.min(delayMs * 2, options.retryMaxMs)) {
      try {
        if (await attempt()) return true;
      } catch (error) {
        emitEvent("kafka.failed", { reason: "retried" }, `${keyOf(partition.at)}: ${reasonOf(error)}`);
      }
      if (partition.lost || closing.signal.aborted) return false;
      await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  function drop(partition: Partition, records: readonly KafkaRecord[]): void {
    for (const record of records) {
      partition.bytes -= sizeOf(record);
      bufferedBytes -= sizeOf(record);
    }
  }

  /** Pauses what is full and resumes what has room again; half the limit lies between, so that it does not flap. */
  function balance(): void {
    for (const { at, bytes } of partitions.values()) {
      if (bytes >= options.partitionMaxBytes || bufferedBytes >= options.bufferMaxBytes) client.pause(at);
      else if (bytes <= options.partitionMaxBytes / 2 && bufferedBytes <= options.bufferMaxBytes / 2) client.resume(at);
    }
  }

  return {
    async stop() {
      closing.abort();
      const giveUp = new AbortController();
      const timeout = sleep(options.closeTimeoutMs, undefined, { signal: giveUp.signal }).catch(() => {});
      await Promise.race([Promise.allSettled(running), timeout]);
      giveUp.abort();
      await client.close();
    },
  };
}

function sizeOf(record: KafkaRecord): number {
  return record.value?.length ?? 0;
}

/** Takes the next chunk off the queue: at least one record, at most what the limits allow. */
function cutChunk(
  queue: KafkaRecord[],
  limits: Pick<KafkaOptions, "chunkMaxRecords" | "chunkMaxBytes">,
): KafkaRecord[] {
  let count = 0;
  let bytes = 0;
  for (const record of queue) {
    if (count > 0 && (count >= limits.chunkMaxRecords || bytes + sizeOf(record) > limits.chunkMaxBytes)) break;
    bytes += sizeOf(record);
    count++;
  }
  return queue.splice(0, count);
}
