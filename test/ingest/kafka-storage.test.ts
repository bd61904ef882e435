// From a real Kafka into the real ClickHouse, through the ingest role: rows in storage equal what was produced.
// Every codec and both encodings, poison in the middle, restarts of the role, storage killed and away for a while.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registerCodecs } from "../../ingest/kafka-codecs.ts";
import type { KafkaTopic } from "../../ingest/kafka-chunk.ts";
import { KAFKA_DEFAULTS } from "../../ingest/kafka-options.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { readRecording } from "../../service/recording.ts";
import { createStorage, type Storage } from "../../storage/client.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../../storage/embedded/server.ts";
import { migrate } from "../../storage/migrate.ts";
import { canRunKafka, type KafkaBroker, startKafka } from "../fixtures/kafka.ts";
import { type CallSpec, countRows, type Encoding, logsOf, metricsOf, tracesOf } from "../fixtures/kafka-otlp.ts";

const { CompressionTypes } = kafkajs;
const CODECS = ["None", "GZIP", "Snappy", "LZ4", "ZSTD"] as const;
const ENCODINGS: readonly Encoding[] = ["otlp_proto", "otlp_json"];
const START_UNIX_NS = BigInt(Date.UTC(2026, 0, 5, 10)) * 1_000_000n;
const RECORDING = join(process.env["FAULTLINE_DATA_DIR"] ?? "../shared/data", "mesh-lab/open-a.otlp.zst");

let traceCount = 0;

/** Calls that no other test makes. */
function makeCalls(count: number): CallSpec[] {
  return Array.from({ length: count }, () => {
    const number = ++traceCount;
    return {
      traceId: `7${number.toString(16).padStart(31, "0")}`,
      startUnixNs: START_UNIX_NS + BigInt(number) * 1_000_000n,
      durationNs: 20_000_000n,
    };
  });
}

async function until(what: string, check: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.skipIf(!canRunKafka())("Kafka into ClickHouse (needs Java 17 and Maven)", { timeout: 120_000 }, () => {
  let broker: KafkaBroker;
  let kafka: kafkajs.Kafka;
  let admin: kafkajs.Admin;
  let producer: kafkajs.Producer;
  let dataDir: string;
  let server: EmbeddedServer;
  let storage: Storage;
  let topicCount = 0;

  beforeAll(async () => {
    registerCodecs();
    dataDir = mkdtempSync(join(tmpdir(), "faultline-kafka-storage-"));
    [broker, server] = await Promise.all([
      startKafka(),
      startEmbeddedServer({ dataDir, maxMemoryBytes: 1.5 * 1024 ** 3 }),
    ]);
    storage = createStorage({ url: server.url, user: server.user, password: server.password, database: "faultline" });
    await migrate(storage);
    kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
    admin = kafka.admin();
    producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await admin.connect();
    await producer.connect();
  }, 400_000);
  afterAll(async () => {
    await producer?.disconnect();
    await admin?.disconnect();
    await storage?.close();
    await server?.stop();
    await broker?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }, 60_000);

  /** Makes topics of these kinds with two partitions each, and starts the ingest role on them. */
  async function makeTopics(kinds: readonly KafkaTopic[]): Promise<{
    names: string[];
    start(): Promise<{ stop(): Promise<void> }>;
    committedAll: () => Promise<boolean>;
  }> {
    const names = kinds.map(() => `otlp-${++topicCount}`);
    await admin.createTopics({
      topics: names.map((topic) => ({ topic, numPartitions: 2 })),
      waitForLeaders: true,
    });
    const groupId = `group-${topicCount}`;
    const topics = Object.fromEntries(names.map((name, i) => [name, kinds[i]!]));
    const quick = { fetchMaxWaitMs: 100, retryMinMs: 20, retryMaxMs: 200, restartDelayMs: 100, chunkLingerMs: 50 };
    return {
      names,
      start: () =>
        startIngest({
          storage,
          options: {
            ...INGEST_DEFAULTS,
            httpPort: 0,
            grpcPort: 0,
            kafka: { ...KAFKA_DEFAULTS, ...quick, brokers: [broker.address], groupId, topics },
          },
        }),
      committedAll: async () => {
        for (const topic of names) {
          const ends = await admin.fetchTopicOffsets(topic);
          // A fresh group has no coordinator for a moment.
          const [found] = await admin.fetchOffsets({ groupId, topics: [topic] }).catch(() => []);
          const committed = new Map(found?.partitions.map(({ partition, offset }) => [partition, offset]));
          if (ends.some(({ partition, high }) => high !== "0" && committed.get(partition) !== high)) return false;
        }
        return true;
      },
    };
  }

  async function send(topic: string, bodies: readonly Uint8Array[], partition = 0, compression = 0): Promise<void> {
    await producer.send({
      topic,
      compression,
      messages: bodies.map((body) => ({ partition, value: Buffer.from(body) })),
    });
  }

  async function read<Row>(query: string): Promise<Row[]> {
    const result = await storage.client.query({ query, format: "JSONEachRow" });
    return await result.json<Row>();
  }

  /** How often each span of these calls is in storage: [distinct, all]. */
  async function countSpans(calls: readonly CallSpec[]): Promise<[number, number]> {
    const ids = calls.map(({ traceId }) => `'${traceId}'`).join(",");
    const [row] = await read<{ distinct: number; all: number }>(
      `SELECT uniqExact(TraceId, SpanId) AS distinct, count() AS all FROM spans WHERE TraceId IN (${ids})`,
    );
    return [row?.distinct ?? 0, row?.all ?? 0];
  }

  it("stores every span once, for all codecs and both encodings", async () => {
    const topics = await makeTopics(ENCODINGS.map((encoding) => ({ signal: "traces", encoding })));
    const sent: CallSpec[] = [];
    for (const [i, encoding] of ENCODINGS.entries()) {
      for (const [j, codec] of CODECS.entries()) {
        for (let message = 0; message < 10; message++) {
          const calls = makeCalls(20);
          sent.push(...calls);
          await send(topics.names[i]!, [tracesOf(calls, encoding)], (j + message) % 2, CompressionTypes[codec]);
        }
      }
    }
    const role = await topics.start();
    await until("all commits", topics.committedAll);
    await role.stop();
    expect(sent).toHaveLength(2_000);
    expect(await countSpans(sent)).toEqual([4_000, 4_000]);
    const [pair] = await read(
      `SELECT countIf(ServiceName = 'frontend' AND SpanKind = 'Client') AS clients, countIf(ServiceName = 'catalog' AND SpanKind = 'Server') AS servers,
        uniqExact(Duration) AS durations FROM spans WHERE TraceId IN (${sent.map(({ traceId }) => `'${traceId}'`).join(",")})`,
    );
    expect(pair).toEqual({ clients: 2_000, servers: 2_000, durations: 2 });
  });

  it("stores metrics and logs in both encodings", async () => {
    const topics = await makeTopics(
      ENCODINGS.flatMap((encoding) => [
        { signal: "metrics", encoding },
        { signal: "logs", encoding },
      ]),
    );
    for (const [i, encoding] of ENCODINGS.entries()) {
      await send(topics.names[2 * i]!, [metricsOf(`queue.${encoding}`, [1.5, 2.5, 4], START_UNIX_NS, encoding)]);
      await send(topics.names[2 * i + 1]!, [logsOf([`${encoding} one`, `${encoding} two`], START_UNIX_NS, encoding)]);
    }
    const role = await topics.start();
    await until("all commits", topics.committedAll);
    await role.stop();
    expect(
      await read(
        "SELECT MetricName, groupArray(Value) AS v FROM (SELECT * FROM metrics_numbers ORDER BY Timestamp) GROUP BY MetricName ORDER BY MetricName",
      ),
    ).toEqual([
      { MetricName: "queue.otlp_json", v: [1.5, 2.5, 4] },
      { MetricName: "queue.otlp_proto", v: [1.5, 2.5, 4] },
    ]);
    expect(await read("SELECT Body FROM logs ORDER BY Body")).toEqual(
      ["otlp_json one", "otlp_json two", "otlp_proto one", "otlp_proto two"].map((Body) => ({ Body })),
    );
  });

  it("sets poison aside with its origin and stores what is around it", async () => {
    const topics = await makeTopics(ENCODINGS.map((encoding) => ({ signal: "traces", encoding })));
    const calls = makeCalls(40);
    const poison = {
      otlp_proto: tracesOf(calls.slice(0, 3), "otlp_proto").subarray(0, 70),
      otlp_json: Buffer.from('{"resourceSpans":[{'),
    };
    for (const [i, encoding] of ENCODINGS.entries()) {
      const own = calls.slice(20 * i, 20 * i + 20).map((call) => tracesOf([call], encoding));
      await send(topics.names[i]!, [...own.slice(0, 10), poison[encoding], ...own.slice(10)]);
    }
    const role = await topics.start();
    await until("all commits", topics.committedAll);
    await role.stop();
    expect(await countSpans(calls)).toEqual([80, 80]);
    const letters = await read<{ Origin: string; Source: string; Reason: string }>(
      `SELECT Origin, Source, Reason FROM dead_letters WHERE Origin LIKE '${topics.names[0]!}/%' OR Origin LIKE '${topics.names[1]!}/%' ORDER BY Origin`,
    );
    expect(letters.map(({ Origin, Source }) => [Origin, Source])).toEqual(
      topics.names.map((name) => [`${name}/0/10`, "kafka"]),
    );
    expect(letters[1]?.Reason).toBe("json_syntax");
  });

  it("stores equal messages at two offsets as two", async () => {
    const topics = await makeTopics([{ signal: "traces", encoding: "otlp_proto" }]);
    const calls = makeCalls(3);
    const body = tracesOf(calls, "otlp_proto");
    await send(topics.names[0]!, [body, body]);
    const role = await topics.start();
    await until("all commits", topics.committedAll);
    await role.stop();
    expect(await countSpans(calls)).toEqual([6, 12]);
  });

  it("stores every span once over restarts of the role", async () => {
    const topics = await makeTopics([{ signal: "traces", encoding: "otlp_proto" }]);
    const sent: CallSpec[] = [];
    for (let round = 0; round < 3; round++) {
      const role = await topics.start();
      for (let message = 0; message < 20; message++) {
        const calls = makeCalls(5);
        sent.push(...calls);
        await send(topics.names[0]!, [tracesOf(calls, "otlp_proto")], message % 2);
      }
      // Stopped wherever it is: what is in flight is finished and committed, the rest is read by the next.
      await until("some spans", async () => (await countSpans(sent))[0] > 200 * round);
      await role.stop();
    }
    const role = await topics.start();
    await until("all commits", topics.committedAll);
    await role.stop();
    expect(await countSpans(sent)).toEqual([600, 600]);
  });

  it("waits while storage is away, commits nothing, and stores every span once when it is back", async () => {
    const topics = await makeTopics([{ signal: "traces", encoding: "otlp_proto" }]);
    const role = await topics.start();
    const before = makeCalls(10);
    await send(topics.names[0]!, [tracesOf(before, "otlp_proto")]);
    await until("the first commit", topics.committedAll);

    const port = Number(new URL(server.url).port);
    await server.stop();
    const during = makeCalls(50);
    for (const call of during) await send(topics.names[0]!, [tracesOf([call], "otlp_proto")]);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await topics.committedAll()).toBe(false);
    server = await startEmbeddedServer({ dataDir, port, maxMemoryBytes: 1.5 * 1024 ** 3 });

    await until("the commits after the outage", topics.committedAll);
    await role.stop();
    expect(await countSpans([...before, ...during])).toEqual([120, 120]);
    expect(await read(`SELECT count() AS n FROM dead_letters WHERE Origin LIKE '${topics.names[0]!}/%'`)).toEqual([
      { n: 0 },
    ]);
  });

  it("stores every span once while storage is killed again and again", async () => {
    const topics = await makeTopics([{ signal: "traces", encoding: "otlp_proto" }]);
    const role = await topics.start();
    const sent: CallSpec[] = [];
    for (let i = 0; i < 60; i++) {
      const calls = makeCalls(10);
      sent.push(...calls);
      await send(topics.names[0]!, [tracesOf(calls, "otlp_proto")], i % 2);
      const pid = server.pid();
      if (i % 20 === 10 && pid !== undefined) process.kill(pid, "SIGKILL");
    }
    await until("all commits", topics.committedAll);
    await role.stop();
    expect(await countSpans(sent)).toEqual([1_200, 1_200]);
  });

  it.skipIf(!existsSync(RECORDING))(
    "stores a real recording's spans, metrics and logs (needs the mesh recordings)",
    async () => {
      const topics = await makeTopics([
        { signal: "traces", encoding: "otlp_proto" },
        { signal: "metrics", encoding: "otlp_proto" },
        { signal: "logs", encoding: "otlp_proto" },
      ]);
      const SIGNALS = { T: "traces", M: "metrics", L: "logs" } as const;
      const [spansBefore] = await read<{ n: number }>("SELECT count() AS n FROM spans");
      const allLogs = "SELECT (SELECT count() FROM logs) + (SELECT count() FROM access_logs) AS n";
      const [logsBefore] = await read<{ n: number }>(allLogs);
      const bodies: Record<keyof typeof SIGNALS, Uint8Array[]> = { T: [], M: [], L: [] };
      for await (const frame of readRecording(RECORDING)) {
        if (bodies[frame.signal].length < 200) bodies[frame.signal].push(Uint8Array.from(frame.body));
        if (Object.values(bodies).every(({ length }) => length >= 200)) break;
      }
      const rows = { T: 0, M: 0, L: 0 };
      for (const [i, signal] of (["T", "M", "L"] as const).entries()) {
        rows[signal] = bodies[signal].reduce((sum, body) => sum + countRows(SIGNALS[signal], body), 0);
        for (let at = 0; at < bodies[signal].length; at += 20) {
          await send(topics.names[i]!, bodies[signal].slice(at, at + 20), (at / 20) % 2, CompressionTypes.ZSTD);
        }
      }
      const role = await topics.start();
      await until("all commits", topics.committedAll);
      await role.stop();
      const [spans] = await read<{ n: number }>("SELECT count() AS n FROM spans");
      const [logs] = await read<{ n: number }>(allLogs);
      const [metrics] = await read<{ n: number }>(
        "SELECT (SELECT count() FROM metrics_numbers) + (SELECT count() FROM metrics_distributions) AS n",
      );
      expect(rows.T).toBeGreaterThan(500);
      expect((spans?.n ?? 0) - (spansBefore?.n ?? 0)).toBe(rows.T);
      expect((logs?.n ?? 0) - (logsBefore?.n ?? 0)).toBe(rows.L);
      // A metric has one point at least.
      expect(metrics?.n ?? 0).toBeGreaterThanOrEqual(rows.M);
    },
  );
});
