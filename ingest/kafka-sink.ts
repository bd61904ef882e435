// Where the chunks of Kafka go: into blocks of their own with tokens of their own, and what cannot be read to the dead letters.
// In: a chunk and its intent. Out: its rows in storage, once however often it is stored again; one dead letter a message.
// Bounds: a chunk is one block: it ends where `BLOCK_ROWS` or `BLOCK_BYTES` are passed, and that is announced before anything of it is stored.
// One that was announced is a block as it is, whatever its size now: limits and what is remembered of names may have changed since.
// `STORES_AT_ONCE` chunks of a signal are decoded and inserted at a time. A table that refuses a block gets it message by message.
import { randomInt } from "node:crypto";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import { isStorageUnavailable, type Storage } from "../storage/client.ts";
import { type DeadLetter, writeDeadLetters } from "../storage/dead-letters.ts";
import { keyOf, type KafkaRecord } from "./kafka-client.ts";
import type { Announce, KafkaChunk, KafkaSink, StoreOutcome } from "./kafka-chunk.ts";
import { tokenOf } from "./kafka-intent.ts";
import { hideSecrets } from "./changes/secret-bodies.ts";
import type { RowBlock, TableInsert } from "./otlp/block.ts";
import { transcodeJson } from "./otlp/json.ts";
import { ResourceMemory } from "./otlp/resource-memory.ts";
import { detailOf } from "./receiver.ts";
import type { Signal } from "./signal.ts";

const STORES_AT_ONCE = 2;
const BLOCK_ROWS = 32_768;
const BLOCK_BYTES = 16 << 20;

/** What a sink needs. */
export interface KafkaSinkParts {
  readonly storage: Pick<Storage, "insertNative" | "insertRows">;
  /** Whose messages are that come in a topic without a tenant. */
  readonly tenant: string;
  readonly makeBlock: Readonly<Record<Signal, (memory: ResourceMemory) => RowBlock>>;
  /** Stores the changes that a logs payload tells of; again is harmless. */
  readonly takeChanges: (tenant: string, payload: Uint8Array) => Promise<void>;
  /** Hands letters on to the dead-letter topic; it throws where a later try may succeed. */
  readonly publish: (letters: readonly DeadLetter[]) => Promise<void>;
}

/** What became of a chunk's messages, told when all of it is stored. */
interface Tally {
  readonly letters: DeadLetter[];
  /** The messages that are in the block. */
  readonly taken: KafkaRecord[];
  rows: number;
  truncated: number;
  readonly rejected: Map<string, number>;
}

/** Makes the sink of one consumer. */
export function createKafkaSink(parts: KafkaSinkParts): KafkaSink {
  const { storage } = parts;
  const lanes = { traces: createLane(), logs: createLane(), metrics: createLane() };

  function createLane() {
    return {
      memory: new ResourceMemory(randomInt(2 ** 32)),
      free: [] as RowBlock[],
      waiting: [] as (() => void)[],
      storing: 0,
    };
  }

  function tenantOf({ topic }: KafkaChunk): string {
    return topic.tenant ?? parts.tenant;
  }

  /** Inserts rows of the chunk; null when they are stored, else why storage will never take them. */
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

  /** Decodes messages until the block is full, or all of them; returns the offset of the last one taken. */
  async function fill(block: RowBlock, chunk: KafkaChunk, isWhole: boolean, tally: Tally): Promise<bigint> {
    const { topic, intent } = chunk;
    let last = intent.last;
    for (const [i, record] of chunk.records.entries()) {
      if (!isWhole && i > 0 && isFull(block)) return last;
      last = record.offset;
      const payload = readPayload(chunk, record);
      if (!payload.ok) {
        tally.letters.push(letterOf(chunk, record, payload.reason, payload.detail, []));
        continue;
      }
      if (topic.signal === "logs") await parts.takeChanges(tenantOf(chunk), payload.bytes);
      const outcome = block.decode(storedBytes(chunk, payload.bytes), intent.atMs, tenantOf(chunk));
      if (!outcome.ok) {
        tally.letters.push(letterOf(chunk, record, outcome.reason, detailOf(outcome.reason), []));
        continue;
      }
      tally.taken.push(record);
      tally.rows += outcome.rows;
      tally.truncated += outcome.truncated;
      if (outcome.rejected > 0) {
        const reason = outcome.rejectedReason ?? "ids";
        tally.rejected.set(reason, (tally.rejected.get(reason) ?? 0) + outcome.rejected);
      }
    }
    return last;
  }

  async function storeChunk(cut: KafkaChunk, announce: Announce | null, block: RowBlock): Promise<StoreOutcome> {
    const { topic } = cut;
    const tally: Tally = { letters: [], taken: [], rows: 0, truncated: 0, rejected: new Map() };
    const last = await fill(block, cut, announce === null, tally);
    const intent = announce === null ? cut.intent : await announce(last);
    if (intent === null) return { kind: "abandoned" };
    const chunk = { ...cut, intent };
    const inserts = block.rows === 0 ? [] : block.inserts();
    const refused = inserts.map(({ table }) => table).filter((table) => intent.alone.includes(table));
    for (const insert of inserts) {
      if (refused.includes(insert.table)) continue;
      if ((await insertPart(chunk, insert, insert.table)) !== null) return { kind: "refused", table: insert.table };
    }
    if (refused.length > 0) await storeAlone(chunk, block, refused, tally);
    if (tally.letters.length > 0) {
      await writeDeadLetters(storage, tally.letters, tokenOf(intent, chunk.at, "dead_letters"));
      await parts.publish(tally.letters);
    }
    report(topic.signal, tally);
    return { kind: "stored" };
  }

  /** Inserts message by message into the tables that refused the block; what they refuse again becomes a letter. */
  async function storeAlone(
    chunk: KafkaChunk,
    block: RowBlock,
    refused: readonly string[],
    tally: Tally,
  ): Promise<void> {
    for (const record of tally.taken) {
      block.clear();
      const payload = readPayload(chunk, record);
      if (!payload.ok) continue;
      const outcome = block.decode(storedBytes(chunk, payload.bytes), chunk.intent.atMs, tenantOf(chunk));
      if (!outcome.ok || block.rows === 0) continue;
      const tables: string[] = [];
      let reason = "";
      for (const insert of block.inserts()) {
        if (!refused.includes(insert.table)) continue;
        const answer = await insertPart(chunk, insert, `${insert.table}:${record.offset}`);
        if (answer === null) continue;
        tables.push(insert.table);
        reason ||= answer;
      }
      if (tables.length > 0) tally.letters.push(letterOf(chunk, record, "storage", reason, tables));
    }
  }

  function letterOf(
    chunk: KafkaChunk,
    record: KafkaRecord,
    reason: string,
    detail: string,
    tables: readonly string[],
  ): DeadLetter {
    const { at, topic, intent } = chunk;
    return {
      tenant: tenantOf(chunk),
      source: "kafka",
      origin: `${keyOf(at)}/${record.offset}`,
      signal: topic.signal,
      encoding: topic.encoding === "otlp_json" ? "json" : "protobuf",
      reason,
      detail,
      body: record.value ?? new Uint8Array(),
      // Not the clock: the same letter must be the same row in the same partition of the table.
      atMs: intent.atMs,
      tables,
    };
  }

  return {
    async store(chunk, announce) {
      const { signal } = chunk.topic;
      const lane = lanes[signal];
      if (lane.storing < STORES_AT_ONCE) lane.storing++;
      else await new Promise<void>((resolve) => lane.waiting.push(resolve));
      const block = lane.free.pop() ?? parts.makeBlock[signal](lane.memory);
      try {
        return await storeChunk(chunk, announce, block);
      } finally {
        block.clear();
        lane.free.push(block);
        const next = lane.waiting.shift();
        if (next === undefined) lane.storing--;
        else next();
      }
    },
  };
}

function isFull(block: RowBlock): boolean {
  return block.rows >= BLOCK_ROWS || block.bytes >= BLOCK_BYTES || block.isCrowded;
}

type Payload =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: string; readonly detail: string };

/** The message as protobuf, or why it is none. */
function readPayload({ topic }: KafkaChunk, { value }: KafkaRecord): Payload {
  if (value === null) return { ok: false, reason: "tombstone", detail: "the message has no value" };
  if (topic.encoding === "otlp_proto") return { ok: true, bytes: value };
  try {
    return transcodeJson(topic.signal, value);
  } catch {
    // A transcoder must not throw; a message that makes it do so must not stop its partition all the same.
    return { ok: false, reason: "defect", detail: detailOf("defect") };
  }
}

/** The payload as it is stored: logs without the content of Secrets. */
function storedBytes({ topic }: KafkaChunk, bytes: Uint8Array): Uint8Array {
  return topic.signal === "logs" ? hideSecrets(bytes) : bytes;
}

function report(signal: Signal, { letters, taken, rows, truncated, rejected }: Tally): void {
  for (const { origin, reason, detail } of letters) {
    emitEvent("ingest.dead_letter", { source: "kafka", reason }, `${origin}: ${detail}`);
  }
  for (const [reason, count] of rejected) emitEvent("ingest.refused", { signal, reason }, `${count} rows`, count);
  if (truncated > 0) emitEvent("ingest.truncated", { signal }, undefined, truncated);
  if (taken.length > 0) emitEvent("ingest.accepted", { signal }, undefined, taken.length);
  if (rows > 0) emitEvent("ingest.inserted", { signal }, undefined, rows);
}
