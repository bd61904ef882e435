// What one cycle of the analyzer costs on a large mesh: ten more seconds have come, and everything that the role does with them.
// In: a day of the mesh in storage. Out: wall time, CPU of both processes and statements of each cycle.
// Bounds: one cycle each ten seconds of event time, seven seconds into a bucket, so that each finds one bucket complete and a part of the next;
//   the memory is as full as that of a process which has run for long.
import { type CycleContext, runCycle } from "../../analyzer/cycle.ts";
import { ANALYZER_DEFAULTS } from "../../analyzer/options.ts";
import { TenantMemory } from "../../analyzer/tenant.ts";
import { BUCKET_SECONDS, readEdgeBuckets, readServiceBuckets } from "../../storage/buckets.ts";
import type { Storage } from "../../storage/client.ts";
import type { MeasuredEngine, Statement } from "../graph/engine.ts";
import { MADE_TENANT, type MadeFault, type MeshPlan, storeResources, storeTraffic, type Stretch } from "./made-mesh.ts";

/** One cycle; times in seconds. */
export interface MeasuredCycle {
  readonly seconds: number;
  readonly ownCpu: number;
  readonly statements: readonly Statement[];
  /** True where an open incident was localized in it. */
  readonly hasLocalized: boolean;
}

/** An analyzer whose time passes in steps. */
export interface SteppedAnalyzer {
  /** Lets `buckets` times ten seconds pass (spans, log lines, figures of pods, and what `more` stores), and runs one cycle. */
  step(buckets: number, fault: MadeFault | null, more?: (came: Stretch) => Promise<void>): Promise<MeasuredCycle>;
  /** The end of the newest bucket that is analysed, unix seconds. */
  analyzedUntil(): number;
}

/** How far into a bucket a cycle begins. */
const PHASE_SECONDS = 7;
const PIECE_BUCKETS = 9;

/** Starts where the stored day ends, `now` in unix seconds. */
export async function startSteppedAnalyzer(
  engine: MeasuredEngine,
  plan: MeshPlan,
  now: number,
): Promise<SteppedAnalyzer> {
  const memory = await fullMemory(engine.storage, now);
  let clock = now + PHASE_SECONDS;
  await storeTraffic(engine, plan, { from: now, to: clock });
  const context: Omit<CycleContext, "storage"> = {
    options: ANALYZER_DEFAULTS,
    memories: new Map([[MADE_TENANT, memory]]),
    now: () => clock * 1000,
  };
  return {
    analyzedUntil: () => clock - PHASE_SECONDS,
    async step(buckets, fault, more) {
      const came = { from: clock, to: clock + buckets * BUCKET_SECONDS };
      await storeTraffic(engine, plan, came, fault);
      await storeResources(engine, plan, came);
      await more?.(came);
      clock = came.to;
      let [seconds, ownCpu] = [0, 0];
      const { result, statements } = await engine.measure(async (storage) => {
        const [started, cpu] = [performance.now(), process.cpuUsage()];
        const done = await runCycle({ ...context, storage });
        const spent = process.cpuUsage(cpu);
        [seconds, ownCpu] = [(performance.now() - started) / 1000, (spent.user + spent.system) / 1e6];
        return done;
      });
      if (result.buckets !== buckets)
        throw new Error(`a cycle analysed ${result.buckets} buckets instead of ${buckets}`);
      return {
        seconds,
        ownCpu,
        statements,
        hasLocalized: statements.some(({ name }) => name === "read_operation_counts"),
      };
    },
  };
}

/** The memory of a process that has analysed all buckets it keeps; a restart restores fewer of a large mesh. */
async function fullMemory(storage: Storage, now: number): Promise<TenantMemory> {
  const memory = new TenantMemory(MADE_TENANT, ANALYZER_DEFAULTS.historyBuckets);
  await memory.restore(storage, now, now, ANALYZER_DEFAULTS);
  const known = Math.min(...memory.history.buckets);
  const length = PIECE_BUCKETS * BUCKET_SECONDS;
  for (let from = now - ANALYZER_DEFAULTS.historyBuckets * BUCKET_SECONDS; from < known; from += length) {
    const to = Math.min(known, from + length);
    const [services, edges] = await Promise.all([
      readServiceBuckets(storage, MADE_TENANT, from, to),
      readEdgeBuckets(storage, MADE_TENANT, from, to),
    ]);
    memory.history.replace(from, to, services, edges);
  }
  return memory;
}
