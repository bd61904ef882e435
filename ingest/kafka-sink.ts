// Where the chunks of Kafka go: into blocks of their own with tokens of their own, and what cannot be read into `dead_letters`.
// In: a chunk and its intent. Out: its rows in storage, once however often it is stored again; one dead letter an origin.
// Bounds: `STORES_AT_ONCE` chunks are decoded and inserted at a time. Where blocks end depends on the messages alone, never on time or
// configuration, so a replay makes the same blocks. A part that storage refuses is stored message by message the next time.
import { randomInt } from "node:crypto";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import { isStorageUnavailable, type Storage } from "../storage/client.ts";
import { tokenOf } from "./kafka-intent.ts";
import { buryLetter, type DeadLetter } from "./kafka-letters.ts";
import { keyOf, type KafkaRecord } from "./kafka-client.ts";
import type { KafkaChunk, KafkaSink, StoreOutcome } from "./kafka-chunk.ts";
import type { RowBlock, TableInsert } from "./otlp/block.ts";
import { transcodeJson } from "./otlp/json.ts";
import { ResourceMemory } from "./otlp/resource-memory.ts";
import { detailOf } from "./receiver.ts";
import type { Signal } from "./signal.ts";

const STORES_AT_ONCE = 4;
/** A block ends when it has this many rows or bytes. Another number here makes a replay over an upgrade store twice. */
const BLOCK_ROWS = 16_384;
const BLOCK_BYTES = 24 << 20;

/** What a sink needs. */
export interface KafkaSinkParts {
  readonly storage: Pick<Storage, "insertNative" | "insertRows">;
  readonly tenant: string;
  readonly makeBlock: Readonly<Record<Signal, (memory: ResourceMemory) => RowBlock>>;
  /** Stores the changes that a logs payload tells of; again is harmless. */
  readonly takeChanges: (payload: Uint8Array) => Promise<void>;
}

interface Payload {
  readonly record: KafkaRecord;
  readonly bytes: Uint8Array;
}

/** What became of a chunk's messages, told when all of it is stored. */
interface Tally {
  readonly letters: DeadLetter[];
  messages: number;
  rows: number;
  truncated: number;
  readonly rejected: Map<string, number>;
}

/** Makes the sink of one consumer. */
export function createKafkaSink(parts: KafkaSinkParts): KafkaSink {
  const { storage, tenant } = parts;
  const remember = (): ResourceMemory => new ResourceMemory(randomInt(2 ** 32));
  const memory: Record<Signal, ResourceMemory> = { traces: remember(), logs: remember(), metrics: remember() };
  const free: Record<Signal, RowBlock[]> = { traces: [], logs: [], metrics: [] };
  const waiting: (() => void)[] = [];
  let storing = 0;

  async function enter(): Promise<void> {
    if (storing < STORES_AT_ONCE) storing++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) storing--;
    else next();
  }

  /** Inserts one part of the chunk; null when it is stored, else why storage will never take it. */
  async function insertPart(chunk: KafkaChunk, insert: TableInsert, part: string): Promise<string | null> {
    try {
      await storage.insertNative(insert.table, insert.columns, insert.chunks, tokenOf(chunk.intent, chunk.at, part));
      return null;
    } catch (error) {
      const isAway = isStorageUnavailable(error);
      const { signal } = chunk.topic;
      emitEvent("ingest.insert_failed", { signal, reason: isAway ? "unavailable" : "refused" }, reasonOf(error));
      if (isAway) throw error;
      return reasonOf(error);
    }
  }

  async function storeChunk(chunk: KafkaChunk, block: RowBlock): Promise<StoreOutcome> {
    const { topic, intent } = chunk;
    const tally: Tally = { letters: [], messages: 0, rows: 0, truncated: 0, rejected: new Map() };
    const payloads = readPayloads(chunk, tally.letters);
    if (topic.signal === "logs") for (const { bytes } of payloads) await parts.takeChanges(bytes);
    for (let number = 0, next = 0; next < payloads.length; number++) {
      const from = next;
      next = fill(block, chunk, payloads, from, tally);
      if (block.rows === 0) continue;
      const inserts = block.inserts();
      const refused: string[] = [];
      for (const insert of inserts) {
        const part = `${insert.table}:${number}`;
        if (intent.alone.includes(part)) refused.push(part);
        else {
          const reason = await insertPart(chunk, insert, part);
          if (reason !== null) return { ok: false, part };
        }
      }
      if (refused.length === 0) continue;
      for (const payload of payloads.slice(from, next)) {
        const reason = await storeAlone(chunk, block, payload, number, refused);
        if (reason !== null) tally.letters.push(letterOf(chunk, payload.record, "storage", reason));
      }
    }
    for (const letter of tally.letters) await buryLetter(storage, tenant, letter);
    report(topic.signal, tally);
    return { ok: true };
  }

  /** Inserts one message's rows of the parts that were refused as a whole; null when storage took them. */
  async function storeAlone(
    chunk: KafkaChunk,
    block: RowBlock,
    { record, bytes }: Payload,
    number: number,
    refused: readonly string[],
  ): Promise<string | null> {
    block.clear();
    if (!block.decode(bytes, chunk.intent.atMs).ok || block.rows === 0) return null;
    let reason: string | null = null;
    for (const insert of block.inserts()) {
      const part = `${insert.table}:${number}`;
      if (refused.includes(part)) reason = (await insertPart(chunk, insert, `${part}:${record.offset}`)) ?? reason;
    }
    return reason;
  }

  return {
    async store(chunk) {
      const { signal } = chunk.topic;
      await enter();
      const block = free[signal].pop() ?? parts.makeBlock[signal](memory[signal]);
      try {
        return await storeChunk(chunk, block);
      } finally {
        block.clear();
        free[signal].push(block);
        leave();
      }
    },
  };
}

/** The messages as protobuf; what has no value or is no JSON becomes a letter. */
function readPayloads({ at, topic, records }: KafkaChunk, letters: DeadLetter[]): Payload[] {
  const payloads: Payload[] = [];
  for (const record of records) {
    if (record.value === null) {
      letters.push(letterOf({ at }, record, "tombstone", "the message has no value"));
      continue;
    }
    const payload =
      topic.encoding === "otlp_json"
        ? transcode(topic.signal, record.value)
        : { ok: true as const, bytes: record.value };
    if (payload.ok) payloads.push({ record, bytes: payload.bytes });
    else letters.push(letterOf({ at }, record, payload.reason, payload.detail));
  }
  return payloads;
}

/** A transcoder must not throw; a message that makes it do so must not stop its partition all the same. */
function transcode(signal: Signal, body: Uint8Array): ReturnType<typeof transcodeJson> {
  try {
    return transcodeJson(signal, body);
  } catch {
    return { ok: false, reason: "defect", detail: detailOf("defect") };
  }
}

/** Decodes into an empty block until it is full; returns the index of the first payload that is left. */
function fill(block: RowBlock, chunk: KafkaChunk, payloads: readonly Payload[], from: number, tally: Tally): number {
  block.clear();
  let next = from;
  while (next < payloads.length && block.rows < BLOCK_ROWS && block.bytes < BLOCK_BYTES && !block.isCrowded) {
    const payload = payloads[next++];
    if (payload === undefined) break;
    const outcome = block.decode(payload.bytes, chunk.intent.atMs);
    if (!outcome.ok) {
      tally.letters.push(letterOf(chunk, payload.record, outcome.reason, detailOf(outcome.reason)));
      continue;
    }
    tally.messages++;
    tally.rows += outcome.rows;
    tally.truncated += outcome.truncated;
    if (outcome.rejected > 0) {
      const reason = outcome.rejectedReason ?? "ids";
      tally.rejected.set(reason, (tally.rejected.get(reason) ?? 0) + outcome.rejected);
    }
  }
  return next;
}

function letterOf({ at }: Pick<KafkaChunk, "at">, record: KafkaRecord, reason: string, detail: string): DeadLetter {
  return { origin: `${keyOf(at)}/${record.offset}`, reason, detail, body: record.value ?? new Uint8Array() };
}

function report(signal: Signal, { letters, messages, rows, truncated, rejected }: Tally): void {
  for (const { origin, reason, detail } of letters) {
    emitEvent("ingest.dead_letter", { source: "kafka", reason }, `${origin}: ${detail}`);
  }
  for (const [reason, count] of rejected) emitEvent("ingest.refused", { signal, reason }, `${count} rows`, count);
  if (truncated > 0) emitEvent("ingest.truncated", { signal }, undefined, truncated);
  if (messages > 0) emitEvent("ingest.accepted", { signal }, undefined, messages);
  if (rows > 0) emitEvent("ingest.inserted", { signal }, undefined, rows);
}
