// What a chunk of Kafka messages is, where it goes, and how it is cut off a partition's queue.
// In: records in offset order. Out: the records of one chunk, or null while it is not complete.
// Bounds: pure; the limits are the consumer's.
import type { KafkaRecord, TopicPartition } from "./kafka-client.ts";
import type { ChunkIntent } from "./kafka-intent.ts";

/** What a topic carries and whose it is; messages have no mark of their own that could be trusted, so this is configured. */
export interface KafkaTopic {
  readonly signal: "traces" | "metrics" | "logs";
  readonly encoding: "otlp_proto" | "otlp_json";
  /** Absent: the tenant of the process. */
  readonly tenant?: string | undefined;
}

/** Consecutive messages of one partition and what was committed about them. */
export interface KafkaChunk {
  readonly at: TopicPartition;
  readonly topic: KafkaTopic;
  readonly intent: ChunkIntent;
  readonly records: readonly KafkaRecord[];
}

/** How storing went: done; a table that will never take the chunk as a whole; nothing, because the assignment is over. */
export type StoreOutcome =
  | { readonly kind: "stored" }
  | { readonly kind: "refused"; readonly table: string }
  | { readonly kind: "abandoned" };

/** Commits that a chunk ends at `last` and says so by its intent; null: the assignment is over. */
export type Announce = (last: bigint) => Promise<ChunkIntent | null>;

/** Where chunks go. The same chunk again stores nothing twice; it throws when storage is away. */
export interface KafkaSink {
  /** Stores nothing before `announce` has said under which bounds; a chunk that was announced already (null) is stored as it is. */
  store(chunk: KafkaChunk, announce: Announce | null): Promise<StoreOutcome>;
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
export function cutAgain(queue: KafkaRecord[], last: bigint, expected: bigint): KafkaRecord[] | null {
  if (expected <= last) return null;
  const after = queue.findIndex(({ offset }) => offset > last);
  return queue.splice(0, after === -1 ? queue.length : after);
}
