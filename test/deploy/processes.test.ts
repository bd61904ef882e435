// The processes of docker-compose.yml without Docker: each role a process of its own, a real Kafka, a ClickHouse by URL.
// Spans go into Kafka as the Collector writes them, and come out of GraphQL as an edge of the graph. One process is killed on the way.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { KAFKA_DEFAULTS } from "../../ingest/kafka-options.ts";
import { canRunKafka, type KafkaBroker, startKafka } from "../fixtures/kafka.ts";
import { tracesOf } from "../fixtures/kafka-otlp.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CALLS = 240;
const SPACING_MS = 500;

interface ComposeService {
  readonly command: string[];
  readonly environment: Record<string, string>;
}

/** A role as docker-compose.yml starts it. */
function composeService(name: string): ComposeService {
  const compose = parse(readFileSync(join(ROOT, "docker-compose.yml"), "utf8"), { merge: true }) as {
    services: Record<string, ComposeService>;
  };
  return compose.services[name]!;
}

interface RoleProcess {
  readonly child: ChildProcess;
  /** Resolves with the line that a role prints when it answers. */
  readonly ready: Promise<string>;
  readonly ended: Promise<number | null>;
  readonly log: () => string;
}

describe.skipIf(!canRunKafka())(
  "roles as processes of their own (needs Java 17 and Maven)",
  { timeout: 180_000 },
  () => {
    let broker: KafkaBroker;
    let database: TestStorage;
    let workDir: string;
    const running = new Set<RoleProcess>();

    beforeAll(async () => {
      workDir = mkdtempSync(join(tmpdir(), "faultline-processes-"));
      const build = promisify(execFile)(process.execPath, ["bin/run.mjs", "build"], { cwd: ROOT, maxBuffer: 16 << 20 });
      [broker, database] = await Promise.all([startKafka(), startTestStorage({ migrate: false }), build]);
    }, 600_000);
    afterAll(async () => {
      for (const { child, ended } of running) {
        child.kill("SIGKILL");
        await ended;
      }
      await database?.stop();
      await broker?.stop();
      rmSync(workDir, { recursive: true, force: true });
    }, 60_000);

    function startRole(name: string): RoleProcess {
      const { command, environment } = composeService(name);
      // The addresses are this machine's; everything else is as in the file.
      const here: Record<string, string> = {
        FAULTLINE_STORAGE_URL: database.connection.url,
        FAULTLINE_STORAGE_USER: database.connection.user,
        FAULTLINE_STORAGE_PASSWORD: database.connection.password,
        FAULTLINE_STORAGE_DATABASE: database.storage.database,
        FAULTLINE_INGEST_HOST: "127.0.0.1",
        FAULTLINE_API_HOST: "127.0.0.1",
        FAULTLINE_KAFKA_BROKERS: broker.address,
      };
      const given = Object.keys(environment).map((key) => [key, here[key] ?? environment[key]]);
      const child = spawn(process.execPath, [join(ROOT, "bin/faultline.mjs"), ...command], {
        cwd: workDir,
        env: {
          PATH: process.env["PATH"],
          ...Object.fromEntries(given),
          FAULTLINE_INGEST_HTTP_PORT: "0",
          FAULTLINE_INGEST_GRPC_PORT: "0",
          FAULTLINE_API_PORT: "0",
        },
        stdio: ["ignore", "ignore", "pipe"],
      });
      let log = "";
      const role: RoleProcess = {
        child,
        log: () => log,
        ended: new Promise((resolve) => child.once("exit", (code) => (running.delete(role), resolve(code)))),
        ready: new Promise((resolve, reject) => {
          child.stderr?.on("data", (chunk: Buffer) => {
            log = (log + chunk.toString()).slice(-20_000);
            const line = /Faultline serves .*/.exec(log)?.[0];
            if (line !== undefined) resolve(line);
          });
          child.once("exit", (code) => reject(new Error(`${name} ended with ${code ?? "a signal"}:\n${log}`)));
        }),
      };
      role.ready.catch(() => {});
      running.add(role);
      return role;
    }

    async function edges(apiUrl: string, from: Date, to: Date): Promise<{ source: string; target: string }[]> {
      const response = await fetch(`${apiUrl}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          query:
            "query ($range: TimeRangeInput!) { serviceGraph(range: $range) { edges { source target requestsPerSecond } } }",
          variables: { range: { from: from.toISOString(), to: to.toISOString() } },
        }),
      });
      const answer = (await response.json()) as {
        data: { serviceGraph: { edges: { source: string; target: string }[] } } | null;
      };
      return answer.data?.serviceGraph.edges ?? [];
    }

    async function until(what: string, check: () => Promise<boolean>, timeoutMs = 90_000): Promise<void> {
      const deadline = Date.now() + timeoutMs;
      while (!(await check())) {
        if (Date.now() > deadline) {
          throw new Error(`waited ${timeoutMs} ms for: ${what}\n${[...running].map(({ log }) => log()).join("\n")}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }

    it("bring spans from Kafka into the graph, though the ingest is killed on the way", async () => {
      const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
      const admin = kafka.admin();
      await admin.connect();
      const topics = Object.keys(KAFKA_DEFAULTS.topics).map((topic) => ({ topic, numPartitions: 4 }));
      await admin.createTopics({ topics, waitForLeaders: true });

      // Three at once: migrations must bear it.
      const [first, analyzer, api] = [startRole("ingest"), startRole("analyzer"), startRole("api")];
      await Promise.all([first.ready, analyzer.ready, api.ready]);
      const apiUrl = /http:[^\s,]+/.exec(await api.ready)?.[0] ?? "";
      expect((await fetch(`${apiUrl}/readyz`)).status).toBe(200);

      const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      const to = new Date();
      const from = new Date(to.getTime() - CALLS * SPACING_MS);
      const send = async (numbers: readonly number[]): Promise<void> => {
        const messages = numbers.map((number) => ({
          partition: number % 4,
          value: Buffer.from(
            tracesOf(
              [
                {
                  traceId: `9${number.toString(16).padStart(31, "0")}`,
                  startUnixNs: BigInt(from.getTime() + number * SPACING_MS) * 1_000_000n,
                  durationNs: 20_000_000n,
                },
              ],
              "otlp_proto",
            ),
          ),
        }));
        await producer.send({ topic: "otlp_spans", compression: kafkajs.CompressionTypes.GZIP, messages });
      };
      const numbers = Array.from({ length: CALLS }, (_, i) => i);
      await send(numbers.slice(0, CALLS / 2));
      first.child.kill("SIGKILL");
      await first.ended;
      await send(numbers.slice(CALLS / 2));
      const second = startRole("ingest");
      await second.ready;

      const count = async (): Promise<{ spans: number; rows: number }> => {
        const result = await database.storage.client.query({
          query: "SELECT uniqExact(TraceId, SpanId) AS spans, count() AS rows FROM spans",
          format: "JSONEachRow",
        });
        const [row] = await result.json<{ spans: number; rows: number }>();
        return row ?? { spans: 0, rows: 0 };
      };
      await until("all spans", async () => (await count()).spans === 2 * CALLS);
      // What the killed process had stored and not yet committed is not there twice.
      expect((await count()).rows).toBe(2 * CALLS);

      await until("the edge in the graph", async () => {
        const found = await edges(apiUrl, from, to);
        return found.some(({ source, target }) => source.includes("frontend") && target.includes("catalog"));
      });

      for (const role of [second, analyzer, api]) {
        role.child.kill("SIGTERM");
        expect(await role.ended).toBe(0);
      }
      // An orderly stop has committed what it had stored.
      const [committed] = await admin.fetchOffsets({ groupId: KAFKA_DEFAULTS.groupId, topics: ["otlp_spans"] });
      const total = (committed?.partitions ?? []).reduce((sum, { offset }) => sum + Number(offset), 0);
      expect(total).toBe(CALLS);
      await producer.disconnect();
      await admin.disconnect();
    });
  },
);
