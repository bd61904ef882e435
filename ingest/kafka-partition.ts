// What the consumer knows of one partition while it is assigned, and how much of it may wait in memory.
// In: the partition, its topic and its assignment. Out: a state that the consumer changes; the share of the memory that it may take.
// Bounds: all partitions together keep to `bufferMaxBytes`, each to an equal share of it, so that one that is slow never takes the room of the
// others; past it comes at most what one fetch brings.
import type { KafkaTopic } from "./kafka-chunk.ts";
import type { KafkaRecord, TopicPartition } from "./kafka-client.ts";
import type { ChunkIntent } from "./kafka-intent.ts";

/** One partition during one assignment; the next assignment makes a new one, though the partition stays. */
export interface Partition {
  readonly at: TopicPartition;
  readonly topic: KafkaTopic;
  readonly assignment: number;
  /** Read, not begun; everything that there is from its first offset to `expected`. */
  queue: KafkaRecord[];
  /** When the first of the queue came, by the clock. */
  firstMs: number;
  /** Bytes of the queue and of the chunk in flight. */
  bytes: number;
  /** What the group has committed is known; nothing is begun before. */
  isBegun: boolean;
  /** A chunk that was begun and not known to be finished; it is rebuilt before anything new. */
  pending: ChunkIntent | null;
  /** Where the next fetch must begin; null: wherever the broker does. */
  expected: bigint | null;
  /** The place that was asked for when a fetch began elsewhere. */
  sought: bigint | null;
  task: Promise<void> | null;
  timer: NodeJS.Timeout | null;
  /** The assignment is over; nothing is committed any more. */
  lost: boolean;
}

/** A partition that was just assigned. */
export function createPartition(at: TopicPartition, topic: KafkaTopic, assignment: number): Partition {
  return {
    at,
    topic,
    assignment,
    queue: [],
    firstMs: 0,
    bytes: 0,
    isBegun: false,
    pending: null,
    expected: null,
    sought: null,
    task: null,
    timer: null,
    lost: false,
  };
}

/** How many bytes of one partition may wait when so many are assigned. */
export function shareOf(
  limits: { readonly partitionMaxBytes: number; readonly bufferMaxBytes: number },
  partitions: number,
): number {
  return Math.min(limits.partitionMaxBytes, Math.floor(limits.bufferMaxBytes / Math.max(1, partitions)));
}

/** Whether to read on; half of the share lies between, so that it does not flap. */
export function judgeFlow({ isBegun, pending, task, bytes }: Partition, share: number): "pause" | "resume" | "keep" {
  if (!isBegun) return "pause";
  // A chunk that must be rebuilt has its size; half of it is of no use.
  if (pending !== null && task === null) return "resume";
  if (bytes >= share) return "pause";
  return bytes <= share / 2 ? "resume" : "keep";
}
