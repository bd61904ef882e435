// The storage client against a real server: what an insert stores, how values come back, and which errors say "retry".
import { createServer } from "node:net";
import { ClickHouseError } from "@clickhouse/client";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ServiceError } from "../../model/errors.ts";
import { createStorage, isStorageUnavailable } from "../../storage/client.ts";
import { queryText } from "../../storage/query-files.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";

let test_: TestStorage;

beforeAll(async () => {
  test_ = await startTestStorage({ migrate: false });
});
beforeEach(async () => {
  for (const query of [
    "DROP TABLE IF EXISTS t",
    "DROP VIEW IF EXISTS t_view",
    "DROP TABLE IF EXISTS t_target",
    `CREATE TABLE t (n UInt64, s String, \`d.o.t\` LowCardinality(String), at DateTime64(9, 'UTC') DEFAULT 0)
       ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100`,
    `CREATE TABLE t_target (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100`,
    "CREATE MATERIALIZED VIEW t_view TO t_target AS SELECT n FROM t",
  ]) {
    await test_.storage.client.command({ query });
  }
});
afterAll(() => test_.stop());

async function select<Row>(query: string): Promise<Row[]> {
  const result = await test_.storage.client.query({ query, format: "JSONEachRow" });
  return result.json<Row>();
}

async function nativeBlock(query: string): Promise<Uint8Array> {
  const { stream } = await test_.storage.client.exec({ query: `${query} FORMAT Native` });
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

async function counts(): Promise<[number, number]> {
  const [row] = await select<{ a: number; b: number }>(
    "SELECT (SELECT count() FROM t) AS a, (SELECT count() FROM t_target) AS b",
  );
  return [row?.a ?? -1, row?.b ?? -1];
}

const COLUMNS = ["n", "s", "d.o.t"];
const block = (rows: number, from = 0): Promise<Uint8Array> =>
  nativeBlock(
    `SELECT number + ${from} AS n, toString(number) AS s, toLowCardinality('x') AS \`d.o.t\` FROM numbers(${rows})`,
  );

test("rows: a token stores once, no token stores every time, no rows is no call", async () => {
  const { storage } = test_;
  await storage.insertRows("t", [{ n: 1, s: "a" }], "once");
  await storage.insertRows("t", [{ n: 1, s: "a" }], "once");
  expect(await counts()).toEqual([1, 1]);
  await storage.insertRows("t", [{ n: 2, s: "b" }]);
  await storage.insertRows("t", [{ n: 2, s: "b" }]);
  expect(await counts()).toEqual([3, 3]);
  await storage.insertRows("no_such_table", []);
});

test("rows: an unknown field is an error and stores nothing", async () => {
  const failure = await test_.storage.insertRows("t", [{ n: 1, typo: 1 }]).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClickHouseError);
  expect(isStorageUnavailable(failure)).toBe(false);
  expect(await counts()).toEqual([0, 0]);
});

test("native: several chunks are one insert, also for the view, and a token stores them once", async () => {
  const { storage } = test_;
  const chunks = [await block(3), await block(2, 100)];
  await storage.insertNative("t", COLUMNS, chunks, "blocks");
  await storage.insertNative("t", COLUMNS, chunks, "blocks");
  expect(await counts()).toEqual([5, 5]);
  expect(await select("SELECT n, s, `d.o.t` AS d FROM t ORDER BY n LIMIT 1 OFFSET 4")).toEqual([
    { n: 101, s: "1", d: "x" },
  ]);
  const [parts] = await select<{ n: number }>(
    `SELECT count() AS n FROM system.parts WHERE database = '${storage.database}' AND table = 't' AND active`,
  );
  expect(parts?.n).toBe(1);
});

test("native: a block may come in many pieces that cut it anywhere", async () => {
  const whole = await block(50_000);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += 10_007) pieces.push(whole.subarray(at, at + 10_007));
  await test_.storage.insertNative("t", COLUMNS, pieces);
  expect(await counts()).toEqual([50_000, 50_000]);
});

test.each([
  ["cut short", async () => [(await block(1000)).subarray(0, 5_000)]],
  ["noise", async () => [new Uint8Array(100_000).fill(0xee)]],
  ["columns in another order", async () => [await nativeBlock("SELECT 'a' AS n, 1 AS s, 'x' AS `d.o.t`")]],
  ["noise behind megabytes that are right", async () => [await block(400_000), new Uint8Array(8_000_000).fill(0xee)]],
])("native: bad data (%s) is the server's error, not a lost connection, and stores nothing", async (_name, make) => {
  const failure = await test_.storage.insertNative("t", COLUMNS, await make(), "bad").catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClickHouseError);
  expect(isStorageUnavailable(failure)).toBe(false);
  expect(await counts()).toEqual([0, 0]);
});

test("a failed insert leaves the pool usable and its token free", async () => {
  const { storage } = test_;
  await expect(storage.insertNative("t", COLUMNS, [new Uint8Array(50).fill(0xee)], "token")).rejects.toThrow(
    /Native|read|type/i,
  );
  await storage.insertNative("t", COLUMNS, [await block(2)], "token");
  expect(await counts()).toEqual([2, 2]);
});

test("values come back as ISO times in UTC, numbers and nulls", async () => {
  const [row] = await select<{ t: string; n: number; nan: null }>(
    "SELECT toDateTime64('2026-01-02 03:04:05.678901234', 9, 'Asia/Shanghai') AS t, toUInt64(7) AS n, 0 / 0 AS nan",
  );
  expect(row).toEqual({ t: "2026-01-01T19:04:05.678901234Z", n: 7, nan: null });
  await test_.storage.insertRows("t", [{ n: 1, at: "2026-01-01T19:04:05.678901234Z" }]);
  expect(await select("SELECT at FROM t")).toEqual([{ at: "2026-01-01T19:04:05.678901234Z" }]);
});

test("query files are read by name, without their semicolon; another name is refused", () => {
  expect(queryText("migration_lease")).toMatch(/LIMIT 1$/);
  expect(() => queryText("../client")).toThrow(/query name/);
  expect(() => queryText("no_such_query")).toThrow(/no_such_query/);
});

test("ping: true without the database, false for a wrong password or no server", async () => {
  const { connection } = test_;
  const open = (options: Partial<typeof connection>) =>
    createStorage({ ...connection, ...options, database: "not_yet" });
  for (const [storage, answer] of [
    [open({}), true],
    [open({ password: "wrong" }), false],
    [open({ url: "http://127.0.0.1:1" }), false],
  ] as const) {
    expect(await storage.ping()).toBe(answer);
    await storage.close();
  }
});

test("the time limit holds on the server too, and says: retry", async () => {
  const { connection, storage } = test_;
  const hasty = createStorage({ ...connection, database: storage.database, requestTimeoutMs: 1_000 });
  const query = "SELECT sum(sleepEachRow(0.1)) FROM numbers(100) SETTINGS max_block_size = 1 -- a slow one";
  const failure = await hasty.client.query({ query }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "159" });
  expect(isStorageUnavailable(failure)).toBe(true);
  expect(
    await select("SELECT query FROM system.processes WHERE query LIKE '%slow one%' AND query NOT LIKE '%system%'"),
  ).toEqual([]);
  await hasty.close();
});

test("a server that hangs up is retryable", async () => {
  const rude = createServer((socket) => socket.once("data", () => socket.destroy()));
  await new Promise<void>((done) => rude.listen(0, "127.0.0.1", done));
  const address = rude.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const storage = createStorage({ ...test_.connection, url: `http://127.0.0.1:${port}`, database: "d" });
  const failures = [
    await storage.insertNative("t", ["n"], [new Uint8Array(1_000_000)]).catch((error: unknown) => error),
    await storage.insertRows("t", [{ n: 1 }]).catch((error: unknown) => error),
    await storage.query("migration_lease").catch((error: unknown) => error),
  ];
  for (const failure of failures) expect(isStorageUnavailable(failure), String(failure)).toBe(true);
  await storage.close();
  rude.close();
});

test("a server that dies in the middle of its answer is an error, never a short result", async () => {
  const dying = createServer((socket) =>
    socket.once("data", () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"n":1}\n\r\n');
      setTimeout(() => socket.destroy(), 50);
    }),
  );
  await new Promise<void>((done) => dying.listen(0, "127.0.0.1", done));
  const address = dying.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const storage = createStorage({ ...test_.connection, url: `http://127.0.0.1:${port}`, database: "d" });
  const failure = await storage.query("migration_lease").then(
    (rows) => rows,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Error);
  expect(isStorageUnavailable(failure), String(failure)).toBe(true);
  const inserted = await storage.insertNative("t", ["n"], [new Uint8Array(10)]).then(
    () => "stored",
    (error: unknown) => error,
  );
  expect(inserted).toBeInstanceOf(Error);
  expect(isStorageUnavailable(inserted), String(inserted)).toBe(true);
  await storage.close();
  dying.close();
});

const clickhouse = (code: string, message = "m"): ClickHouseError => new ClickHouseError({ code, message, type: "T" });

test.each<[string, unknown, boolean]>([
  ["memory limit", clickhouse("241"), true],
  ["disk full", clickhouse("243"), true],
  ["too many parts", clickhouse("252"), true],
  ["keeper", clickhouse("999"), true],
  ["disk full by errno", clickhouse("75", "Cannot write to file, errno: 28, strerror: No space left on device"), true],
  ["another write error", clickhouse("75", "Cannot write to file, errno: 5, strerror: I/O error"), false],
  ["unknown column", clickhouse("16"), false],
  ["bad data", clickhouse("33"), false],
  ["refused", Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }), true],
  ["both addresses refused", new AggregateError([Object.assign(new Error(""), { code: "ECONNREFUSED" })]), true],
  ["client timeout", new Error("Timeout error."), true],
  ["hung up", new Error("socket hang up"), true],
  ["unreachable", new ServiceError("STORAGE_UNREACHABLE", { url: "u", cause: "c" }), true],
  ["another service error", new ServiceError("MIGRATION_CHANGED", { name: "n" }), false],
  ["a programmer's error", new TypeError("x is undefined"), false],
  ["no error at all", "241", false],
])("retryable: %s", (_name, error, expected) => {
  expect(isStorageUnavailable(error)).toBe(expected);
});
