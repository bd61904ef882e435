// The analyzer role: runs cycles until it is stopped, and localizes on demand.
// In: storage and options. Out: a handle with the cycle, the on-demand localization, and stop.
// Bounds: one cycle at a time, from start to start the interval; a cycle that fails is reported and tried again at the next interval, nothing is skipped.
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { ExplainDetection } from "../model/incident-check.ts";
import type { Localize } from "../model/localization.ts";
import { readArrivals } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { type CycleContext, type CycleResult, runCycle } from "./cycle.ts";
import { explainDetection } from "./explain.ts";
import { localizeOnDemand } from "./on-demand.ts";
import type { AnalyzerOptions } from "./options.ts";
import { bucketAt } from "./time.ts";

/** The pause after a cycle that took longer than the interval, as a share of it. */
const LEAST_PAUSE = 0.1;

/** A running analyzer. */
export interface Analyzer {
  readonly localize: Localize;
  readonly explainDetection: ExplainDetection;
  /** Runs a cycle now (after the one that is running); `complete` = the senders are done, take every bucket. Rejects when it fails. */
  runCycle(complete?: boolean): Promise<CycleResult>;
  stop(): Promise<void>;
}

/** What the role needs; `now` (unix ms) is given by tests. */
export interface AnalyzerInput {
  readonly storage: Storage;
  readonly options: AnalyzerOptions;
  readonly now?: () => number;
}

/** Starts the analyzer. */
export function startAnalyzer(input: AnalyzerInput): Promise<Analyzer> {
  const { storage, options } = input;
  const now = input.now ?? Date.now;
  const context: CycleContext = { storage, options, memories: new Map(), now };
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let ticking: Promise<void> = Promise.resolve();
  let arrived: ReadonlyMap<string, number> = new Map();
  let arrivedAt = now();

  const cycle = (complete: boolean): Promise<CycleResult> => {
    const next = running.then(() => runCycle(context, complete));
    running = next.catch(() => undefined);
    return next;
  };

  // When all senders fall silent no newer span will ever complete the last buckets; then the wall clock does.
  const isIdle = async (): Promise<boolean> => {
    const seconds = Math.floor(now() / 1000);
    const rows = await readArrivals(storage, bucketAt(seconds - options.lookBackSeconds), seconds);
    const keyOf = (row: (typeof rows)[number]) => `${row.bucket} ${row.tenant}`;
    // Bucket by bucket: a sum would also change when an old bucket leaves the window, and nobody would ever be idle.
    if (rows.some((row) => row.arrived > (arrived.get(keyOf(row)) ?? 0))) arrivedAt = now();
    arrived = new Map(rows.map((row) => [keyOf(row), row.arrived]));
    return now() - arrivedAt >= options.idleSeconds * 1000;
  };

  const tick = async (): Promise<void> => {
    try {
      const idle = await isIdle();
      if (!stopped) await cycle(idle);
    } catch (error) {
      emitEvent("analyzer.stage_failed", {}, reasonOf(error));
    }
  };

  const intervalMs = options.intervalSeconds * 1000;
  let timer: NodeJS.Timeout;
  const schedule = (afterMs: number) => {
    timer = setTimeout(() => {
      const startedMs = performance.now();
      ticking = tick();
      void ticking.then(() => {
        // From start to start, so that what arrives waits one interval at most; a pause is left where cycles take longer.
        const leftMs = intervalMs - (performance.now() - startedMs);
        if (!stopped) schedule(Math.max(leftMs, intervalMs * LEAST_PAUSE));
      });
    }, afterMs);
  };
  schedule(intervalMs);

  return Promise.resolve({
    localize: (request) => localizeOnDemand(storage, request, now()),
    explainDetection: (request) => explainDetection(storage, request, options),
    runCycle: (complete = false) => cycle(complete),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await ticking;
      await running;
    },
  });
}
