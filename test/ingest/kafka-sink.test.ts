// Where Kafka chunks go: dead letters on the real ClickHouse, blocks and tokens that a replay repeats, parts that storage refuses.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KafkaChunk, KafkaTopic } from "../../ingest/kafka-chunk.ts";
import type { ChunkIntent } from "../../ingest/kafka-intent.ts";
import { buryLetter, MAX_LETTER_BODY_BYTES } from "../../ingest/kafka-letters.ts";
import { createKafkaSink } from "../../ingest/kafka-sink.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { LogBlock } from "../../ingest/otlp/logs.ts";
import { MetricBlock } from "../../ingest/otlp/metrics.ts";
import { TraceBlock } from "../../ingest/otlp/traces.ts";
import type { Storage } from "../../storage/client.ts";
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
  const makeBlock = {
    traces: (memory: ConstructorParameters<typeof TraceBlock>[2]) => new TraceBlock("default", DECODE_LIMITS, memory),
    logs: (memory: ConstructorParameters<typeof LogBlock>[2]) => new LogBlock("default", DECODE_LIMITS, memory),
    metrics: (memory: ConstructorParameters<typeof MetricBlock>[2]) =>
      new MetricBlock("default", DECODE_LIMITS, memory),
  };
  const takeChanges = async (payload: Uint8Array): Promise<void> => void changes.push(payload);
  return { inserts, letters, changes, sink: createKafkaSink({ storage, tenant: "default", makeBlock, takeChanges }) };
}

describe("chunks", () => {
  it("are stored under tokens of their bounds, and byte for byte the same again by another process", async () => {
    const values = [call(1), call(2), call(1)];
    const [first, second] = [makeSink(), makeSink()];
    expect(await first.sink.store(chunk(values))).toEqual({ ok: true });
    await second.sink.store(chunk([call(9)]));
    second.inserts.length = 0;
    await second.sink.store(chunk(values));
    expect(first.inserts.map(({ token }) => token)).toEqual(["7:otlp_spans:3:10-12:spans:0"]);
    expect(second.inserts).toEqual(first.inserts);
  });

  it("end their blocks by their messages alone, each with a token of its own", async () => {
    const calls = (from: number): Uint8Array =>
      tracesOf(
        Array.from({ length: 5_000 }, (_, i) => ({
          traceId: `7${(from + i).toString(16).padStart(31, "0")}`,
          startUnixNs: BigInt(START_MS) * 1_000_000n,
          durationNs: 5_000_000n,
        })),
        "otlp_proto",
      );
    const values = [calls(1), calls(10_001), calls(20_001)];
    const { sink, inserts } = makeSink();
    await sink.store(chunk(values));
    await sink.store(chunk(values));
    const tokens = ["7:otlp_spans:3:10-12:spans:0", "7:otlp_spans:3:10-12:spans:1"];
    expect(inserts.map(({ token }) => token)).toEqual([...tokens, ...tokens]);
    const digests = inserts.map(({ digest }) => digest);
    expect(digests.slice(2)).toEqual(digests.slice(0, 2));
  });

  it("set aside what cannot be read, with its origin, and store the rest", async () => {
    const { sink, inserts, letters } = makeSink();
    const poison = call(2).subarray(0, 70);
    await sink.store(chunk([call(1), poison, null, call(3)]));
    expect(inserts).toHaveLength(1);
    expect(letters.map(({ Origin, Reason }) => `${Origin} ${Reason}`)).toEqual([
      "otlp_spans/3/12 tombstone",
      expect.stringMatching(/^otlp_spans\/3\/11 (truncated|overrun)$/),
    ]);
  });

  it("in JSON are read as JSON; a broken one is set aside", async () => {
    const { sink, inserts, letters } = makeSink();
    const topic: KafkaTopic = { signal: "logs", encoding: "otlp_json" };
    const good = logsOf(["one"], BigInt(START_MS) * 1_000_000n, "otlp_json");
    await sink.store(chunk([good, bytes('{"resourceLogs":[{')], { topic }));
    expect(inserts.map(({ table }) => table)).toEqual(["logs"]);
    expect(letters.map(({ Reason }) => Reason)).toEqual(["json_syntax"]);
  });

  it("of logs are searched for changes, all of them", async () => {
    const { sink, changes } = makeSink();
    const topic: KafkaTopic = { signal: "logs", encoding: "otlp_proto" };
    const values = ["one", "two"].map((text) => logsOf([text], BigInt(START_MS) * 1_000_000n, "otlp_proto"));
    await sink.store(chunk(values, { topic }));
    expect(changes).toEqual(values);
  });

  it("are left to be stored again while storage is away, and nothing is set aside", async () => {
    const outage = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const { sink, letters } = makeSink(() => {
      throw outage;
    });
    await expect(sink.store(chunk([call(1)]))).rejects.toBe(outage);
    expect(letters).toEqual([]);
  });

  it("that storage refuses are stored message by message, without the one that it refuses alone", async () => {
    const bad = Buffer.from(call(2));
    const mark = Buffer.from(`7${(2).toString(16).padStart(31, "0")}`);
    const { sink, inserts, letters } = makeSink((insert) => {
      if (insert.bytes.includes(mark)) throw new Error("a row is wrong");
    });
    const values = [call(1), bad, call(3)];
    expect(await sink.store(chunk(values))).toEqual({ ok: false, part: "spans:0" });
    expect([inserts, letters]).toEqual([[], []]);
    const intent = { ...INTENT, alone: ["spans:0"] };
    expect(await sink.store(chunk(values, { intent }))).toEqual({ ok: true });
    expect(inserts.map(({ token }) => token)).toEqual([
      "7:otlp_spans:3:10-12:spans:0:10",
      "7:otlp_spans:3:10-12:spans:0:12",
    ]);
    expect(letters.map(({ Origin, Reason }) => `${Origin} ${Reason}`)).toEqual(["otlp_spans/3/11 storage"]);
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

  async function bury(origin: string, body: Uint8Array): Promise<void> {
    const letter = { origin, reason: "truncated", detail: "it ends in a field", body };
    await buryLetter(database.storage, "default", letter);
  }

  async function letters(origin: string): Promise<Record<string, unknown>[]> {
    const result = await database.storage.client.query({
      query:
        "SELECT Tenant, Source, Reason, Detail, Body FROM dead_letters WHERE Origin = {origin:String} ORDER BY Body",
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
      },
    ]);
  });

  it("keeps bytes in base64 and says so", async () => {
    const body = Uint8Array.from([0xff, 0x00, 0xfe]);
    await bury("otlp_spans/0/2", body);
    const [letter] = await letters("otlp_spans/0/2");
    expect(letter?.["Detail"]).toBe("it ends in a field; body in base64");
    expect(Buffer.from(String(letter?.["Body"]), "base64")).toEqual(Buffer.from(body));
  });

  it("cuts a body at its limit and says how long it was", async () => {
    await bury("otlp_spans/0/3", bytes("x".repeat(MAX_LETTER_BODY_BYTES + 5)));
    const [letter] = await letters("otlp_spans/0/3");
    expect(String(letter?.["Body"])).toHaveLength(MAX_LETTER_BODY_BYTES);
    expect(letter?.["Detail"]).toBe(`it ends in a field; cut from ${MAX_LETTER_BODY_BYTES + 5} bytes`);
  });

  it("stores a message that is read again once, and another one at the same origin as well", async () => {
    for (const text of ["one", "one", "two", "one"]) await bury("otlp_spans/0/4", bytes(text));
    expect((await letters("otlp_spans/0/4")).map(({ Body }) => Body)).toEqual(["one", "two"]);
  });
});
