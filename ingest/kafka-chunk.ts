// What a chunk of Kafka messages is, where it goes, and how it is cut off a partition's queue.
// In: records in offset order. Out: the records of one chunk, or null while it is not complete.
// Bounds: pure; the limits are the consumer's.
import type { KafkaRecord, TopicPartition } from "./kafka-client.ts";
import type { ChunkIntent } from "./kafka-intent.ts";

/** What a topic carries; messages have no mark of their own, so this is configured. */
export interface KafkaTopic {
  readonly signal: "traces" | "metrics" | "logs";
  readonly encoding: "otlp_proto" | "otlp_json";
}

/** Consecutive messages of one partition and what was committed about them. */
export interface KafkaChunk {
  readonly at: TopicPartition;
  readonly topic: KafkaTopic;
  readonly intent: ChunkIntent;
  readonly records: readonly KafkaRecord[];
}

/** How storing went: done, or a part of the chunk that storage will never take as a whole. */
export type StoreOutcome = { readonly ok: true } | { readonly ok: false; readonly part: string };

/** Where chunks go. The same chunk again stores nothing twice; it throws when storage is away. */
export interface KafkaSink {
  store(chunk: KafkaChunk): Promise<StoreOutcome>;
}

/** The size of a record's value, bytes. */
export function sizeOf(record: KafkaRecord): number {
  return record.value?.length ?? 0;
}

/** Takes a new chunk off the queue: at least one record, at most what the limits allow; null if it is not full and may wait. */
export function cutFirst(
  queue: KafkaRecord[],
  limits: { readonly chunkMaxRecords: number; readonly chunkMaxBytes: number },
  isDue: boolean,
): KafkaRecord[] | null {
  let count = 0;
  let bytes = 0;
  for (const record of queue) {
    if (count > 0 && (count >= limits.chunkMaxRecords || bytes + sizeOf(record) > limits.chunkMaxBytes)) break;
    bytes += sizeOf(record);
    count++;
  }
  const isFull = count < queue.length || count >= limits.chunkMaxRecords || bytes >= limits.chunkMaxBytes;
  return isFull || isDue ? queue.splice(0, count) : null;
}

/** Takes a chunk that ends at `last` off the queue, without what retention has removed; null until all of it was read. */
export function cutAgain(queue: KafkaRecord[], last: bigint): KafkaRecord[] | null {
  const after = queue.findIndex(({ offset }) => offset > last);
  if (after === -1 && queue.at(-1)?.offset !== last) return null;
  return queue.splice(0, after === -1 ? queue.length : after);
}
