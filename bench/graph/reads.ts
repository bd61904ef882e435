// What it costs to read the graph of a large mesh: 1,000 services and 5,000 edges, a quarter of an hour and a day.
// In: how many edges and rounds. Out: CPU of the engine, wall time of one and of eight readers, bytes a row, CPU of the API's part.
// Bounds: rows are written as the roll-ups write them; one source, 16 calls an edge and minute; the engine is this benchmark's own.
import { askGraph } from "../../api/graph-query.ts";
import type { Storage } from "../../storage/client.ts";
import { type GraphRequest, readGraphEdges } from "../../storage/graph-reads.ts";
import { median } from "../ingest/median.ts";
import { cpuOf, type MeasuredEngine, startMeasuredEngine } from "./engine.ts";
import { fillReadTables } from "./read-tables.ts";

/** How much to measure. */
export interface ReadPlan {
  readonly edges: number;
  readonly rounds: number;
}

/** One way of reading; CPU in seconds, wall time in milliseconds, one reader and eight at once. */
export interface ReadCost {
  readonly cpuSeconds: number;
  readonly p95Ms: number;
  readonly p95OfEightMs: number;
}

/** All ways, and what lies in storage. */
export interface ReadResult {
  readonly histograms: ReadCost;
  readonly counts: ReadCost;
  readonly day: ReadCost;
  readonly bytesARow: number;
  readonly bytesAHistogram: number;
  /** CPU of the answer to a question: the engine's, and this process's. */
  readonly answerEngineSeconds: number;
  readonly answerOwnSeconds: number;
}

const TENANT = "default";
const MINUTE = 60;
const HOUR = 3600;
const DAY_FROM = Date.UTC(2026, 0, 5) / 1_000;
const NOW = DAY_FROM + 24 * HOUR;
const QUARTER = { fromSeconds: NOW - 15 * MINUTE, toSeconds: NOW } as const;
const READERS = 8;
// The 95th percentile of a few reads is the slowest of them.
const TIMED_A_ROUND = 3;

/** Measures all reads. */
export async function measureReads(plan: ReadPlan, tell: (line: string) => void): Promise<ReadResult> {
  const engine = await startMeasuredEngine("stopped");
  try {
    await fillReadTables(engine, plan.edges, { from: DAY_FROM, to: NOW });
    tell(`graph: ${plan.edges} edges over a day are stored`);
    const request: GraphRequest = {
      tenant: TENANT,
      range: QUARTER,
      detail: "SERVICE",
      limit: plan.edges + 1,
      histograms: true,
      knownAtMs: null,
      mergeClusters: false,
    };
    const histograms = await measureRead(engine, plan, request);
    const counts = await measureRead(engine, plan, { ...request, histograms: false });
    const range = { fromSeconds: DAY_FROM, toSeconds: NOW };
    const day = await measureRead(engine, plan, { ...request, range });
    const answer = await measureAnswer(engine, plan);
    const [stored] = await engine.ask<{ row: number; histogram: number }>(`
      SELECT sum(data_compressed_bytes) / sum(rows) AS row,
        (SELECT sum(column_data_compressed_bytes) FROM system.parts_columns WHERE active AND database = currentDatabase() AND table = 'edge_minutes'
          AND column IN ('CallerHist', 'CalleeHist')) / sum(rows) / 2 AS histogram
      FROM system.parts WHERE active AND database = currentDatabase() AND table = 'edge_minutes'`);
    return {
      histograms,
      counts,
      day,
      bytesARow: stored?.row ?? Number.NaN,
      bytesAHistogram: stored?.histogram ?? Number.NaN,
      ...answer,
    };
  } finally {
    await engine.stop();
  }
}

async function measureRead(
  engine: MeasuredEngine,
  { edges, rounds }: ReadPlan,
  request: GraphRequest,
): Promise<ReadCost> {
  const timed = async (storage: Storage): Promise<number> => {
    const since = performance.now();
    const rows = await readGraphEdges(storage, request);
    if (rows.length !== edges) throw new Error(`${rows.length} of ${edges} edges were read`);
    return performance.now() - since;
  };
  await timed(engine.storage);
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { statements } = await engine.measure(timed);
    cpus.push(cpuOf(statements));
    for (let i = 0; i < TIMED_A_ROUND; i++) walls.push(await timed(engine.storage));
  }
  const crowded: number[] = [];
  for (let round = 0; round < Math.ceil(rounds / READERS) + 1; round++) {
    const together = await Promise.all(Array.from({ length: READERS }, () => timed(engine.storage)));
    crowded.push(...together);
  }
  return { cpuSeconds: median(cpus), p95Ms: p95(walls), p95OfEightMs: p95(crowded) };
}

/** What a question to the API costs, beside its encoding as JSON. */
async function measureAnswer(
  engine: MeasuredEngine,
  { edges, rounds }: ReadPlan,
): Promise<Pick<ReadResult, "answerEngineSeconds" | "answerOwnSeconds">> {
  const range = { from: new Date(QUARTER.fromSeconds * 1_000).toISOString(), to: new Date(NOW * 1_000).toISOString() };
  const question = {
    tenant: TENANT,
    range,
    level: "SERVICE",
    filter: null,
    knownAt: null,
    mergeClusters: false,
    histograms: true,
    reasons: false,
    skew: false,
    maxNodes: 20_000,
    maxEdges: edges,
    nowSeconds: NOW,
  } as const;
  const own: number[] = [];
  const engines: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { result, statements } = await engine.measure(async (storage) => {
      const before = process.cpuUsage();
      await askGraph(storage, question);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1e6;
    });
    if (round === 0) continue;
    own.push(result);
    engines.push(cpuOf(statements));
  }
  return { answerEngineSeconds: median(engines), answerOwnSeconds: median(own) };
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.95) - 1)] ?? Number.NaN;
}
