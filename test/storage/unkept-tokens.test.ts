// A kill -9 between the note of a token and the rows: the retry stores them after all, into the table and the view that miss them, and nothing twice.
// The moment is made by hand: the server is killed, the part that it had just put in place is removed.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createStorage, type Storage } from "../../storage/client.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../../storage/embedded/server.ts";

const WINDOW = "SETTINGS non_replicated_deduplication_window = 10000";
let dataDir: string;
let server: EmbeddedServer;
let storage: Storage;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "faultline-unkept-"));
  server = await startEmbeddedServer({ dataDir, maxMemoryBytes: 1024 ** 3 });
  const { url, user, password } = server;
  storage = createStorage({ url, user, password, database: "test" });
  await storage.ensureDatabase();
  for (const query of [
    `CREATE TABLE rows (Day UInt8, Key UInt64) ENGINE = MergeTree PARTITION BY Day ORDER BY Key ${WINDOW}`,
    `CREATE TABLE copies (Key UInt64) ENGINE = MergeTree ORDER BY Key ${WINDOW}`,
    "CREATE MATERIALIZED VIEW copies_view TO copies AS SELECT Key FROM rows",
  ]) {
    await storage.client.command({ query });
  }
}, 120_000);
afterAll(async () => {
  await storage?.close();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function read<Row>(query: string): Promise<Row[]> {
  const result = await storage.client.query({ query, format: "JSONEachRow" });
  return await result.json<Row>();
}

/** Kills the server, removes what `lost` names, and waits for the next start. */
async function killAndLose(lost: (tables: Record<string, string>) => string[]): Promise<void> {
  const found = await read<{ name: string; path: string }>(
    "SELECT name, data_paths[1] AS path FROM system.tables WHERE database = 'test' AND engine = 'MergeTree'",
  );
  const pid = server.pid();
  if (pid === undefined) throw new Error("the server does not run");
  // Stopped first: it must not come back before the part is gone.
  process.kill(pid, "SIGSTOP");
  const paths = lost(Object.fromEntries(found.map(({ name, path }) => [name, path])));
  expect(paths.length).toBeGreaterThan(0);
  for (const path of paths) rmSync(path, { recursive: true });
  process.kill(pid, "SIGKILL");
  while (server.pid() === undefined || server.pid() === pid || !(await storage.ping().catch(() => false)))
    await sleep(20);
}

const insert = (token: string, keys: readonly number[]): Promise<void> =>
  storage.insertRows(
    "rows",
    keys.map((Key) => ({ Day: Key % 2, Key })),
    token,
  );
const parts = (folder: string, pattern: RegExp): string[] =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));

it("a token without its rows does not keep them out", { timeout: 120_000 }, async () => {
  await insert("one", [1, 2]);
  await insert("two", [3, 4]);
  // Partition 1 of the second insert, and all that the view made of it.
  await killAndLose(({ rows = "", copies = "" }) => [
    ...parts(rows, /^1_4_4_0$|^1_3_3_0$/),
    ...parts(copies, /^all_2_2_0$/),
  ]);
  expect(await read("SELECT Key FROM rows ORDER BY Key")).toEqual([{ Key: 1 }, { Key: 2 }, { Key: 4 }]);
  for (const [token, keys] of [
    ["one", [1, 2]],
    ["two", [3, 4]],
    ["two", [3, 4]],
  ] as const) {
    await insert(token, keys);
  }
  const all = [{ Key: 1 }, { Key: 2 }, { Key: 3 }, { Key: 4 }];
  expect(await read("SELECT Key FROM rows ORDER BY Key")).toEqual(all);
  expect(await read("SELECT Key FROM copies ORDER BY Key")).toEqual(all);
});

it("tokens of rows that were merged are kept", { timeout: 120_000 }, async () => {
  await storage.client.command({ query: "TRUNCATE TABLE rows" });
  for (let i = 0; i < 6; i++) await insert(`merged ${i}`, [100 + 2 * i, 101 + 2 * i]);
  await storage.client.command({ query: "OPTIMIZE TABLE rows FINAL" });
  await insert("last", [200, 201]);
  await killAndLose(({ rows = "" }) => parts(rows, /^0_(\d+)_\1_0$/).slice(-1));
  for (let i = 0; i < 6; i++) await insert(`merged ${i}`, [100 + 2 * i, 101 + 2 * i]);
  await insert("last", [200, 201]);
  expect(await read("SELECT count() AS n, uniqExact(Key) AS keys FROM rows")).toEqual([{ n: 14, keys: 14 }]);
});
