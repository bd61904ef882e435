// Where Kafka chunks go: dead letters on the real ClickHouse, blocks and tokens that a replay repeats, parts that storage refuses.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Announce, KafkaChunk, KafkaTopic } from "../../ingest/kafka-chunk.ts";
import type { ChunkIntent } from "../../ingest/kafka-intent.ts";
import { messageOf } from "../../ingest/kafka-letters.ts";
import { createKafkaSink } from "../../ingest/kafka-sink.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import type { Storage } from "../../storage/client.ts";
import { type DeadLetter, MAX_LETTER_BODY_BYTES, writeDeadLetters } from "../../storage/dead-letters.ts";
import { logsOf, tracesOf } from "../fixtures/kafka-otlp.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const AT = { topic: "otlp_spans", partition: 3 };
const START_MS = Date.UTC(2026, 0, 5, 10);
const INTENT: ChunkIntent = { epoch: 7, first: 10n, last: 12n, atMs: START_MS, alone: [] };
const PROTO: KafkaTopic = { signal: "traces", encoding: "otlp_proto" };

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** One call of two spans. */
function call(number: number): Uint8Array {
  const traceId = `7${number.toString(16).padStart(31, "0")}`;
  return tracesOf([{ traceId, startUnixNs: BigInt(START_MS) * 1_000_000n, durationNs: 5_000_000n }], "otlp_proto");
}

/** A payload of 10 000 calls, 20 000 spans. */
function calls(from: number): Uint8Array {
  return tracesOf(
    Array.from({ length: 10_000 }, (_, i) => ({
      traceId: `7${(from + i).toString(16).padStart(31, "0")}`,
      startUnixNs: BigInt(START_MS) * 1_000_000n,
      durationNs: 5_000_000n,
    })),
    "otlp_proto",
  );
}

const LARGE = calls(1);

function chunk(values: readonly (Uint8Array | null)[], more: Partial<KafkaChunk> = {}): KafkaChunk {
  const records = values.map((value, i) => ({ offset: 10n + BigInt(i), value }));
  return { at: AT, topic: PROTO, intent: INTENT, records, ...more };
}

interface Insert {
  readonly table: string;
  readonly token: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

/** A sink on a storage that keeps what it is given; `judge` may throw. */
function makeSink(judge: (insert: Insert) => void = () => {}) {
  const inserts: Insert[] = [];
  const letters: { readonly Origin: string; readonly Reason: string }[] = [];
  const changes: Uint8Array[] = [];
  const storage: Pick<Storage, "insertNative" | "insertRows"> = {
    async insertNative(table, _columns, chunks, token = "") {
      const all = Buffer.concat(chunks);
      const insert = { table, token, bytes: all, digest: createHash("sha256").update(all).digest("hex") };
      judge(insert);
      inserts.push(insert);
    },
    async insertRows(_table, rows) {
      letters.push(...(rows as typeof letters));
    },
  };
  const published: DeadLetter[] = [];
  const tenants: string[] = [];
  const sink = createKafkaSink({
    storage,
    tenant: "default",
    makeBlock: createRowBlocks(DECODE_LIMITS),
    takeChanges: async (tenant, payload) => {
      tenants.push(tenant);
      changes.push(payload);
    },
    publish: async (some) => void published.push(...some),
  });
  return { inserts, letters, changes, published, tenants, sink };
}

describe("chunks", () => {
  it("are stored under tokens of their bounds, and byte for byte the same again by another process", async () => {
    const values = [call(1), call(2), call(1)];
    const [first, second] = [makeSink(), makeSink()];
    expect(await first.sink.store(chunk(values), null)).toEqual({ kind: "stored" });
    await second.sink.store(chunk([call(9)]), null);
    second.inserts.length = 0;
    await second.sink.store(chunk(values), null);
    expect(first.inserts.map(({ token }) => token)).toEqual(["7:otlp_spans:3:10-12:spans"]);
    expect(second.inserts).toEqual(first.inserts);
  });

  it("end where their block is full, and say so before anything is stored", async () => {
    const { sink, inserts, letters } = makeSink();
    const ends: bigint[] = [];
    const announce: Announce = async (last) => {
      ends.push(last);
      expect([inserts, letters]).toEqual([[], []]);
      return { ...INTENT, last };
    };
    expect(await sink.store(chunk([LARGE, LARGE, LARGE, null]), announce)).toEqual({ kind: "stored" });
    expect(ends).toEqual([11n]);
    expect(inserts.map(({ token }) => token)).toEqual(["7:otlp_spans:3:10-11:spans"]);
    expect(letters).toEqual([]);
  });

  it("are one block as they were announced, though they are more now", async () => {
    const { sink, inserts } = makeSink();
    expect(await sink.store(chunk([LARGE, LARGE, LARGE]), null)).toEqual({ kind: "stored" });
    expect(inserts.map(({ token }) => token)).toEqual(["7:otlp_spans:3:10-12:spans"]);
  });

  it("are not stored when the group has moved on before they were announced", async () => {
    const { sink, inserts, letters } = makeSink();
    expect(await sink.store(chunk([call(1), null]), async () => null)).toEqual({ kind: "abandoned" });
    expect([inserts, letters]).toEqual([[], []]);
  });

  it("belong to the tenant of their topic", async () => {
    const { sink, inserts, published, tenants } = makeSink();
    const topic: KafkaTopic = { signal: "logs", encoding: "otlp_proto", tenant: "shop" };
    const values = [logsOf(["one"], BigInt(START_MS) * 1_000_000n, "otlp_proto"), null];
    await sink.store(chunk(values, { topic }), null);
    expect(inserts[0]?.bytes.includes("shop")).toBe(true);
    expect(inserts[0]?.bytes.includes("default")).toBe(false);
    expect(published.map(({ tenant }) => tenant)).toEqual(["shop"]);
    expect(tenants).toEqual(["shop"]);
  });

  it("set aside what cannot be read, with its origin, and store the rest", async () => {
    const { sink, inserts, letters, published } = makeSink();
    const poison = call(2).subarray(0, 70);
    await sink.store(chunk([call(1), poison, null, call(3)]), null);
    expect(inserts).toHaveLength(1);
    expect(letters.map(({ Origin, Reason }) => `${Origin} ${Reason}`)).toEqual([
      expect.stringMatching(/^otlp_spans\/3\/11 (truncated|overrun)$/),
      "otlp_spans/3/12 tombstone",
    ]);
    expect(published[0]).toMatchObject({ body: poison, atMs: START_MS, signal: "traces", encoding: "protobuf" });
    expect(published.map(({ origin }) => origin)).toEqual(["otlp_spans/3/11", "otlp_spans/3/12"]);
  });

  it("in JSON are read as JSON; a broken one is set aside", async () => {
    const { sink, inserts, letters } = makeSink();
    const topic: KafkaTopic = { signal: "logs", encoding: "otlp_json" };
    const good = logsOf(["one"], BigInt(START_MS) * 1_000_000n, "otlp_json");
    await sink.store(chunk([good, bytes('{"resourceLogs":[{')], { topic }), null);
    expect(inserts.map(({ table }) => table)).toEqual(["logs"]);
    expect(letters.map(({ Reason }) => Reason)).toEqual(["json_syntax"]);
  });

  it("of logs are searched for changes, all of them", async () => {
    const { sink, changes } = makeSink();
    const topic: KafkaTopic = { signal: "logs", encoding: "otlp_proto" };
    const values = ["one", "two"].map((text) => logsOf([text], BigInt(START_MS) * 1_000_000n, "otlp_proto"));
    await sink.store(chunk(values, { topic }), null);
    expect(changes).toEqual(values);
  });

  it("are left to be stored again while storage is away, and nothing is set aside", async () => {
    const outage = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const { sink, letters } = makeSink(() => {
      throw outage;
    });
    await expect(sink.store(chunk([call(1)]), null)).rejects.toBe(outage);
    expect(letters).toEqual([]);
  });

  it("that storage refuses are stored message by message, without the one that it refuses alone", async () => {
    const bad = Buffer.from(call(2));
    const mark = Buffer.from(`7${(2).toString(16).padStart(31, "0")}`);
    const { sink, inserts, letters, published } = makeSink((insert) => {
      if (insert.bytes.includes(mark)) throw new Error("a row is wrong");
    });
    const values = [call(1), bad, call(3)];
    expect(await sink.store(chunk(values), null)).toEqual({ kind: "refused", table: "spans" });
    expect([inserts, letters]).toEqual([[], []]);
    const intent = { ...INTENT, alone: ["spans"] };
    expect(await sink.store(chunk(values, { intent }), null)).toEqual({ kind: "stored" });
    expect(inserts.map(({ token }) => token)).toEqual([
      "7:otlp_spans:3:10-12:spans:10",
      "7:otlp_spans:3:10-12:spans:12",
    ]);
    expect(letters.map(({ Origin, Reason }) => `${Origin} ${Reason}`)).toEqual(["otlp_spans/3/11 storage"]);
    // A replay must not give the row to tables that have it.
    expect(published.map(({ tables }) => tables)).toEqual([["spans"]]);
  });

  it("are left to be stored again while their letters cannot be sent on", async () => {
    const { sink } = makeSink();
    const broken = createKafkaSink({
      storage: { insertNative: async () => {}, insertRows: async () => {} },
      tenant: "default",
      makeBlock: createRowBlocks(DECODE_LIMITS),
      takeChanges: async () => {},
      publish: () => Promise.reject(new Error("no broker")),
    });
    await expect(broken.store(chunk([null]), null)).rejects.toThrow("no broker");
    expect(await sink.store(chunk([null]), null)).toEqual({ kind: "stored" });
  });
});

describe("dead letters", { timeout: 30_000 }, () => {
  let database: TestStorage;
  beforeAll(async () => {
    database = await startTestStorage();
  }, 120_000);
  afterAll(async () => {
    await database?.stop();
  });

  function letter(origin: string, body: Uint8Array): DeadLetter {
    const [reason, detail] = ["truncated", "it ends in a field"];
    const about = { tenant: "default", source: "kafka", signal: "traces", encoding: "json" } as const;
    return { ...about, origin, reason, detail, body, atMs: START_MS, tables: [] };
  }

  async function bury(origin: string, body: Uint8Array, token = origin): Promise<void> {
    await writeDeadLetters(database.storage, [letter(origin, body)], token);
  }

  async function letters(origin: string): Promise<Record<string, unknown>[]> {
    const result = await database.storage.client.query({
      query:
        "SELECT Tenant, Source, Reason, Detail, Body, BodyEncoding, BodyBytes FROM dead_letters WHERE Origin = {origin:String} ORDER BY Body",
      query_params: { origin },
      format: "JSONEachRow",
    });
    return await result.json<Record<string, unknown>>();
  }

  it("keeps a text with its origin and reason", async () => {
    await bury("otlp_spans/0/1", bytes('{"resourceSpans":'));
    expect(await letters("otlp_spans/0/1")).toEqual([
      {
        Tenant: "default",
        Source: "kafka",
        Reason: "truncated",
        Detail: "it ends in a field",
        Body: '{"resourceSpans":',
        BodyEncoding: "text",
        BodyBytes: 17,
      },
    ]);
  });

  it("keeps bytes in base64 and says so", async () => {
    const body = Uint8Array.from([0xff, 0x00, 0xfe]);
    await bury("otlp_spans/0/2", body);
    const [letter] = await letters("otlp_spans/0/2");
    expect(letter?.["BodyEncoding"]).toBe("base64");
    expect(Buffer.from(String(letter?.["Body"]), "base64")).toEqual(Buffer.from(body));
  });

  it("cuts a body at its limit and says how long it was", async () => {
    await bury("otlp_spans/0/3", bytes("x".repeat(MAX_LETTER_BODY_BYTES + 5)));
    const [letter] = await letters("otlp_spans/0/3");
    expect(String(letter?.["Body"])).toHaveLength(MAX_LETTER_BODY_BYTES);
    expect(letter?.["Detail"]).toBe(`it ends in a field; cut from ${MAX_LETTER_BODY_BYTES + 5} bytes`);
  });

  it("stores the letters of a chunk once, however often it is stored again, over midnight too", async () => {
    const midnight = { ...letter("otlp_spans/0/4", bytes("one")), atMs: Date.UTC(2026, 0, 6) - 1 };
    for (let i = 0; i < 3; i++) await writeDeadLetters(database.storage, [midnight], "chunk");
    expect((await letters("otlp_spans/0/4")).map(({ Body }) => Body)).toEqual(["one"]);
  });

  it("have a message with key, headers and the whole body", () => {
    const body = bytes("{");
    expect(messageOf(letter("otlp-spans/0/17", body))).toEqual({
      key: "otlp-spans-0-17",
      value: Buffer.from(body),
      headers: {
        reason: "truncated",
        detail: "it ends in a field",
        "origin.topic": "otlp-spans",
        "origin.partition": "0",
        "origin.offset": "17",
        signal: "traces",
        encoding: "json",
      },
    });
  });
});
