// The processes of the big run: a real Kafka, the embedded ClickHouse, and members of one consumer group that come and go.
// In: sizes. Out: a world in which things can be killed, stopped and started, and which counts what happens in it.
// Bounds: everything on loopback in temp folders; `end` stops all of it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import kafkajs from "kafkajs";
import { registerCodecs } from "../../ingest/kafka-codecs.ts";
import type { KafkaOptions } from "../../ingest/kafka-options.ts";
import { createStorage, type Storage } from "../../storage/client.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../../storage/embedded/server.ts";
import { migrate } from "../../storage/migrate.ts";
import { type KafkaBroker, startKafka } from "../fixtures/kafka.ts";
import type { IngesterArgument } from "../fixtures/kafka-ingester.ts";
import { TOPICS } from "./kafka-traffic.ts";

const RUNNER = fileURLToPath(new URL("../fixtures/typescript-process.mjs", import.meta.url));
const INGESTER = fileURLToPath(new URL("../fixtures/kafka-ingester.ts", import.meta.url));
const START_TIMEOUT_MS = 60_000;

/** What a member is told besides where everything is. */
export const GROUP_OPTIONS: Partial<KafkaOptions> = {
  groupId: "members",
  topics: Object.fromEntries(Object.entries(TOPICS).map(([name, { partitions: _count, ...topic }]) => [name, topic])),
  chunkLingerMs: 20,
  fetchMaxWaitMs: 100,
  restartDelayMs: 200,
  retryMinMs: 50,
  retryMaxMs: 500,
  sessionTimeoutMs: 3_000,
};

/** A world that runs. */
export interface World {
  readonly broker: KafkaBroker;
  readonly server: EmbeddedServer;
  readonly producer: kafkajs.Producer;
  readonly admin: kafkajs.Admin;
  /** How often each event happened in any member: name and reason. */
  readonly events: Map<string, number>;
  openDatabase(name: string): Promise<Storage>;
  /** Starts a member and resolves when it runs. */
  startMember(database: Storage, more: Partial<KafkaOptions>): Promise<Member>;
  end(): Promise<void>;
}

/** One process of the group. */
export interface Member {
  kill(): Promise<void>;
  /** Asks it to stop in order. */
  leave(): Promise<void>;
  /** The most memory that it has held, bytes. */
  peakBytes(): number;
}

/** Starts Kafka and ClickHouse, and makes the topics. */
export async function startWorld(): Promise<World> {
  registerCodecs();
  const dataDir = mkdtempSync(join(tmpdir(), "faultline-chaos-"));
  const [broker, server] = await Promise.all([
    startKafka(),
    startEmbeddedServer({ dataDir, maxMemoryBytes: 2 * 1024 ** 3 }),
  ]);
  const kafka = new kafkajs.Kafka({
    brokers: [broker.address],
    logLevel: kafkajs.logLevel.NOTHING,
    // A request to a broker that was killed is never answered.
    requestTimeout: 5_000,
    retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await admin.connect();
  await producer.connect();
  await admin.createTopics({
    topics: Object.entries(TOPICS).map(([topic, { partitions }]) => ({ topic, numPartitions: partitions })),
    waitForLeaders: true,
  });
  const children = new Set<ChildProcess>();
  const databases: Storage[] = [];
  const events = new Map<string, number>();
  const connection = { url: server.url, user: server.user, password: server.password };

  async function startMember(database: Storage, more: Partial<KafkaOptions>): Promise<Member> {
    const argument: IngesterArgument = {
      storage: { ...connection, database: database.database },
      kafka: { ...GROUP_OPTIONS, brokers: [broker.address], ...more },
    };
    const child = spawn(process.execPath, [RUNNER, INGESTER, JSON.stringify(argument)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.add(child);
    const ended = new Promise<void>((resolve) => child.once("close", () => (children.delete(child), resolve())));
    const ready = new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (line === "ready") resolve();
        else events.set(line.trim(), (events.get(line.trim()) ?? 0) + 1);
      });
      child.once("exit", (code) => reject(new Error(`a member ended with ${code ?? "a signal"} before it ran`)));
    });
    ready.catch(() => {});
    const isLate = new AbortController();
    await Promise.race([
      ready,
      sleep(START_TIMEOUT_MS, undefined, { signal: isLate.signal }).then(() => {
        throw new Error("a member does not start");
      }),
    ]).finally(() => isLate.abort());
    const endBy = async (signal: NodeJS.Signals): Promise<void> => {
      child.kill(signal);
      await ended;
    };
    return { kill: () => endBy("SIGKILL"), leave: () => endBy("SIGTERM"), peakBytes: () => peakOf(child.pid) };
  }

  return {
    broker,
    server,
    producer,
    admin,
    events,
    async openDatabase(name) {
      const storage = createStorage({ ...connection, database: name });
      databases.push(storage);
      await migrate(storage);
      return storage;
    },
    startMember,
    async end() {
      for (const child of children) child.kill("SIGKILL");
      await producer.disconnect().catch(() => {});
      await admin.disconnect().catch(() => {});
      for (const storage of databases) await storage.close();
      await server.stop();
      await broker.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function peakOf(pid: number | undefined): number {
  if (pid === undefined || process.platform !== "linux") return 0;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}
