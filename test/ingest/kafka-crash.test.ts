// Exactly once over crashes: a real Kafka, the real ClickHouse, and an ingest process that is killed at random moments.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIntent } from "../../ingest/kafka-intent.ts";
import { canRunKafka, type KafkaBroker, startKafka } from "../fixtures/kafka.ts";
import type { IngesterArgument } from "../fixtures/kafka-ingester.ts";
import { type CallSpec, tracesOf } from "../fixtures/kafka-otlp.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const RUNNER = fileURLToPath(new URL("../fixtures/typescript-process.mjs", import.meta.url));
const INGESTER = fileURLToPath(new URL("../fixtures/kafka-ingester.ts", import.meta.url));
const START_UNIX_NS = BigInt(Date.UTC(2026, 0, 5, 10)) * 1_000_000n;
const TOPIC = "otlp_spans";
const GROUP = "crashing";
const PARTITIONS = 4;
const KILLS = 5;
const MESSAGES = 240;

describe.skipIf(!canRunKafka())("Kafka over crashes (needs Java 17 and Maven)", { timeout: 180_000 }, () => {
  let broker: KafkaBroker;
  let database: TestStorage;
  let admin: kafkajs.Admin;
  let producer: kafkajs.Producer;
  let ingester: ChildProcess | null = null;

  beforeAll(async () => {
    [broker, database] = await Promise.all([startKafka(), startTestStorage()]);
    const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
    admin = kafka.admin();
    producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await admin.connect();
    await producer.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true });
  }, 400_000);
  afterAll(async () => {
    await kill();
    await producer?.disconnect();
    await admin?.disconnect();
    await database?.stop();
    await broker?.stop();
  }, 60_000);

  async function start(chunkMaxRecords: number): Promise<void> {
    const argument: IngesterArgument = {
      storage: { ...database.connection, database: database.storage.database },
      kafka: {
        brokers: [broker.address],
        groupId: GROUP,
        topics: { [TOPIC]: { signal: "traces", encoding: "otlp_proto" } },
        // Small chunks, so that a kill rarely meets an idle partition; the next process would cut others.
        chunkMaxRecords,
        chunkLingerMs: 10,
        fetchMaxWaitMs: 50,
        restartDelayMs: 100,
        sessionTimeoutMs: 1_500,
      },
    };
    const child = spawn(process.execPath, [RUNNER, INGESTER, JSON.stringify(argument)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    ingester = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`the ingest process ended with ${code ?? "a signal"}`)));
    });
  }

  async function kill(): Promise<void> {
    const child = ingester;
    ingester = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async function committed(): Promise<{ offset: string; metadata: string }[]> {
    const [found] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] }).catch(() => []);
    return (found?.partitions ?? []).map(({ offset, metadata }) => ({ offset, metadata: metadata ?? "" }));
  }

  async function until(what: string, check: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`waited for: ${what}`);
      await sleep(50);
    }
  }

  async function read(query: string): Promise<Record<string, unknown>[]> {
    const result = await database.storage.client.query({ query, format: "JSONEachRow" });
    return await result.json();
  }

  it("stores what was produced, none lost and none doubled, though its process is killed five times", async () => {
    const calls: CallSpec[] = [];
    const produce = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const number = calls.length;
        const call = {
          traceId: `7${number.toString(16).padStart(31, "0")}`,
          startUnixNs: START_UNIX_NS + BigInt(number) * 100_000_000n,
          durationNs: 10_000_000n + BigInt(number) * 10_000n,
        };
        calls.push(call);
        const value = Buffer.from(tracesOf([call], "otlp_proto"));
        await producer.send({ topic: TOPIC, messages: [{ partition: number % PARTITIONS, value }] });
      }
    };
    const progress = async (): Promise<number> =>
      (await committed()).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);

    let interrupted = 0;
    for (let round = 0; round < KILLS; round++) {
      const before = await progress();
      await produce(MESSAGES / KILLS);
      await start(2 + (round % 3));
      await until("progress", async () => (await progress()) > before);
      await sleep(Math.random() * 150);
      await kill();
      for (const { offset, metadata } of await committed()) {
        const intent = readIntent(BigInt(offset), metadata);
        if (intent.ok && intent.intent !== null) interrupted++;
      }
    }
    await start(7);
    await until("the rest", async () => {
      const all = await committed();
      return (await progress()) === MESSAGES && all.every(({ metadata }) => metadata === "");
    });
    await kill();

    // Else nothing was tried.
    expect(interrupted).toBeGreaterThan(0);
    expect(calls).toHaveLength(MESSAGES);
    const stored = await read(
      "SELECT TraceId, groupArray(toString(SpanKind)) AS kinds FROM spans GROUP BY TraceId ORDER BY TraceId",
    );
    expect(stored.map(({ TraceId, kinds }) => [TraceId, (kinds as string[]).toSorted()])).toEqual(
      calls.map(({ traceId }) => [traceId, ["Client", "Server"]]),
    );
    const sums = "count() AS spans, sum(Duration) AS ns";
    const [spans] = await read(`SELECT ${sums} FROM spans`);
    expect(spans).toEqual({
      spans: 2 * MESSAGES,
      ns: calls.reduce((sum, { durationNs }) => sum + Number(durationNs + durationNs - durationNs / 5n), 0),
    });
    expect(await read(`SELECT ${sums} FROM span_edges`)).toEqual([spans]);
    expect(await read("SELECT sum(RowCount) AS n FROM arrivals WHERE Signal = 'spans'")).toEqual([{ n: 2 * MESSAGES }]);
    expect(await read("SELECT count() AS n FROM dead_letters")).toEqual([{ n: 0 }]);
  });
});
