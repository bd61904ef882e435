// From payloads to rows in ClickHouse: directly, through the whole ingest role by HTTP, and the engine's share alone.
// In: a corpus file. Out: CPU a span of each side, ratios, heap and the peak of memory.
// Compared is (our process's CPU + the engine's CPU) / the engine's CPU when it gets the same rows as ready-made Native blocks, into the same
// tables with the same views, over the same HTTP; our process is the one that decodes, encodes and sends. The sender is another process
// and counts for nothing. Bounds: works take turns in each round, tables are emptied between them, a ratio is that of one round.
import { type Engine, startEngine } from "./engine.ts";
import { type MeasuredProcess, startMeasured } from "./measured-process.ts";
import { median } from "./median.ts";

/** CPU in µs a span, heap in bytes a span, memory in bytes; medians of rounds. */
export interface PathResult {
  readonly ownUs: number;
  readonly engineUs: number;
  readonly ratio: number;
  readonly heapBytes: number | null;
  readonly peakRssBytes: number;
}

/** What all paths cost beside the engine alone. */
export interface StorageResult {
  readonly engineOnlyUs: number;
  readonly insert: PathResult;
  readonly naiveInsert: PathResult;
  readonly http: PathResult;
}

interface Cost {
  readonly ownUs: number;
  readonly engineUs: number;
}

const CONNECTIONS = 8;
/** The naive path has no bound to keep, and costs more than all others together. */
const NAIVE_ROUNDS = 2;

/** Measures the paths on one corpus. */
export async function measureStoragePaths(corpus: string, rounds: number): Promise<StorageResult> {
  const engine = await startEngine();
  const running: MeasuredProcess[] = [];
  const start = async (...task: Parameters<typeof startMeasured>): Promise<MeasuredProcess> => {
    const process = await startMeasured(...task);
    running.push(process);
    return process;
  };
  try {
    const storage = engine.options;
    const floor = await start({ task: "work", work: { kind: "engine-only", corpus, storage } });
    const insert = await start({ task: "work", work: { kind: "insert", corpus, storage } });
    const naive = await start({ task: "work", work: { kind: "naive-insert", corpus, storage } });
    const role = await start({ task: "service", args: roleArguments(engine) });
    const url = await role.said(/OTLP\/HTTP (http:[^\s,]+)/);
    const sender = await start({ task: "work", work: { kind: "send", corpus, url, connections: CONNECTIONS } });

    const costs = { floor: [] as Cost[], insert: [] as Cost[], http: [] as Cost[], naive: [] as Cost[] };
    const turns = [
      { costs: costs.floor, asked: floor, measured: floor, rounds },
      { costs: costs.insert, asked: insert, measured: insert, rounds },
      { costs: costs.http, asked: sender, measured: role, rounds },
      { costs: costs.naive, asked: naive, measured: naive, rounds: NAIVE_ROUNDS },
    ];
    for (let round = 0; round <= rounds; round++) {
      // Whoever comes first in a round is another one each time: what the round before left behind meets all alike.
      for (let turn = 0; turn < turns.length; turn++) {
        const work = turns[(turn + round) % turns.length];
        if (work === undefined || round > work.rounds) continue;
        const cost = await measure(engine, work.asked, work.measured);
        // The first round compiles the code and opens the connections.
        if (round > 0) work.costs.push(cost);
      }
    }
    const path = async (
      of: readonly Cost[],
      asked: MeasuredProcess,
      measured: MeasuredProcess,
    ): Promise<PathResult> => {
      const peakRssBytes = (await measured.ask("usage")).peakRssBytes;
      return { ...summary(of, costs.floor), heapBytes: await heapPerSpan(engine, asked, measured), peakRssBytes };
    };
    return {
      engineOnlyUs: median(costs.floor.map(({ engineUs }) => engineUs)),
      insert: await path(costs.insert, insert, insert),
      naiveInsert: await path(costs.naive, naive, naive),
      http: await path(costs.http, sender, role),
    };
  } finally {
    await Promise.all(running.map((process) => process.stop()));
    await engine.stop();
  }
}

/** The command line of an ingest role on free ports; the engine has its tables already. */
export function roleArguments(engine: Engine): string[] {
  const { url, user, password, database } = engine.options;
  return [
    "serve",
    "--roles=ingest",
    "--ingest.httpPort=0",
    "--ingest.grpcPort=0",
    `--storage.url=${url}`,
    `--storage.user=${user}`,
    `--storage.password=${password}`,
    `--storage.database=${database}`,
  ];
}

/** One round of `asked`: what it cost `measured` and the engine; every span must have arrived. */
async function measure(engine: Engine, asked: MeasuredProcess, measured: MeasuredProcess): Promise<Cost> {
  await engine.empty();
  const before = (await measured.ask("usage")).cpuUs;
  const engineBefore = engine.cpuUs();
  const { spans } = await asked.ask("round");
  const engineUs = engine.cpuUs() - engineBefore;
  const ownUs = (await measured.ask("usage")).cpuUs - before;
  const rows = await engine.rows();
  if (Number(rows) !== spans) throw new Error(`${spans} spans were sent and ${rows} are stored`);
  return { ownUs: ownUs / spans, engineUs: engineUs / spans };
}

/** Medians of a path's rounds, each beside the engine alone in the same round. */
export function summary(path: readonly Cost[], floor: readonly Cost[]): Omit<PathResult, "heapBytes" | "peakRssBytes"> {
  const ratios = path.map(({ ownUs, engineUs }, i) => (ownUs + engineUs) / (floor[i]?.engineUs ?? Number.NaN));
  return {
    ownUs: median(path.map(({ ownUs }) => ownUs)),
    engineUs: median(path.map(({ engineUs }) => engineUs)),
    ratio: median(ratios),
  };
}

/** A round more, with the heap profiler on. */
async function heapPerSpan(engine: Engine, asked: MeasuredProcess, measured: MeasuredProcess): Promise<number> {
  await engine.empty();
  await measured.ask("heap-start");
  const { spans } = await asked.ask("round");
  const { heapBytes } = await measured.ask("heap-stop");
  return heapBytes / spans;
}
