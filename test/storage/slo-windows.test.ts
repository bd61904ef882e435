// The windows of burn rates on the real ClickHouse: minutes and buckets together, nothing twice, no health checks.
import { afterAll, beforeAll, expect, test } from "vitest";
import { recomputeBuckets } from "../../storage/recompute.ts";
import { readSloWindows } from "../../storage/slo-windows.ts";
import { rollUp } from "../../storage/rollups.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { hexId, insertSpans, type TestSpan } from "../golden/span-rows.ts";

const START = Date.UTC(2026, 0, 5, 10, 0, 0) / 1000;
let db: TestStorage;

/** One request a second for ten minutes; every tenth fails in the last four. */
function spans(): TestSpan[] {
  return Array.from({ length: 600 }, (_, second) => ({
    tenant: "t",
    trace: hexId(`trace ${second}`, 32),
    id: hexId(`span ${second}`, 16),
    parent: "",
    service: "cart",
    version: "v1",
    instance: "cart-1",
    kind: "Server" as const,
    operation: second % 2 === 0 ? "GET /cart" : "GET /healthz",
    startNs: BigInt(START + second) * 1_000_000_000n,
    durationNs: 5_000_000,
    outcome: second >= 360 && second % 10 === 0 ? ("failed" as const) : ("ok" as const),
  }));
}

beforeAll(async () => {
  db = await startTestStorage();
  await insertSpans(db.storage, spans());
  for (let from = START; from < START + 600; from += 300) await recomputeBuckets(db.storage, from, from + 300);
});
afterAll(() => db.stop());

const figures = async (at: number, services = ["cart"]) =>
  (await readSloWindows(db.storage, "t", services, at)).map((row) => [row.window_seconds, row.requests, row.failed]);
const WANTED = [
  [300, 150, 24],
  [1800, 300, 24],
  [3600, 300, 24],
  [21_600, 300, 24],
];

test("from buckets alone", async () => expect(await figures(START + 600)).toEqual(WANTED));
test("the same where minutes are summed, and no minute counts twice", async () => {
  for (const wait of [100, 200, 300]) await rollUp(db.storage, [], START + 600 + wait);
  const counted = await db.storage.client.query({
    query: "SELECT uniqExact(Minute) AS n FROM minute_rollups FINAL WHERE Revision != 0",
    format: "JSONEachRow",
  });
  expect((await counted.json<{ n: number }>())[0]!.n).toBeGreaterThan(3);
  expect(await figures(START + 600)).toEqual(WANTED);
});
test("a window ends where it is asked to", async () => {
  expect((await figures(START + 360))[0]).toEqual([300, 150, 0]);
});
test("services without an objective are not read", async () => expect(await figures(START + 600, ["ads"])).toEqual([]));
