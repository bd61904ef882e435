// Steps of code between log lines and between the spans that a span contains, counted against the real ClickHouse.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readCodeSteps, thinBuckets } from "../../storage/code-paths.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const START = 1_767_225_600;
const WINDOWS = { baseline: [START], fault: [START + 60] };
const at = (seconds: number) => new Date((START + seconds) * 1000).toISOString();
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

let store: TestStorage;
beforeAll(async () => {
  store = await startTestStorage();
});
afterAll(() => store.stop());
beforeEach(async () => {
  for (const table of ["spans", "span_edges", "logs"]) {
    await store.storage.client.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

const place = { Tenant: "default", Cluster: "", Namespace: "shop", Service: "cart" };

function span(id: number, second: number, more: Record<string, unknown> = {}) {
  const row = {
    Timestamp: at(second),
    TraceId: hex(id, 32),
    SpanId: hex(id, 16),
    ParentSpanId: "",
    SpanKind: "Server",
  };
  return { ...place, ...row, Operation: "POST /cart", Outcome: "ok", Duration: 1000, ...more };
}

function line(id: number, second: number, body: string, more: Record<string, unknown> = {}) {
  return { ...place, Timestamp: at(second), TraceId: hex(id, 32), SpanId: hex(id, 16), Body: body, ...more };
}

async function steps(requests = 10): Promise<string[]> {
  const rows = await readCodeSteps(store.storage, "default", WINDOWS, requests);
  return rows
    .map((r) => `${r.side} ${r.via} ${r.from_step} > ${r.to_step}${r.to_error ? "!" : ""} ${r.step_count}`)
    .toSorted();
}

test("lines by the place in the code that they name, else by their text without what varies", async () => {
  await store.storage.insertRows("spans", [span(1, 1), span(2, 61)]);
  await store.storage.insertRows("logs", [
    line(1, 1.1, "12:00 INFO c.s.Cart#31 user 4711"),
    line(1, 1.2, '{"message":"order 42 placed"}'),
    line(2, 61.1, "12:01 INFO c.s.Cart#31 user 9"),
    line(2, 61.2, "cannot place", { SeverityNumber: 17 }),
  ]);
  expect(await steps()).toEqual([
    "0 lines POST /cart start > c.s.Cart#31 1",
    "0 lines c.s.Cart#31 > order * placed 1",
    "0 lines order * placed > end 1",
    "1 lines POST /cart start > c.s.Cart#31 1",
    "1 lines c.s.Cart#31 > cannot place! 1",
    "1 lines cannot place > end 1",
  ]);
});

test("a span that says nothing counts where its operation spoke in the other window", async () => {
  await store.storage.insertRows("spans", [span(1, 1), span(2, 61), span(3, 62, { Operation: "GET /mute" })]);
  await store.storage.insertRows("logs", [line(1, 1.1, "in File.java:7")]);
  expect(await steps()).toEqual([
    "0 lines File.java:7 > end 1",
    "0 lines POST /cart start > File.java:7 1",
    "1 lines POST /cart start > end 1",
  ]);
});

test("calls in their order, those of the same service alone; a span stored twice counts once", async () => {
  const child = (id: number, second: number, parent: number, operation: string, service = "cart") => ({
    ...span(id, second, { Operation: operation, Service: service, SpanKind: "Client" }),
    TraceId: hex(parent, 32),
    ParentSpanId: hex(parent, 16),
  });
  const rows = [
    span(1, 1),
    child(11, 1.2, 1, "prices"),
    child(12, 1.1, 1, "stock"),
    child(13, 1.3, 1, "GET /prices", "prices"),
    span(2, 61),
  ];
  await store.storage.insertRows("spans", rows);
  await store.storage.insertRows("spans", [child(11, 1.2, 1, "prices")]);
  expect(await steps()).toEqual([
    "0 calls POST /cart start > call stock 1",
    "0 calls call prices > end 1",
    "0 calls call stock > call prices 1",
    "1 calls POST /cart start > end 1",
  ]);
});

test("a call that failed, and one of an error handler, are told as errors", async () => {
  const child = (id: number, second: number, more: Record<string, unknown>) =>
    span(id, second, { TraceId: hex(1, 32), ParentSpanId: hex(1, 16), SpanKind: "Internal", ...more });
  await store.storage.insertRows("spans", [
    span(1, 1),
    child(11, 1.1, { Operation: "charge", Outcome: "failed" }),
    child(12, 1.2, { Operation: "BasicErrorController.error" }),
  ]);
  expect(await steps()).toEqual([
    "0 calls POST /cart start > call charge! 1",
    "0 calls call BasicErrorController.error > end 1",
    "0 calls call charge > call BasicErrorController.error! 1",
  ]);
});

test("of a long window minutes are searched that are spread over it, two at least, each without its last bucket", () => {
  const window = Array.from({ length: 60 }, (_, i) => START + i * 10);
  const minutesOf = (buckets: readonly number[]) => [...new Set(buckets.map((b) => Math.floor((b - START) / 60)))];
  expect(thinBuckets(window, 1)).toEqual(window);
  expect(minutesOf(thinBuckets(window, 0.01))).toEqual([2, 7]);
  expect(minutesOf(thinBuckets(window, 0.35))).toEqual([1, 3, 6, 8]);
  expect(thinBuckets(window, 0.01)).toHaveLength(10);
  expect(thinBuckets([START + 50], 0.01)).toEqual([START + 50]);
});

test("of very many requests a share is read", async () => {
  const ids = Array.from({ length: 200 }, (_, i) => i + 1);
  await store.storage.insertRows(
    "spans",
    ids.map((id) => span(id, 1)),
  );
  await store.storage.insertRows(
    "logs",
    ids.map((id) => line(id, 1.1, "in File.java:7")),
  );
  const rows = await readCodeSteps(store.storage, "default", WINDOWS, 200_000);
  const [first] = rows;
  expect(rows).toHaveLength(2);
  expect(first!.step_count).toBeGreaterThan(20);
  expect(first!.step_count).toBeLessThan(90);
});
