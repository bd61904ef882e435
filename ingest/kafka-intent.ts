// The intent of a chunk: what is about to be inserted, kept as metadata of the group's own committed offset.
// In: an intent, or the text that was committed with an offset. Out: that text, or the intent; the tokens of the chunk's inserts.
// Bounds: pure; Kafka takes 4096 bytes of metadata by default, an intent has about 100. A text of somebody else is a value, not an error.
import { z } from "zod";
import type { TopicPartition } from "./kafka-client.ts";

/** A chunk of one partition, offsets `first` to `last`, as it was first decided; replays take all of it from here. */
export interface ChunkIntent {
  /** `kafka.epoch` at that time: a number that sets tokens apart where offsets are not the same messages any more. */
  readonly epoch: number;
  readonly first: bigint;
  readonly last: bigint;
  /** The arrival time of its messages, unix ms: which rows are too old or too far ahead depends on it. */
  readonly atMs: number;
  /** Tables that refused it as a whole; for those its messages are inserted one by one. */
  readonly alone: readonly string[];
}

const VERSION = 2;
const METADATA = z.object({
  v: z.literal(VERSION),
  epoch: z.int().min(0),
  end: z.string().regex(/^\d{1,19}$/),
  at: z.int().min(0),
  alone: z.array(z.string()).optional(),
});

/** The metadata to commit together with the offset `first`. */
export function writeIntent({ epoch, last, atMs, alone }: ChunkIntent): string {
  return JSON.stringify({
    v: VERSION,
    epoch,
    end: last.toString(),
    at: atMs,
    ...(alone.length > 0 ? { alone } : {}),
  });
}

/** The intent that was committed with `first`; null where there is none, a refusal where the text is not ours. */
export function readIntent(
  first: bigint | null,
  metadata: string,
): { readonly ok: true; readonly intent: ChunkIntent | null } | { readonly ok: false; readonly reason: string } {
  if (first === null || metadata === "") return { ok: true, intent: null };
  let value: unknown;
  try {
    value = JSON.parse(metadata);
  } catch {
    return { ok: false, reason: `metadata of another program: ${metadata.slice(0, 100)}` };
  }
  const parsed = METADATA.safeParse(value);
  if (!parsed.success || BigInt(parsed.data.end) < first) {
    return { ok: false, reason: `metadata of another version or program: ${metadata.slice(0, 100)}` };
  }
  const { epoch, end, at, alone } = parsed.data;
  return { ok: true, intent: { epoch, first, last: BigInt(end), atMs: at, alone: alone ?? [] } };
}

/** The deduplication token of one insert of a chunk; `part` names the table, and the message where it goes alone. */
export function tokenOf(intent: ChunkIntent, at: TopicPartition, part: string): string {
  return `${intent.epoch}:${at.topic}:${at.partition}:${intent.first}-${intent.last}:${part}`;
}
