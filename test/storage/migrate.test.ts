// Migrations against a real server: once each, whoever starts when, resumed in the middle of a file, refused when edited.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createStorage } from "../../storage/client.ts";
import { migrate } from "../../storage/migrate.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";
import type { MigratingOrder } from "./migrating-process.ts";

let keeper: TestStorage; // holds the file's server
const folders: string[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  keeper = await startTestStorage({ migrate: false });
});
afterEach(() => {
  for (const child of processes.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  await keeper.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderOf(files: Record<string, string>): { url: URL; path: string; write(name: string, text: string): void } {
  const path = `${mkdtempSync(join(tmpdir(), "faultline-migrations-"))}/`;
  folders.push(path);
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { url: pathToFileURL(path), path, write };
}

async function count(test: TestStorage, table: string): Promise<number> {
  const result = await test.storage.client.query({ query: `SELECT count() AS n FROM ${table}`, format: "JSONEachRow" });
  return (await result.json<{ n: number }>())[0]?.n ?? -1;
}

async function startProcess(order: MigratingOrder): Promise<{ child: ChildProcess; go(): Promise<string> }> {
  const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const child = spawn(
    process.execPath,
    [here("../fixtures/typescript-process.mjs"), here("migrating-process.ts"), JSON.stringify(order)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  processes.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe("ready");
  return {
    child,
    async go() {
      child.stdin.write("go\n");
      const line = await lines.next();
      return line.done === true ? "" : String(line.value);
    },
  };
}

test("the project's own migrations apply once, and again as nothing", async () => {
  const own = await startTestStorage({ migrate: false });
  const names = readdirSync(new URL("../../storage/migrations/", import.meta.url)).toSorted();
  expect(await migrate(own.storage)).toEqual(names);
  expect(await migrate(own.storage)).toEqual([]);
  expect(await count(own, "spans")).toBe(0);
  await own.stop();
});

test("eight processes on an empty server apply every file once", async () => {
  const database = "race";
  const folder = folderOf({
    "0001_a.sql": "CREATE TABLE a (x UInt8) ENGINE = MergeTree ORDER BY x; INSERT INTO a VALUES (1);",
    "0002_b.sql": `CREATE TABLE b (x UInt8) ENGINE = MergeTree ORDER BY x;
      CREATE MATERIALIZED VIEW a_to_b TO b AS SELECT x FROM a; INSERT INTO a VALUES (2);`,
  });
  const order = { ...keeper.connection, database, folder: folder.path, leaseMs: 15_000 };
  const racers = await Promise.all(Array.from({ length: 8 }, () => startProcess(order)));
  const answers = await Promise.all(racers.map((racer) => racer.go()));
  const applied = answers.flatMap((line) => {
    const answer = JSON.parse(line) as { applied?: string[]; error?: string };
    expect(answer.error).toBeUndefined();
    return answer.applied ?? [];
  });
  expect(applied.toSorted()).toEqual(["0001_a.sql", "0002_b.sql"]);
  const storage = createStorage({ ...keeper.connection, database });
  const racing = { ...keeper, storage };
  expect(await count(racing, "a")).toBe(2);
  expect(await count(racing, "b")).toBe(1);
  await storage.client.command({ query: `DROP DATABASE ${database}` });
  await storage.close();
}, 120_000);

test("a killed holder's half-applied file is finished by the next, nothing twice", async () => {
  const own = await startTestStorage({ migrate: false });
  const slow =
    "SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0;";
  const folder = folderOf({
    "0001_half.sql": `CREATE TABLE first (x UInt8) ENGINE = MergeTree ORDER BY x
        SETTINGS non_replicated_deduplication_window = 100;
      INSERT INTO first VALUES (1); ${slow} CREATE TABLE second (x UInt8) ENGINE = MergeTree ORDER BY x;`,
  });
  const order = { ...keeper.connection, database: own.storage.database, folder: folder.path, leaseMs: 2_000 };
  const { child, go } = await startProcess(order);
  const answer = go();
  const startedSlow = async (): Promise<boolean> =>
    (await own.storage.query<{ Position: number }>("migration_progress")).some((row) => row.Position === 2);
  while (!(await startedSlow().catch(() => false))) await sleep(20);
  child.kill("SIGKILL");
  expect(await answer).toBe("");

  const before = performance.now();
  expect(await migrate(own.storage, { folder: folder.url, leaseMs: 2_000 })).toEqual(["0001_half.sql"]);
  expect(performance.now() - before).toBeGreaterThan(1_000); // it did wait for the silence, not for the process's word
  expect(await count(own, "first")).toBe(1);
  expect(await count(own, "second")).toBe(0);
  await own.stop();
}, 120_000);

test("a statement that was done but not noted counts as done, an object of somebody else does not", async () => {
  const own = await startTestStorage({ migrate: false });
  const folder = folderOf({ "0001_t.sql": "CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x;" });
  const command = (query: string): Promise<unknown> => own.storage.client.command({ query });
  await command("CREATE TABLE t (y String) ENGINE = MergeTree ORDER BY y");
  const refused = { code: "MIGRATION_FAILED", message: expect.stringContaining("already exists") };
  await expect(migrate(own.storage, { folder: folder.url })).rejects.toMatchObject(refused);
  await expect(migrate(own.storage, { folder: folder.url })).rejects.toMatchObject(refused);

  await command("DROP TABLE t");
  expect(await migrate(own.storage, { folder: folder.url })).toEqual(["0001_t.sql"]);
  // As a process leaves it that dies between the statement and its note.
  await command("ALTER TABLE schema_migrations DELETE WHERE State IN ('done', 'complete') SETTINGS mutations_sync = 1");
  await command("ALTER TABLE schema_migrations DELETE WHERE State = 'failed' SETTINGS mutations_sync = 1");
  expect(await migrate(own.storage, { folder: folder.url })).toEqual(["0001_t.sql"]);
  await own.stop();
});

test("a failed statement stops there, and the corrected file goes on from it", async () => {
  const own = await startTestStorage({ migrate: false });
  const good = "CREATE TABLE g (x UInt8) ENGINE = MergeTree ORDER BY x;\n";
  const folder = folderOf({
    "0001_g.sql": `${good}ALTER TABLE g ADD COLUMN y NoSuchType;`,
    "0002_h.sql": "CREATE TABLE h (x UInt8) ENGINE = MergeTree ORDER BY x;",
  });
  const failure = await migrate(own.storage, { folder: folder.url }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "MIGRATION_FAILED", message: expect.stringContaining("NoSuchType") });
  expect(String(failure)).toContain("0001_g.sql");
  await expect(count(own, "h")).rejects.toThrow(/h/);

  folder.write("0001_g.sql", `${good}ALTER TABLE g ADD COLUMN y String;`);
  expect(await migrate(own.storage, { folder: folder.url })).toEqual(["0001_g.sql", "0002_h.sql"]);
  expect(await count(own, "h")).toBe(0);
  await own.stop();
});

test("an edited migration is refused; other line ends are no edit", async () => {
  const own = await startTestStorage({ migrate: false });
  const text = "CREATE TABLE t (x UInt8)\nENGINE = MergeTree ORDER BY x;\n";
  const folder = folderOf({ "0001_t.sql": text });
  await migrate(own.storage, { folder: folder.url });
  folder.write("0001_t.sql", text.replaceAll("\n", "\r\n"));
  expect(await migrate(own.storage, { folder: folder.url })).toEqual([]);
  folder.write("0001_t.sql", text.replace("UInt8", "UInt16"));
  await expect(migrate(own.storage, { folder: folder.url })).rejects.toMatchObject({ code: "MIGRATION_CHANGED" });
  await own.stop();
});

test("a done statement of a half-applied file cannot be edited either", async () => {
  const own = await startTestStorage({ migrate: false });
  const folder = folderOf({ "0001_t.sql": "CREATE TABLE t (x UInt8) ENGINE = MergeTree ORDER BY x; BROKEN;" });
  await expect(migrate(own.storage, { folder: folder.url })).rejects.toMatchObject({ code: "MIGRATION_FAILED" });
  folder.write("0001_t.sql", "CREATE TABLE t (x UInt16) ENGINE = MergeTree ORDER BY x;");
  await expect(migrate(own.storage, { folder: folder.url })).rejects.toMatchObject({ code: "MIGRATION_CHANGED" });
  await own.stop();
});

test("without a server the error says so", async () => {
  const nowhere = createStorage({ url: "http://127.0.0.1:1", user: "u", password: "p", database: "d" });
  await expect(migrate(nowhere)).rejects.toMatchObject({ code: "STORAGE_UNREACHABLE" });
  await nowhere.close();
});
