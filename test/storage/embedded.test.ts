// The contract of the embedded server: what the rest of Faultline, and whoever upgrades libchdb, relies on.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ClickHouseError } from "@clickhouse/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Storage, createStorage, isStorageUnavailable } from "../../storage/client.ts";
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  causeOf,
  startEmbeddedServer,
} from "../../storage/embedded/server.ts";

let dataDir: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "faultline-embedded-"));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedServerOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDir, maxMemoryBytes: 1024 ** 3, ...options });
  cleanups.push(() => server.stop());
  return server;
}

function open(server: EmbeddedServer, database = "default"): Storage {
  const storage = createStorage({ url: server.url, user: server.user, password: server.password, database });
  cleanups.push(() => storage.close());
  return storage;
}

async function select<Row>(storage: Storage, query: string): Promise<Row[]> {
  const result = await storage.client.query({ query, format: "JSONEachRow" });
  return result.json<Row>();
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value,
    (error: unknown) => error,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A killed process may wait for its parent as a zombie.
    return !/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "");
  } catch {
    return false;
  }
}

async function until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`);
    await sleep(20);
  }
}

async function listenOnce(): Promise<number> {
  const other = createServer((socket) => socket.resume()); // takes requests and never answers
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  cleanups.push(() => new Promise((done) => other.close(done)));
  const address = other.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("starts, answers, stores, stops, and opens again with the same password and data", async () => {
  const first = await start();
  const storage = open(first, "kept");
  expect(await storage.ping()).toBe(true);
  await storage.ensureDatabase();
  await storage.client.command({ query: "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n" });
  await storage.insertRows("t", [{ n: 7 }]);
  const pid = first.pid() as number;
  await storage.close();
  await first.stop();
  await first.stop();
  expect(isAlive(pid)).toBe(false);
  await expect(fetch(first.url)).rejects.toThrow("fetch failed");

  const second = await start();
  expect(second.password).toBe(first.password);
  expect(await select(open(second, "kept"), "SELECT n FROM t")).toEqual([{ n: 7 }]);
});

test("its files are the owner's alone, and the password is in none that the engine logs", async () => {
  const server = await start();
  for (const name of ["password", "users.xml", "config.xml", "lock"]) {
    expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o600);
  }
  expect(server.password).toMatch(/^[0-9a-f]{48}$/);
  expect(readFileSync(join(dataDir, "users.xml"), "utf8")).not.toContain(server.password);
  expect(readFileSync(join(dataDir, "server.log"), "utf8")).not.toContain(server.password);
});

test("nobody without the password gets anything, by whatever way", async () => {
  const server = await start();
  const secret = join(dataDir, "secret");
  const target = join(dataDir, "written");
  writeFileSync(secret, "the secret");
  const read = `SELECT * FROM file('${secret}', 'LineAsString')`;
  const write = `INSERT INTO FUNCTION file('${target}', 'TSV', 'x UInt8') VALUES (1)`;
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  const ways: [string, Record<string, string>][] = [
    ["/", {}],
    ["/?user=default", {}],
    ["/?user=default&password=", {}],
    ["/", { "x-clickhouse-user": "default" }],
    ["/", { "x-clickhouse-user": "default", "x-clickhouse-key": "" }],
    ["/", { authorization: basic("default:") }],
    ["/", { authorization: basic(`${server.user}:`) }],
    ["/", { authorization: basic(`${server.user}:${server.password}x`) }],
    ["/play", {}],
    ["/dashboard", {}],
  ];
  for (const [path, headers] of ways) {
    for (const body of ["SELECT 'answered'", read, write, "SYSTEM STOP LISTEN HTTP", "CREATE DATABASE intruder"]) {
      const response = await fetch(`${server.url}${path}`, { method: "POST", body, headers });
      const text = await response.text();
      expect(response.status, `${path} ${JSON.stringify(headers)} ${body}`).toBeGreaterThanOrEqual(400);
      expect(text).not.toMatch(/the secret|^answered/);
    }
  }
  expect(existsSync(target)).toBe(false);

  // And Faultline's own user is kept from files and network too, so that no SQL of ours can be turned against the machine.
  const storage = open(server);
  for (const query of [
    read,
    write,
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SYSTEM STOP LISTEN HTTP",
  ]) {
    expect(await errorOf(storage.client.command({ query })), query).toMatchObject({ code: "497" });
  }
  expect(existsSync(target)).toBe(false);
  expect(await select(storage, "SELECT name FROM system.databases WHERE name = 'intruder'")).toEqual([]);
});

test("`default` itself may not write files, nor read tables", async () => {
  const server = await start();
  // Only who knows Faultline's password can become `default`; here it is asked what that would give.
  const authorization = `Basic ${Buffer.from(`${server.user}:${server.password}`).toString("base64")}`;
  const asDefault = async (body: string): Promise<string> =>
    (await fetch(`${server.url}/?user=default`, { method: "POST", body, headers: { authorization } })).text();
  expect(await asDefault("SELECT currentUser()")).toBe("default\n");
  const storage = open(server, "ours");
  await storage.ensureDatabase();
  await storage.client.command({ query: "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n" });
  for (const query of [
    `INSERT INTO FUNCTION file('${join(dataDir, "w")}', 'TSV', 'x UInt8') VALUES (1)`,
    "CREATE DATABASE d",
    "SELECT * FROM ours.t",
    "INSERT INTO ours.t VALUES (1)",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')",
  ]) {
    const answer = await asDefault(query);
    expect(answer, query).toContain("ACCESS_DENIED");
  }
  expect(existsSync(join(dataDir, "w"))).toBe(false);
  expect(await select(storage, "SELECT 1 AS x FROM system.databases WHERE name = 'd'")).toEqual([]);
});

test("killed again and again under concurrent writers, it comes back on its port and has lost nothing acknowledged", async () => {
  const exits: string[] = [];
  const server = await start({ onUnexpectedExit: (cause) => exits.push(cause) });
  const storage = open(server, "chaos");
  await storage.ensureDatabase();
  await storage.client.command({
    query: `CREATE TABLE t (batch String, n UInt32) ENGINE = MergeTree ORDER BY batch
      SETTINGS non_replicated_deduplication_window = 10000`,
  });
  const acknowledged: string[] = [];
  const strange: unknown[] = [];
  let refusals = 0;
  let done = false;
  const writer = async (id: number): Promise<void> => {
    for (let i = 0; !done; i++) {
      const batch = `${id}-${i}`;
      const rows = Array.from({ length: 200 }, (_, n) => ({ batch, n }));
      while (true) {
        try {
          await storage.insertRows("t", rows, batch);
          acknowledged.push(batch);
          break;
        } catch (error) {
          if (!isStorageUnavailable(error)) strange.push(error);
          refusals++;
          await sleep(20);
        }
      }
    }
  };
  const writers = [1, 2, 3, 4].map(writer);
  for (let round = 1; round <= 3; round++) {
    const before = acknowledged.length;
    await until(() => acknowledged.length >= before + 20, 30_000);
    process.kill(server.pid() as number, "SIGKILL");
    await until(() => exits.length === round && server.pid() !== undefined, 30_000);
  }
  const before = acknowledged.length;
  await until(() => acknowledged.length >= before + 20, 30_000);
  done = true;
  await Promise.all(writers);

  expect(exits).toEqual(Array.from({ length: 3 }, () => expect.stringContaining("SIGKILL")));
  expect(strange).toEqual([]);
  expect(refusals).toBeGreaterThan(0);
  const stored = await select<{ batch: string; rows: number; distinct: number }>(
    storage,
    "SELECT batch, count() AS rows, uniqExact(n) AS distinct FROM t GROUP BY batch",
  );
  const whole = new Set(stored.filter((row) => row.rows === 200 && row.distinct === 200).map((row) => row.batch));
  expect(stored.filter((row) => !whole.has(row.batch))).toEqual([]); // the token: no batch twice, none in part
  expect(acknowledged.filter((batch) => !whole.has(batch))).toEqual([]);
}, 120_000);

test("a second server on the same data directory is refused and does the first no harm", async () => {
  const first = await start();
  const refused = await errorOf(startEmbeddedServer({ dataDir }));
  expect(refused).toMatchObject({ code: "STORAGE_DATA_DIR_IN_USE", message: expect.stringContaining(dataDir) });
  expect(await open(first).ping()).toBe(true);
  const configured = /<http_port>(\d+)</.exec(readFileSync(join(dataDir, "config.xml"), "utf8"))?.[1];
  expect(first.url).toContain(`:${configured ?? "?"}`);
});

test("it dies with its parent, however that dies, and the directory is free again", async () => {
  const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const parent = spawn(
    process.execPath,
    [here("../fixtures/typescript-process.mjs"), here("serving-process.ts"), JSON.stringify({ dataDir })],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  cleanups.push(async () => parent.kill("SIGKILL"));
  const line = await createInterface({ input: parent.stdout })[Symbol.asyncIterator]().next();
  const { pid } = JSON.parse(String(line.value)) as { pid: number };
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await until(() => !isAlive(pid), 10_000);
  expect(await open(await start()).ping()).toBe(true);
}, 60_000);

test("signals meant for the whole process group do not end it before its supervisor does", async () => {
  const server = await start();
  const pid = server.pid() as number;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
  await sleep(300);
  expect(server.pid()).toBe(pid);
  expect(await open(server).ping()).toBe(true);
});

test("stop ends a server that hangs, within its deadline", async () => {
  const server = await start({ stopTimeoutMs: 500 });
  const pid = server.pid() as number;
  process.kill(pid, "SIGSTOP");
  const before = performance.now();
  await server.stop();
  expect(performance.now() - before).toBeLessThan(5_000);
  expect(isAlive(pid)).toBe(false);
});

test("stop during a restart leaves no process behind", async () => {
  const server = await start();
  const pid = server.pid() as number;
  process.kill(pid, "SIGKILL");
  await until(() => !isAlive(pid), 5_000);
  await sleep(150); // the backoff is over, the next start is under way
  await server.stop();
  const again = await start(); // the directory is free, so no child lives on
  expect(await open(again).ping()).toBe(true);
});

test("a query beyond the memory limit fails as retryable, and the server lives on", async () => {
  const server = await start({ maxMemoryBytes: 600 * 1024 ** 2 });
  const pid = server.pid();
  const storage = open(server);
  const query = "SELECT length(groupArray(number)) FROM numbers(200000000) SETTINGS max_threads = 1";
  const failure = await errorOf(storage.client.query({ query }));
  expect(failure).toBeInstanceOf(ClickHouseError);
  expect(failure).toMatchObject({ code: "241" });
  expect(isStorageUnavailable(failure)).toBe(true);
  expect(await storage.ping()).toBe(true);
  expect(server.pid()).toBe(pid);
}, 60_000);

test("a stale system folder of an earlier run is removed before the start", async () => {
  const stale = join(dataDir, "clickhouse", "data", "system", "query_log");
  mkdirSync(stale, { recursive: true });
  await start();
  expect(existsSync(stale)).toBe(false);
});

test("a taken port, asked for by number, is one clear failure", async () => {
  const port = await listenOnce();
  expect(await errorOf(startEmbeddedServer({ dataDir, port }))).toMatchObject({
    code: "STORAGE_START_FAILED",
    message: expect.stringMatching(/address already in use/i),
  });
  expect(await open(await start()).ping()).toBe(true);
});

test("a data directory that cannot be made is one clear failure", async () => {
  const file = join(dataDir, "file");
  writeFileSync(file, "");
  expect(await errorOf(startEmbeddedServer({ dataDir: join(file, "below") }))).toMatchObject({
    code: "STORAGE_START_FAILED",
    message: expect.stringContaining("ENOTDIR"),
  });
});

test.each([
  ["", null, "SIGKILL", "it ended by SIGKILL"],
  ["", 1, null, "it ended with code 1"],
  [
    "Logging warning to x\nCode: 210. DB::Exception: Listen [127.0.0.1]:1 failed (version 26.7.2.1)\n",
    null,
    "SIGKILL",
    "Listen [127.0.0.1]:1 failed",
  ],
  ["Code: 1. DB::Exception: first\nnoise\nCode: 2. DB::Exception: last\n", 1, null, "last"],
])("the cause of an end (%#)", (stderr, code, signal, cause) => {
  expect(causeOf(stderr, code, signal)).toBe(cause);
});
