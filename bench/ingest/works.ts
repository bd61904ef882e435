// The works that a measured process can do: each prepares once, then runs whenever it is told.
// In: what the work needs (a corpus file, where storage is). Out: a function that does one round and returns the spans it handled.
// Bounds: one work a process, so that no other work's garbage or compiled code bleeds into its figures.
import http from "node:http";
import { Readable } from "node:stream";
import kafkajs from "kafkajs";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { ResourceMemory } from "../../ingest/otlp/resource-memory.ts";
import { TraceBlock } from "../../ingest/otlp/traces.ts";
import { WRITER_LIMITS } from "../../ingest/writer.ts";
import { createStorage, type Storage, type StorageOptions } from "../../storage/client.ts";
import type { TableInsert } from "../../ingest/otlp/block.ts";
import type { CorpusPayload } from "./corpus.ts";
import { readCorpus } from "./corpus-file.ts";
import { createNaiveDecoder, encodeNaive } from "./naive.ts";

/** What a measured process is told to do. */
export type Work =
  | { readonly kind: "decode" | "naive" | "naive-22"; readonly corpus: string; readonly maxSpans: number }
  | {
      readonly kind: "insert" | "engine-only" | "naive-insert";
      readonly corpus: string;
      readonly storage: StorageOptions;
    }
  | { readonly kind: "send"; readonly corpus: string; readonly url: string; readonly connections: number }
  | { readonly kind: "produce"; readonly corpus: string; readonly brokers: readonly string[]; readonly topic: string };

/** One round: resolves to the number of spans. */
export type Round = () => Promise<number>;

const TENANT = "default";
const HASH_SEED = 42;

/** Prepares a work. */
export async function prepareWork(work: Work): Promise<Round> {
  const payloads = readCorpus(work.corpus);
  switch (work.kind) {
    case "decode":
      return decodeRound(upTo(payloads, work.maxSpans));
    case "naive":
    case "naive-22":
      return naiveRound(upTo(payloads, work.maxSpans), work.kind === "naive");
    case "insert":
      return insertRound(payloads, createStorage(work.storage));
    case "engine-only":
      return engineOnlyRound(payloads, createStorage(work.storage));
    case "naive-insert":
      return naiveInsertRound(payloads, createStorage(work.storage));
    case "send":
      return sendRound(payloads, work.url, work.connections);
    case "produce":
      return await produceRound(payloads, work.brokers, work.topic);
  }
}

/** The first payloads with at least so many spans. */
function upTo(payloads: readonly CorpusPayload[], maxSpans: number): readonly CorpusPayload[] {
  let spans = 0;
  return payloads.filter((payload) => {
    if (spans >= maxSpans) return false;
    spans += payload.spans;
    return true;
  });
}

function createBlock(): TraceBlock {
  return new TraceBlock(DECODE_LIMITS, new ResourceMemory(HASH_SEED));
}

/** Decodes into the block; a payload of the corpus that is not taken whole would make every figure wrong. */
function decode(block: TraceBlock, payload: CorpusPayload): void {
  const outcome = block.decode(payload.bytes, Date.now(), TENANT);
  if (!outcome.ok || outcome.rows !== payload.spans) throw new Error(`decoded to ${JSON.stringify(outcome)}`);
}

/** True when the writer would send the block. */
function isFull(block: TraceBlock): boolean {
  return block.rows >= WRITER_LIMITS.targetRows || block.bytes >= WRITER_LIMITS.targetBytes || block.isCrowded;
}

/** The payloads as the blocks that the writer would make; `take` gets each block's inserts, which are valid while it runs. */
async function eachBlock(
  block: TraceBlock,
  payloads: readonly CorpusPayload[],
  take: (inserts: readonly TableInsert[]) => Promise<void> | void,
): Promise<number> {
  let spans = 0;
  for (const payload of payloads) {
    decode(block, payload);
    spans += payload.spans;
    if (!isFull(block)) continue;
    await take(block.inserts());
    block.clear();
  }
  if (block.rows > 0) {
    await take(block.inserts());
    block.clear();
  }
  return spans;
}

function decodeRound(payloads: readonly CorpusPayload[]): Round {
  const block = createBlock();
  return () => eachBlock(block, payloads, () => {});
}

function naiveRound(payloads: readonly CorpusPayload[], allColumns: boolean): Round {
  const decodeRows = createNaiveDecoder(allColumns);
  return () => {
    let spans = 0;
    for (const { bytes } of payloads) {
      const rows = decodeRows(bytes);
      if (encodeNaive(rows).length > 0) spans += rows.length;
    }
    return Promise.resolve(spans);
  };
}

function insertRound(payloads: readonly CorpusPayload[], storage: Storage): Round {
  const block = createBlock();
  return () =>
    eachBlock(block, payloads, async (inserts) => {
      for (const { table, columns, chunks } of inserts) await storage.insertNative(table, columns, chunks);
    });
}

/** The same blocks, made before: what is left is the engine's work and the sending. */
async function engineOnlyRound(payloads: readonly CorpusPayload[], storage: Storage): Promise<Round> {
  const ready: TableInsert[] = [];
  const spans = await eachBlock(createBlock(), payloads, (inserts) => {
    for (const insert of inserts) ready.push({ ...insert, chunks: insert.chunks.map((chunk) => chunk.slice()) });
  });
  return async () => {
    for (const { table, columns, chunks } of ready) await storage.insertNative(table, columns, chunks);
    return spans;
  };
}

function naiveInsertRound(payloads: readonly CorpusPayload[], storage: Storage): Round {
  const decodeRows = createNaiveDecoder(true);
  const insert = async (lines: readonly string[]): Promise<void> => {
    const { stream } = await storage.client.exec({
      query: "INSERT INTO spans FORMAT JSONEachRow",
      values: Readable.from([Buffer.from(lines.join("\n"))], { objectMode: false }),
    });
    for await (const chunk of stream) void chunk;
  };
  return async () => {
    let lines: string[] = [];
    let waiting = 0;
    let spans = 0;
    for (const { bytes } of payloads) {
      const rows = decodeRows(bytes);
      lines.push(encodeNaive(rows));
      waiting += rows.length;
      spans += rows.length;
      if (waiting < WRITER_LIMITS.targetRows) continue;
      await insert(lines);
      lines = [];
      waiting = 0;
    }
    if (lines.length > 0) await insert(lines);
    return spans;
  };
}

/** Field 15, which nobody knows: makes a body that was sent before another one. */
function remarked(bytes: Uint8Array, number: number): Uint8Array {
  const mark = [0x78, (number & 0x7f) | 0x80, (number >> 7) & 0x7f];
  const body = new Uint8Array(bytes.length + mark.length);
  body.set(bytes);
  body.set(mark, bytes.length);
  return body;
}

/** Sends the payloads over so many connections at once; what the role throttles is sent again. */
function sendRound(payloads: readonly CorpusPayload[], url: string, connections: number): Round {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  let round = 0;
  return async () => {
    round++;
    const bodies = payloads.map(({ bytes }) => remarked(bytes, round));
    let next = 0;
    const sendSome = async (): Promise<void> => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
        for (let status = 0; status !== 200;) {
          status = await post(`${url}/v1/traces`, body, agent);
          if (status === 429 || status === 503) await new Promise((resolve) => setTimeout(resolve, 20));
          else if (status !== 200) throw new Error(`the role answered ${status}`);
        }
      }
    };
    await Promise.all(Array.from({ length: connections }, sendSome));
    return payloads.reduce((sum, { spans }) => sum + spans, 0);
  };
}

function post(url: string, body: Uint8Array, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-protobuf", "content-length": body.length };
    const request = http.request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    request.once("error", reject);
    request.end(body);
  });
}

async function produceRound(
  payloads: readonly CorpusPayload[],
  brokers: readonly string[],
  topic: string,
): Promise<Round> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  return async () => {
    for (const [i, { bytes }] of payloads.entries()) {
      await producer.send({ topic, messages: [{ key: String(i), value: Buffer.from(bytes) }] });
    }
    return payloads.reduce((sum, { spans }) => sum + spans, 0);
  };
}
