// The Kafka consumer: messages of the OTLP topics into storage, each exactly once.
// In: records of the configured topics. Out: chunks, one a partition at a time: its bounds are committed as an intent, its rows are stored
// under tokens made of those bounds, then the offset is committed. Whoever comes after a crash or a rebalance rebuilds the same chunk first.
// Bounds: `chunkMaxBytes`, `chunkMaxRecords`; past `partitionMaxBytes` a partition, past `bufferMaxBytes` every one is paused. A storage
// outage is retried for as long as it lasts. Exact as long as storage remembers tokens: 10 000 inserts a table. docs/adr/0011
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import {
  type CommittedOffset,
  type KafkaClient,
  type KafkaClientOptions,
  type KafkaRecord,
  keyOf,
  startKafkaClient,
  type TopicPartition,
} from "./kafka-client.ts";
import { cutAgain, cutFirst, type KafkaSink, type KafkaTopic, sizeOf } from "./kafka-chunk.ts";
import { createPartition, type Partition } from "./kafka-partition.ts";
import { type ChunkIntent, readIntent, writeIntent } from "./kafka-intent.ts";

/** Options of the consumer; times in milliseconds, sizes in bytes of message values. No brokers: no consumer. */
export interface KafkaOptions extends Omit<KafkaClientOptions, "topics"> {
  readonly topics: Readonly<Record<string, KafkaTopic>>;
  /** Part of every token; another number where offsets are other messages than before. */
  readonly epoch: number;
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
  tls: false,
  sasl: null,
  sessionTimeoutMs: 30_000,
  fetchMaxBytes: 8 << 20,
  fetchMaxWaitMs: 500,
  topicRefreshMs: 15_000,
  restartDelayMs: 2_000,
  epoch: 1,
  chunkLingerMs: 1_000,
  chunkMaxRecords: 512,
  chunkMaxBytes: 4 << 20,
  partitionMaxBytes: 16 << 20,
  bufferMaxBytes: 128 << 20,
  retryMinMs: 200,
  retryMaxMs: 5_000,
  closeTimeoutMs: 5_000,
};

/** Starts the consumer; it connects in the background. `stop` finishes and commits the chunks in flight. */
export function startKafkaConsumer(
  options: KafkaOptions,
  sink: KafkaSink,
  startClient: typeof startKafkaClient = startKafkaClient,
  clock: () => number = Date.now,
): { stop(): Promise<void> } {
  const partitions = new Map<string, Partition>();
  const closing = new AbortController();
  // Each partition that waits listens.
  setMaxListeners(0, closing.signal);
  const running = new Set<Promise<void>>();
  const { topics, ...rest } = options;
  let bufferedBytes = 0;

  const client: KafkaClient = startClient(
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
    const before = new Map(partitions);
    partitions.clear();
    for (const partition of before.values()) {
      // What was read is read again from the last commit, by whoever owns the partition now. An insert in flight goes on; the
      // owner repeats it under the same tokens.
      partition.lost = true;
      drop(partition, partition.queue);
      partition.queue = [];
      if (partition.timer !== null) clearTimeout(partition.timer);
      client.resume(partition.at);
    }
    const reads = new Map<string, Promise<CommittedOffset[]>>();
    for (const at of assigned) {
      const topic = topics[at.topic];
      if (topic === undefined) continue;
      const partition = createPartition(at, topic);
      partitions.set(keyOf(at), partition);
      start(partition, begin(partition, before.get(keyOf(at))?.task ?? null, reads));
    }
  }

  /** Reads what was committed last; one request a topic serves all its partitions. */
  async function begin(
    partition: Partition,
    previous: Promise<void> | null,
    reads: Map<string, Promise<CommittedOffset[]>>,
  ): Promise<void> {
    await previous;
    const { topic, partition: number } = partition.at;
    const found = await retry(partition, async () => {
      const read = reads.get(topic) ?? client.fetchCommitted(topic);
      reads.set(topic, read);
      return await read.catch((error: unknown) => (reads.delete(topic), Promise.reject(error)));
    });
    if (found === null || partition.lost) return;
    const entry = found.find((one) => one.partition === number);
    const read = readIntent(entry?.offset ?? null, entry?.metadata ?? "");
    if (read.ok) partition.pending = read.intent;
    else emitEvent("kafka.failed", { reason: "metadata" }, `${keyOf(partition.at)}: ${read.reason}`);
    partition.committed = entry?.offset ?? null;
  }

  function take(from: TopicPartition, records: readonly KafkaRecord[]): void {
    const partition = partitions.get(keyOf(from));
    if (partition === undefined || partition.lost || closing.signal.aborted) return;
    if (partition.queue.length === 0) partition.firstMs = clock();
    for (const record of records) {
      partition.queue.push(record);
      partition.bytes += sizeOf(record);
      bufferedBytes += sizeOf(record);
    }
    work(partition);
    balance();
  }

  /** Begins the next chunk if there is one. */
  function work(partition: Partition): void {
    const { queue, pending } = partition;
    if (partition.task !== null || partition.committed === undefined || queue.length === 0) return;
    if (partition.lost || closing.signal.aborted) return;
    if (!isPlaced(partition)) return;
    const records = pending === null ? cutNew(partition) : cutAgain(queue, pending.last);
    if (records === null) return;
    partition.pending = null;
    const [first, last] = [records.at(0), records.at(-1)];
    if (pending !== null) start(partition, runChunk(partition, records, pending, true));
    else if (first !== undefined && last !== undefined) {
      const { epoch } = options;
      const intent = { epoch, first: first.offset, last: last.offset, atMs: Math.floor(clock()), alone: [] };
      start(partition, runChunk(partition, records, intent, false));
    }
  }

  /** Runs the partition's one task, then looks for the next. */
  function start(partition: Partition, doing: Promise<void>): void {
    const task = doing.finally(() => {
      partition.task = null;
      running.delete(task);
      work(partition);
      balance();
    });
    partition.task = task;
    running.add(task);
  }

  /** True when the queue begins at the committed offset; if not it is asked for once, and what comes then is what there is. */
  function isPlaced(partition: Partition): boolean {
    const { committed, queue, placed } = partition;
    if (placed === "yes") return true;
    if (placed === "no" && committed !== null && committed !== undefined && queue[0]?.offset !== committed) {
      partition.placed = "sought";
      drop(partition, queue);
      partition.queue = [];
      client.seek(partition.at, committed);
      return false;
    }
    partition.placed = "yes";
    return true;
  }

  async function runChunk(
    partition: Partition,
    records: readonly KafkaRecord[],
    intent: ChunkIntent,
    isAnnounced: boolean,
  ): Promise<void> {
    try {
      const { at, topic } = partition;
      if (!isAnnounced && !(await commit(partition, intent.first, writeIntent(intent)))) return;
      for (let current = intent; ;) {
        const chunk = { at, topic, intent: current, records };
        const outcome = await retry(partition, () => sink.store(chunk));
        if (outcome === null) return;
        if (outcome.ok) break;
        current = { ...current, alone: [...current.alone, outcome.part] };
        if (!(await commit(partition, current.first, writeIntent(current)))) return;
      }
      await commit(partition, intent.last + 1n, "");
    } finally {
      drop(partition, records);
    }
  }

  /** False when the group has moved on: then nothing more is done until the next assignment. */
  async function commit(partition: Partition, offset: bigint, metadata: string): Promise<boolean> {
    const done = await retry(partition, () => client.commit(partition.at, offset, metadata));
    if (done === true) return true;
    if (done === false)
      emitEvent("kafka.failed", { reason: "stale" }, `${keyOf(partition.at)}: the group has moved on`);
    // What was cut off the queue can only be read again after a new assignment.
    partition.lost = true;
    return false;
  }

  /** Runs `attempt` until it does not throw, with growing pauses; null when it no longer matters. */
  async function retry<T>(partition: Partition, attempt: () => Promise<T>): Promise<T | null> {
    for (let delayMs = options.retryMinMs; !partition.lost; delayMs = Math.min(delayMs * 2, options.retryMaxMs)) {
      try {
        return await attempt();
      } catch (error) {
        emitEvent("kafka.failed", { reason: "retried" }, `${keyOf(partition.at)}: ${reasonOf(error)}`);
      }
      if (closing.signal.aborted) return null;
      await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => {});
    }
    return null;
  }

  function drop(partition: Partition, records: readonly KafkaRecord[]): void {
    for (const record of records) {
      partition.bytes -= sizeOf(record);
      bufferedBytes -= sizeOf(record);
    }
  }

  /** Pauses what is full and resumes what has room again; half the limit lies between, so that it does not flap. */
  function balance(): void {
    for (const { at, bytes, pending, task } of partitions.values()) {
      // A chunk that must be rebuilt has its size; half of it is of no use.
      if (pending !== null && task === null) client.resume(at);
      else if (bytes >= options.partitionMaxBytes || bufferedBytes >= options.bufferMaxBytes) client.pause(at);
      else if (bytes <= options.partitionMaxBytes / 2 && bufferedBytes <= options.bufferMaxBytes / 2) client.resume(at);
    }
  }

  /** The next chunk when it is full or has waited; else it is looked at again then. */
  function cutNew(partition: Partition): KafkaRecord[] | null {
    const waitMs = partition.firstMs + options.chunkLingerMs - clock();
    const records = cutFirst(partition.queue, options, waitMs <= 0);
    if (records !== null) return records;
    partition.timer ??= setTimeout(() => {
      partition.timer = null;
      work(partition);
    }, waitMs);
    return null;
  }

  return {
    async stop() {
      closing.abort();
      for (const { timer } of partitions.values()) if (timer !== null) clearTimeout(timer);
      const giveUp = new AbortController();
      const timeout = sleep(options.closeTimeoutMs, undefined, { signal: giveUp.signal }).catch(() => {});
      await Promise.race([Promise.allSettled(running), timeout]);
      giveUp.abort();
      await client.close();
    },
  };
}
