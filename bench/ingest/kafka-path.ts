// Kafka to ClickHouse: the ingest role consumes what a producer of another process writes to a real broker.
// In: a corpus file. Out: CPU a span of the role and of the engine, beside the engine alone; null where no broker can be run.
// Bounds: the broker of the tests (one KRaft node, from the source tree); both processes are told from the outside when all rows are stored.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import kafkajs from "kafkajs";
import { type Engine, startEngine } from "./engine.ts";
import { type MeasuredProcess, startMeasured } from "./measured-process.ts";
import { type PathResult, roleArguments, summary } from "./storage-path.ts";

const TOPIC = "otlp_spans";
const PARTITIONS = 4;
const POLL_MS = 100;
const ARRIVAL_TIMEOUT_MS = 120_000;
const BROKER_TIMEOUT_MS = 400_000;

interface Broker {
  readonly address: string;
  stop(): Promise<void>;
}

/** Measures the path on one corpus. */
export async function measureKafka(corpus: string, rounds: number): Promise<PathResult | null> {
  const broker = await startBroker();
  if (broker === null) return null;
  const running: MeasuredProcess[] = [];
  const engine = await startEngine();
  try {
    await createTopic(broker.address);
    const storage = engine.options;
    const floor = await startMeasured({ task: "work", work: { kind: "engine-only", corpus, storage } });
    running.push(floor);
    const role = await startMeasured({
      task: "service",
      args: [...roleArguments(engine), `--kafka.brokers=${broker.address}`],
    });
    running.push(role);
    await role.said(/(OTLP\/HTTP)/);
    const brokers = [broker.address];
    const producer = await startMeasured({ task: "work", work: { kind: "produce", corpus, brokers, topic: TOPIC } });
    running.push(producer);

    const costs: Cost[] = [];
    const floors: Cost[] = [];
    for (let round = 0; round <= rounds; round++) {
      const alone = await measureRound(engine, floor, floor);
      const consumed = await measureRound(engine, producer, role);
      // The first round joins the group and compiles the code.
      if (round === 0) continue;
      floors.push(alone);
      costs.push(consumed);
    }
    const { peakRssBytes } = await role.ask("usage");
    await engine.empty();
    await role.ask("heap-start");
    const { spans } = await producer.ask("round");
    await untilStored(engine, spans);
    const { heapBytes } = await role.ask("heap-stop");
    return { ...summary(costs, floors), heapBytes: heapBytes / spans, peakRssBytes };
  } finally {
    await Promise.all(running.map((process) => process.stop()));
    await engine.stop();
    await broker.stop();
  }
}

interface Cost {
  readonly ownUs: number;
  readonly engineUs: number;
}

async function measureRound(engine: Engine, asked: MeasuredProcess, measured: MeasuredProcess): Promise<Cost> {
  await engine.empty();
  const before = (await measured.ask("usage")).cpuUs;
  const engineBefore = engine.cpuUs();
  const { spans } = await asked.ask("round");
  await untilStored(engine, spans);
  const engineUs = engine.cpuUs() - engineBefore;
  const ownUs = (await measured.ask("usage")).cpuUs - before;
  return { ownUs: ownUs / spans, engineUs: engineUs / spans };
}

/** Waits for exactly so many rows. */
async function untilStored(engine: Engine, spans: number): Promise<void> {
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
  for (;;) {
    const rows = await engine.rows();
    if (rows === spans) return;
    if (rows > spans || performance.now() > deadline)
      throw new Error(`${spans} spans were sent and ${rows} are stored`);
    await sleep(POLL_MS);
  }
}

async function createTopic(address: string): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
}

/** The broker of the tests; null without Java and Maven, or outside of the source tree. */
async function startBroker(): Promise<Broker | null> {
  const root = sourceRoot();
  if (root === null) return null;
  const fixtures = join(root, "test", "fixtures");
  const child = spawn(
    process.execPath,
    [join(fixtures, "typescript-process.mjs"), join(fixtures, "kafka-broker.ts"), "null"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await gone;
  };
  let said = "";
  const abort = new AbortController();
  const line = await Promise.race([
    new Promise<string>((resolve) => {
      child.stdout.on("data", (text: Buffer) => {
        said += text.toString();
        if (said.includes("\n")) resolve(said.trim());
      });
    }),
    gone.then(() => "none"),
    sleep(BROKER_TIMEOUT_MS, "none", { signal: abort.signal }).catch(() => "none"),
  ]);
  abort.abort();
  const address = /^broker (\S+)$/.exec(line)?.[1];
  if (address !== undefined) return { address, stop };
  await stop();
  return null;
}

/** The folder with package.json above this file, whether it runs from the sources or from the build. */
function sourceRoot(): string | null {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    if (dirname(folder) === folder) return null;
    folder = dirname(folder);
  }
  return existsSync(join(folder, "test", "fixtures", "kafka-broker.ts")) ? folder : null;
}
