// Where Kafka messages go: dead letters on the real ClickHouse, and neighbours of a message that storage refuses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKafkaSink, MAX_LETTER_BODY_BYTES } from "../../ingest/kafka-sink.ts";
import { KAFKA_DEFAULTS } from "../../ingest/kafka.ts";
import type { Delivery, Receiver } from "../../ingest/receiver.ts";
import type { Storage } from "../../storage/client.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const SPANS = KAFKA_DEFAULTS.topics["otlp_spans"]!;
const STORED: Delivery = { ok: true, rows: 1, rejected: 0, rejectedReason: null, duplicate: false };
const REFUSED: Delivery = { ok: false, reason: "storage", detail: "storage refused the data", retryable: false };

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A receiver that stores in blocks of what is under way together, and whose storage refuses blocks with "bad" in them. */
function blockReceiver(): Receiver & { readonly stored: string[] } {
  const stored: string[] = [];
  let block: string[] = [];
  return {
    stored,
    async receive(_signal, _encoding, body) {
      const mine = block;
      mine.push(Buffer.from(body).toString());
      await new Promise((resolve) => setTimeout(resolve, 10));
      block = [];
      if (mine.includes("bad")) return REFUSED;
      stored.push(Buffer.from(body).toString());
      return STORED;
    },
  };
}

describe("deliveries", () => {
  it("stores the neighbours of a message that storage refuses", async () => {
    const receiver = blockReceiver();
    const sink = createKafkaSink({ receiver, storage: {} as Storage, tenant: "default" });
    const texts = ["a", "bad", "b", "c"];
    const deliveries = await Promise.all(texts.map((text) => sink.deliver(SPANS, bytes(text))));
    expect(deliveries.map(({ ok }) => ok)).toEqual([true, false, true, true]);
    expect(receiver.stored.toSorted()).toEqual(["a", "b", "c"]);
  });

  it.each([
    ["otlp_proto", "protobuf"],
    ["otlp_json", "json"],
  ] as const)("hands %s over as %s", async (encoding, wanted) => {
    const seen: string[] = [];
    const receiver: Receiver = { receive: async (signal, given) => (seen.push(`${signal} ${given}`), STORED) };
    await createKafkaSink({ receiver, storage: {} as Storage, tenant: "default" }).deliver(
      { signal: "logs", encoding },
      bytes(""),
    );
    expect(seen).toEqual([`logs ${wanted}`]);
  });

  it("makes a refusal of a decoder that throws, and leaves an outage to be retried", async () => {
    const failing = (error: Error): Receiver => ({ receive: () => Promise.reject(error) });
    const sinkOf = (receiver: Receiver) => createKafkaSink({ receiver, storage: {} as Storage, tenant: "default" });
    expect(await sinkOf(failing(new RangeError("offset"))).deliver(SPANS, bytes(""))).toMatchObject({
      ok: false,
      reason: "defect",
      retryable: false,
    });
    const outage = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    await expect(sinkOf(failing(outage)).deliver(SPANS, bytes(""))).rejects.toBe(outage);
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
    const sink = createKafkaSink({ receiver: blockReceiver(), storage: database.storage, tenant: "default" });
    await sink.bury({ origin, reason: "truncated", detail: "it ends in a field", body });
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
