// Retention against a real server: what is set, that it is set once, and that it deletes the old and spares the new.
import { readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KEPT_FOR_EVER, RETENTION_DEFAULTS, applyRetention } from "../../storage/retention.ts";
import { type TestStorage, startTestStorage } from "../fixtures/storage.ts";

let own: TestStorage;
beforeAll(async () => {
  own = await startTestStorage();
});
afterAll(() => own.stop());

async function ttls(): Promise<Record<string, string>> {
  const rows = await own.storage.query<{ table: string; ttl: string }>("table_ttls");
  return Object.fromEntries(rows.map((row) => [row.table, row.ttl]));
}

test("every table of the schema has a retention, and the second call changes nothing", async () => {
  const changed = await applyRetention(own.storage, RETENTION_DEFAULTS);
  const folder = new URL("../../storage/migrations/", import.meta.url);
  const schema = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
  const tables = [...schema.join("\n").matchAll(/^CREATE TABLE (\w+)([^;]*)/gm)]
    .filter((match) => !match[2]?.includes("ENGINE = Null")) // keeps nothing
    .map((match) => match[1] ?? "");
  expect([...changed, ...KEPT_FOR_EVER].toSorted()).toEqual(tables.toSorted());
  expect(await applyRetention(own.storage, RETENTION_DEFAULTS)).toEqual([]);
  expect(await ttls()).toMatchObject({
    spans: "toDateTime(Timestamp) + toIntervalDay(7)",
    span_edges: "toDateTime(Timestamp) + toIntervalDay(2)",
    metrics_numbers: "toDateTime(Timestamp) + toIntervalDay(14)",
    edge_buckets: "toDateTime(Bucket) + toIntervalDay(1)",
    incidents: "toDateTime(StartedAt) + toIntervalDay(400)",
  });
});

test("only what differs is changed, and 0 keeps for ever", async () => {
  await applyRetention(own.storage, RETENTION_DEFAULTS);
  expect(await applyRetention(own.storage, { ...RETENTION_DEFAULTS, logsDays: 3 })).toEqual(["logs"]);
  expect((await ttls())["logs"]).toBe("toDateTime(Timestamp) + toIntervalDay(3)");
  expect(await applyRetention(own.storage, { ...RETENTION_DEFAULTS, logsDays: 0 })).toEqual(["logs"]);
  expect((await ttls())["logs"]).toBe("");
  expect(await applyRetention(own.storage, { ...RETENTION_DEFAULTS, logsDays: 0 })).toEqual([]);
});

test("old rows go, new rows stay, and the minute swap still works", async () => {
  const { storage } = own;
  await applyRetention(storage, RETENTION_DEFAULTS);
  const day = 86_400_000;
  const rows = [30, 8, 6, 0].map((days) => ({
    At: new Date(Date.now() - days * day).toISOString(),
    Origin: `${days}`,
  }));
  await storage.insertRows("dead_letters", rows);
  await storage.client.command({ query: "OPTIMIZE TABLE dead_letters FINAL" });
  const result = await storage.client.query({
    query: "SELECT Origin FROM dead_letters ORDER BY At",
    format: "JSONEachRow",
  });
  expect(await result.json()).toEqual([{ Origin: "8" }, { Origin: "6" }, { Origin: "0" }]);

  const minute = "toStartOfMinute(now())";
  for (const table of ["edge_buckets", "operation_buckets"]) {
    await storage.client.command({ query: `INSERT INTO ${table}_staging (Bucket) SELECT ${minute}` });
    await storage.client.command({
      query: `ALTER TABLE ${table} REPLACE PARTITION ID '${await partition(`${table}_staging`)}' FROM ${table}_staging`,
    });
    const count = await storage.client.query({ query: `SELECT count() AS n FROM ${table}`, format: "JSONEachRow" });
    expect(await count.json()).toEqual([{ n: 1 }]);
  }
});

async function partition(table: string): Promise<string> {
  const result = await own.storage.client.query({
    query: `SELECT DISTINCT _partition_id AS id FROM ${table}`,
    format: "JSONEachRow",
  });
  return (await result.json<{ id: string }>())[0]?.id ?? "";
}
