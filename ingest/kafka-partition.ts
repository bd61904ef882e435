// What the consumer knows of one partition while it is assigned.
// In: the partition and its topic. Out: a state that the consumer changes.
// Bounds: the queue is bounded by the consumer, which pauses the partition.
import type { KafkaTopic } from "./kafka-chunk.ts";
import type { KafkaRecord, TopicPartition } from "./kafka-client.ts";
import type { ChunkIntent } from "./kafka-intent.ts";

/** One partition during one assignment; the next assignment makes a new one, though the partition stays. */
export interface Partition {
  readonly at: TopicPartition;
  readonly topic: KafkaTopic;
  /** Read, not begun. */
  queue: KafkaRecord[];
  /** When the first of the queue came, by the clock. */
  firstMs: number;
  /** Bytes of the queue and of the chunk in flight. */
  bytes: number;
  /** What the group has committed; undefined until it was read, and nothing is begun before. */
  committed: bigint | null | undefined;
  /** A chunk that was begun and not known to be finished; it is rebuilt before anything new. */
  pending: ChunkIntent | null;
  /** The first record is where it should be, or was asked for there. */
  placed: "no" | "sought" | "yes";
  task: Promise<void> | null;
  timer: NodeJS.Timeout | null;
  /** The group has moved on; nothing is committed any more. */
  lost: boolean;
}

/** A partition that was just assigned. */
export function createPartition(at: TopicPartition, topic: KafkaTopic): Partition {
  return {
    at,
    topic,
    queue: [],
    firstMs: 0,
    bytes: 0,
    committed: undefined,
    pending: null,
    placed: "no",
    task: null,
    timer: null,
    lost: false,
  };
}
