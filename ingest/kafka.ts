// The Kafka consumer: messages of the OTLP topics into storage, each exactly once.
// In: records of the configured topics. Out: chunks, one a partition at a time: its bounds are committed as an intent, its rows are stored
// under tokens made of those bounds, then the offset is committed. Whoever comes after a crash or a rebalance rebuilds the same chunk first.
// Bounds: `chunkMaxBytes`, `chunkMaxRecords`; a partition past its share of `bufferMaxBytes` is paused, the others go on. A storage
// outage is retried for as long as it lasts. Exact as long as storage remembers tokens: 10 000 inserts a table. docs/adr/0011
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import {
  type CommittedOffset,
  type KafkaBatch,
  type KafkaClient,
  type KafkaRecord,
  keyOf,
  startKafkaClient,
  type TopicPartition,
} from "./kafka-client.ts";
import { cutAgain, cutFirst, type KafkaSink, sizeOf } from "./kafka-chunk.ts";
import { createPartition, judgeFlow, type Partition, shareOf } from "./kafka-partition.ts";
import { type ChunkIntent, readIntent, writeIntent } from "./kafka-intent.ts";
import type { KafkaOptions } from "./kafka-options.ts";

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

  const client: KafkaClient = startClient(
    { ...rest, topics: Object.keys(topics) },
    {
      onRecords: take,
      onAssigned: assign,
      onMissing: (missing) => emitEvent("kafka.odd", { reason: "missing_topic" }, `no topic ${missing.join(", ")} yet`),
      onFailure: (error) =>
        emitEvent("kafka.failed", { reason: "consumer", code: error.code }, `${error.message} ${error.advice}`),
    },
  );

  function assign(assigned: readonly TopicPartition[], assignment: number): void {
    if (assigned.length > 0) emitEvent("kafka.rebalanced", {}, assigned.map(keyOf).join(" "));
    const before = new Map(partitions);
    partitions.clear();
    for (const partition of before.values()) {
      // What was read is read again from the last commit, by whoever owns the partition now. An insert in flight goes on; the
      // owner repeats it under the same tokens.
      partition.lost = true;
      drop(partition, partition.queue);
      partition.queue = [];
      if (partition.timer !== null) clearTimeout(partition.timer);
    }
    const reads = new Map<string, Promise<CommittedOffset[]>>();
    for (const at of assigned) {
      const topic = topics[at.topic];
      if (topic === undefined) continue;
      const partition = createPartition(at, topic, assignment);
      partitions.set(keyOf(at), partition);
      start(partition, begin(partition, before.get(keyOf(at))?.task ?? null, reads));
    }
    balance();
  }

  /** Reads what was committed last, and from there; one request a topic serves all its partitions. */
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
    const offset = entry?.offset ?? null;
    const read = readIntent(offset, entry?.metadata ?? "");
    if (read.ok) partition.pending = read.intent;
    else emitEvent("kafka.odd", { reason: "metadata" }, `${keyOf(partition.at)}: ${read.reason}`);
    partition.expected = offset;
    partition.isBegun = true;
    if (offset !== null) client.seek(partition.at, offset);
  }

  function take(from: TopicPartition, batch: KafkaBatch): void {
    const partition = partitions.get(keyOf(from));
    if (partition === undefined || partition.lost || !partition.isBegun || closing.signal.aborted) return;
    if (!isNext(partition, batch)) return;
    partition.expected = batch.next;
    partition.sought = null;
    if (partition.queue.length === 0) partition.firstMs = clock();
    for (const record of batch.records) {
      partition.queue.push(record);
      partition.bytes += sizeOf(record);
    }
    work(partition);
    balance();
  }

  /** True when nothing lies between what was read and this; if something may, it is asked for once, and what comes then is what there is. */
  function isNext(partition: Partition, { from }: KafkaBatch): boolean {
    const { expected, sought } = partition;
    if (expected === null || from === expected) return true;
    if (sought !== expected) {
      partition.sought = expected;
      client.seek(partition.at, expected);
      return false;
    }
    emitEvent(
      "kafka.failed",
      { reason: "gap" },
      `${keyOf(partition.at)}: there is nothing at ${expected}, on with ${from}`,
    );
    // Offsets that begin anew are another topic of that name, and the chunk that was begun is not in it.
    if (from < expected) partition.pending = null;
    return true;
  }

  /** Begins the next chunk if there is one. */
  function work(partition: Partition): void {
    const { queue, pending, expected } = partition;
    if (partition.task !== null || !partition.isBegun || expected === null) return;
    if (partition.lost || closing.signal.aborted) return;
    if (pending === null && queue.length === 0) return;
    const records = pending === null ? cutNew(partition) : cutAgain(queue, pending.last, expected);
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

  async function runChunk(
    partition: Partition,
    cut: readonly KafkaRecord[],
    wanted: ChunkIntent,
    isRebuilt: boolean,
  ): Promise<void> {
    const { at, topic } = partition;
    let records = cut;
    let intent = wanted;
    let isAnnounced = isRebuilt;

    async function announce(last: bigint): Promise<ChunkIntent | null> {
      intent = { ...intent, last };
      // What is more than a block is the next chunk's.
      partition.queue.unshift(...records.filter(({ offset }) => offset > last));
      records = records.filter(({ offset }) => offset <= last);
      isAnnounced = await commit(partition, intent.first, writeIntent(intent));
      return isAnnounced ? intent : null;
    }

    try {
      for (;;) {
        const outcome = await retry(partition, () =>
          sink.store({ at, topic, intent, records }, isAnnounced ? null : announce),
        );
        if (outcome === null || outcome.kind === "abandoned") return;
        if (outcome.kind === "stored") break;
        intent = { ...intent, alone: [...intent.alone, outcome.table] };
        if (!(await commit(partition, intent.first, writeIntent(intent)))) return;
      }
      await commit(partition, intent.last + 1n, "");
    } finally {
      drop(partition, records);
    }
  }

  /** False when the assignment is over: then nothing more is done until the next. */
  async function commit(partition: Partition, offset: bigint, metadata: string): Promise<boolean> {
    const { at, assignment } = partition;
    const outcome = partition.lost ? "stale" : await client.commit(assignment, at, offset, metadata);
    if (outcome === "committed") return true;
    emitEvent("kafka.handed_over", { reason: outcome }, keyOf(at));
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
        emitEvent("kafka.retried", {}, `${keyOf(partition.at)}: ${reasonOf(error)}`);
      }
      if (closing.signal.aborted) return null;
      await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => {});
    }
    return null;
  }

  function drop(partition: Partition, records: readonly KafkaRecord[]): void {
    for (const record of records) partition.bytes -= sizeOf(record);
  }

  /** Pauses what is full and resumes what has room again. */
  function balance(): void {
    const share = shareOf(options, partitions.size);
    for (const partition of partitions.values()) {
      const verdict = judgeFlow(partition, share);
      if (verdict === "pause") client.pause(partition.at);
      if (verdict === "resume") client.resume(partition.at);
    }
  }

  /** The next chunk when it is full or has waited; else it is looked at again then. */
  function cutNew(partition: Partition): KafkaRecord[] | null {
    const waitMs = partition.firstMs + options.chunkLingerMs - clock();
    // A chunk takes half of the partition's share, so that the next is read while it is stored.
    const chunkMaxBytes = Math.min(options.chunkMaxBytes, shareOf(options, partitions.size) / 2);
    const records = cutFirst(partition.queue, { ...options, chunkMaxBytes }, waitMs <= 0);
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
