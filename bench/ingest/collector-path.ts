// The OpenTelemetry Collector beside us: its OTLP receiver and its clickhouseexporter take what our ingest role takes.
// In: a Collector's binary (with `otlp` receiver and `clickhouse` exporter) and a corpus. Out: CPU a span of both, and their ratio.
// Bounds: the same sender, the same engine, each into its own tables: ours with promoted columns and views, the Collector's as it makes
// them. It exports at once and without a queue, so that it too answers after the insert. CPU from /proc, so on Linux only.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuOf, type Engine, startEngine } from "./engine.ts";
import { type MeasuredProcess, startMeasured } from "./measured-process.ts";
import { median } from "./median.ts";
import { roleArguments } from "./storage-path.ts";

/** CPU in µs a span, memory in bytes; medians of rounds that took turns. */
export interface CollectorResult {
  readonly ownUs: number;
  readonly collectorUs: number;
  readonly ratio: number;
  readonly collectorEngineUs: number;
  readonly collectorPeakRssBytes: number;
}

const DATABASE = "collector";
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/** Measures both on one corpus; rejects when the binary does not serve. */
export async function measureCollector(binary: string, corpus: string, rounds: number): Promise<CollectorResult> {
  const engine = await startEngine();
  const running: MeasuredProcess[] = [];
  let collector: ChildProcess | null = null;
  try {
    const role = await startMeasured({ task: "service", args: roleArguments(engine) });
    running.push(role);
    const url = await role.said(/OTLP\/HTTP (http:[^\s,]+)/);
    const port = await freePort();
    collector = startCollector(binary, engine, port);
    await untilListening(collector, port);
    const { pid } = collector;
    const send = async (to: string): Promise<MeasuredProcess> => {
      const sender = await startMeasured({ task: "work", work: { kind: "send", corpus, url: to, connections: 8 } });
      running.push(sender);
      return sender;
    };
    const toUs = await send(url);
    const toCollector = await send(`http://127.0.0.1:${port}`);

    const own: number[] = [];
    const theirs: number[] = [];
    const theirEngine: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      await engine.empty();
      const before = (await role.ask("usage")).cpuUs;
      const { spans } = await toUs.ask("round");
      const ownUs = ((await role.ask("usage")).cpuUs - before) / spans;
      await engine.storage.client.command({ query: `TRUNCATE TABLE IF EXISTS ${DATABASE}.otel_traces` });
      const theirBefore = cpuOf(pid);
      const engineBefore = engine.cpuUs();
      const sent = await toCollector.ask("round");
      const theirUs = (cpuOf(pid) - theirBefore) / sent.spans;
      const rows = await countRows(engine);
      if (rows !== sent.spans) throw new Error(`${sent.spans} spans were sent and the Collector stored ${rows}`);
      // The first round compiles the code and opens the connections.
      if (round === 0) continue;
      own.push(ownUs);
      theirs.push(theirUs);
      theirEngine.push((engine.cpuUs() - engineBefore) / sent.spans);
    }
    return {
      ownUs: median(own),
      collectorUs: median(theirs),
      ratio: median(theirs.map((us, i) => us / (own[i] ?? Number.NaN))),
      collectorEngineUs: median(theirEngine),
      collectorPeakRssBytes: peakRssOf(pid),
    };
  } finally {
    collector?.kill("SIGKILL");
    await Promise.all(running.map((process) => process.stop()));
    await engine.stop();
  }
}

function startCollector(binary: string, { options }: Engine, port: number): ChildProcess {
  const configuration = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      clickhouse: {
        endpoint: options.url,
        username: options.user,
        password: options.password,
        database: DATABASE,
        create_schema: true,
        ttl: "0",
        timeout: "60s",
        compress: "lz4",
        sending_queue: { enabled: false },
        retry_on_failure: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: "none" }, logs: { level: "error" } },
      pipelines: { traces: { receivers: ["otlp"], exporters: ["clickhouse"] } },
    },
  };
  // JSON is YAML.
  return spawn(binary, ["--config", `yaml:${JSON.stringify(configuration)}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function countRows(engine: Engine): Promise<number> {
  const query = `SELECT count() AS n FROM ${DATABASE}.otel_traces`;
  const result = await engine.storage.client.query({ query, format: "JSONEachRow" });
  const [row] = await result.json<{ n: string | number }>();
  return Number(row?.n ?? 0);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilListening(process: ChildProcess, port: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_TIMEOUT_MS; waitedMs += POLL_MS) {
    if (process.exitCode !== null) throw new Error(`the Collector ended with ${process.exitCode}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return;
    await sleep(POLL_MS);
  }
  throw new Error("the Collector does not listen");
}

function peakRssOf(pid: number | undefined): number {
  const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid ?? "self"}/status`, "utf8"));
  return Number(found?.[1] ?? Number.NaN) * 1024;
}
