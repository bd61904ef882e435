// A ClickHouse that tells what each statement cost: an embedded server of its own that keeps system.query_log.
// In: work on storage. Out: its answer, and CPU time and peak memory of every statement that it ran.
// Bounds: a temporary folder; nobody else uses it, so what is logged during a work is that work's. Merges may be stopped, so that a
// round costs nothing but its statements; then no lightweight DELETE may run (roll-ups of hours), as it waits for a merge.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, type Storage } from "../../storage/client.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import { migrate } from "../../storage/migrate.ts";

/** One statement as it ran; `name` is its file in storage/queries, '' where it was not run by name. */
export interface Statement {
  readonly name: string;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** A running engine. */
export interface MeasuredEngine {
  readonly storage: Storage;
  /** Runs the work and tells what its statements cost. */
  measure<Result>(work: (storage: Storage) => Promise<Result>): Promise<{
    readonly result: Result;
    readonly statements: readonly Statement[];
  }>;
  /** Runs a statement that is written here. */
  run(query: string): Promise<void>;
  /** Rows of a statement that is written here. */
  ask<Row>(query: string): Promise<Row[]>;
  stop(): Promise<void>;
}

const MEMORY_BYTES = 3 * 1024 ** 3;
const REQUEST_TIMEOUT_MS = 600_000;

/** Starts the engine and makes the tables; `merges` are stopped until they are asked for, or run as they do for users. */
export async function startMeasuredEngine(merges: "stopped" | "running"): Promise<MeasuredEngine> {
  const dataDir = mkdtempSync(join(tmpdir(), "faultline-bench-graph-"));
  const server = await startEmbeddedServer({ dataDir, maxMemoryBytes: MEMORY_BYTES, keepsQueryLog: true });
  const { url, user, password } = server;
  const storage = createStorage({ url, user, password, database: "bench", requestTimeoutMs: REQUEST_TIMEOUT_MS });
  await migrate(storage);
  const run = async (query: string): Promise<void> => {
    await storage.client.command({ query, clickhouse_settings: { wait_end_of_query: 1 } });
  };
  const ask = async <Row>(query: string): Promise<Row[]> =>
    (await storage.client.query({ query, format: "JSONEachRow" })).json<Row>();
  if (merges === "stopped") await run("SYSTEM STOP MERGES");

  return {
    storage,
    run,
    ask,
    async measure(work) {
      const [started] = await ask<{ at: string }>("SELECT toString(now64(6)) AS at");
      const result = await work(named(storage));
      await run("SYSTEM FLUSH LOGS");
      const statements = await ask<Statement>(`
        SELECT log_comment AS name, memory_usage AS peakBytes,
          (ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6 AS cpuSeconds
        FROM system.query_log
        WHERE type = 'QueryFinish' AND query_start_time_microseconds > '${started?.at ?? ""}' AND NOT startsWith(query, 'SYSTEM')
        ORDER BY event_time_microseconds`);
      if (statements.length === 0) throw new Error("the engine has logged nothing");
      return { result, statements };
    },
    async stop() {
      await storage.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The same storage, whose statements carry their names in the log. */
function named(storage: Storage): Storage {
  return {
    ...storage,
    query: (name, params, settings) => storage.query(name, params, { ...settings, log_comment: name }),
    command: (name, params, settings) => storage.command(name, params, { ...settings, log_comment: name }),
  };
}

/** CPU of the statements that match, seconds. */
export function cpuOf(statements: readonly Statement[], isMeant: (name: string) => boolean = () => true): number {
  return statements.reduce((sum, { name, cpuSeconds }) => sum + (isMeant(name) ? cpuSeconds : 0), 0);
}

/** The largest peak of the statements that match, bytes. */
export function peakOf(statements: readonly Statement[], isMeant: (name: string) => boolean = () => true): number {
  return Math.max(0, ...statements.map(({ name, peakBytes }) => (isMeant(name) ? peakBytes : 0)));
}
