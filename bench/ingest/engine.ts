// The ClickHouse that the benchmark inserts into: an embedded server of its own, with the product's tables and views.
// In: nothing. Out: its connection, its CPU time, empty tables.
// Bounds: a temporary folder; merges are stopped, so that what a round costs is its inserts and their views and nothing left over from the
// round before. CPU from /proc (10 ms steps), so it is known on Linux only.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, type Storage, type StorageOptions } from "../../storage/client.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import { migrate } from "../../storage/migrate.ts";

/** A running engine. */
export interface Engine {
  readonly storage: Storage;
  readonly options: StorageOptions;
  /** CPU time so far, µs. */
  cpuUs(): number;
  /** Empties all tables that a span reaches. */
  empty(): Promise<void>;
  rows(): Promise<number>;
  stop(): Promise<void>;
}

const DATABASE = "bench";
const TICKS_PER_SECOND = 100;
const MEMORY_BYTES = 3 * 1024 ** 3;

/** Starts the engine and makes the tables. */
export async function startEngine(): Promise<Engine> {
  const dataDir = mkdtempSync(join(tmpdir(), "faultline-bench-"));
  const server = await startEmbeddedServer({ dataDir, maxMemoryBytes: MEMORY_BYTES });
  const options = { url: server.url, user: server.user, password: server.password, database: DATABASE };
  const storage = createStorage(options);
  await migrate(storage);
  await storage.client.command({ query: "SYSTEM STOP MERGES" });
  return {
    storage,
    options,
    cpuUs: () => cpuOf(server.pid()),
    async empty() {
      for (const table of await filledTables(storage)) {
        await storage.client.command({ query: `TRUNCATE TABLE ${table}` });
      }
    },
    async rows() {
      const result = await storage.client.query({ query: "SELECT count() AS n FROM spans", format: "JSONEachRow" });
      const [row] = await result.json<{ n: number }>();
      return row?.n ?? 0;
    },
    async stop() {
      await storage.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Tables that hold rows, but for the list of migrations. */
async function filledTables(storage: Storage): Promise<string[]> {
  const result = await storage.client.query({
    query: `SELECT name FROM system.tables
      WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND total_rows > 0 AND name != 'schema_migrations'`,
    format: "JSONEachRow",
  });
  return (await result.json<{ name: string }>()).map(({ name }) => name);
}

/** User and system time of a process and its threads, µs. */
export function cpuOf(pid: number | undefined): number {
  if (pid === undefined) throw new Error("the process is not running");
  // The name in parentheses may hold anything; the fields behind it are numbers.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}
