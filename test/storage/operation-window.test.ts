// A localization's windows in two parts: counts by instance and operation, histograms by service, together what one statement reads at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { addHistogram, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import { readEdgeWindow, readOperationWindow } from "../../storage/buckets.ts";
import { readOperationCounts, readServiceHistograms } from "../../storage/operation-window.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const START = Date.UTC(2026, 0, 5, 10) / 1000;
const starts = (from: number, to: number) => Array.from({ length: (to - from) / 10 }, (_, i) => START + from + i * 10);
const WINDOWS = { fault: starts(120, 180), baseline: starts(0, 60) };
const SERVICES = ["cart", "stock", "web"];

const histogram = (seed: number) => Array.from({ length: HISTOGRAM_BUCKETS }, (_, i) => (i * seed) % 5);

let store: TestStorage;
beforeAll(async () => {
  store = await startTestStorage();
  const rows = starts(0, 240).flatMap((bucket, b) =>
    SERVICES.flatMap((service, s) =>
      ["v1", "v2"].flatMap((version, v) =>
        ["GET /a", "GET /b", ""].map((operation, o) => ({
          Tenant: "default",
          Bucket: bucket,
          Cluster: s === 0 ? "" : "east",
          Namespace: "shop",
          Service: service,
          Version: version,
          Instance: `${service}-${b % 3}`,
          Node: `node-${v}`,
          Operation: operation,
          Protocol: "http",
          Requests: 10 + b + o,
          Failed: o,
          Degraded: v,
          OriginFailed: s,
          TotalNs: 1e6 * (b + 1),
          SelfNs: 1e5 * (o + 1),
          Hist: histogram(b + o + 1),
          SelfHist: histogram(b + v + 2),
          Flags: o === 1 ? { UH: 1 + v } : {},
        })),
      ),
    ),
  );
  await store.storage.insertRows("operation_buckets", rows);
  // One that proxies alone tell of.
  await store.storage.insertRows(
    "edge_buckets",
    starts(0, 240).map((bucket, b) => ({
      Tenant: "default",
      Bucket: bucket,
      SrcKind: "service",
      SrcService: "web",
      DstKind: "service",
      DstService: "bank",
      DstInstance: "bank-1",
      Source: "access_logs",
      CallerCalls: 5,
      CallerNs: 5e6,
      CallerHist: histogram(b + 1),
      CalleeCalls: 5,
      CalleeNs: 4e6,
      CalleeHist: histogram(b + 2),
    })),
  );
});
afterAll(() => store.stop());

const key = (row: { side: number; cluster: string; namespace: string; service: string }) =>
  `${row.side} ${row.cluster}/${row.namespace}/${row.service}`;

test("counts are those of the one statement, row by row", async () => {
  const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).toSorted();
  const whole = await readOperationWindow(store.storage, "default", WINDOWS);
  const counts = await readOperationCounts(store.storage, "default", WINDOWS);
  const isBank = (row: { service: string }) => row.service === "bank";
  expect(whole.filter((row) => !isBank(row))).toHaveLength(2 * SERVICES.length * 2 * 3 * 3);
  expect(sorted(counts.filter((row) => !isBank(row)))).toEqual(
    sorted(whole.filter((row) => !isBank(row)).map((row) => ({ ...row, hist: [], self_hist: [] }))),
  );
  // What others tell of has its histograms at once.
  expect(whole.filter(isBank)).toHaveLength(2);
  expect(sorted(counts.filter(isBank))).toEqual(sorted(whole.filter(isBank)));
});

test("histograms add up to those of the one statement, of all services or of some", async () => {
  const sums = new Map<string, { hist: number[]; self: number[] }>();
  for (const row of await readOperationWindow(store.storage, "default", WINDOWS)) {
    if (row.service === "bank") continue;
    const sum = sums.get(key(row)) ?? { hist: [], self: [] };
    sums.set(key(row), { hist: addHistogram(sum.hist, row.hist), self: addHistogram(sum.self, row.self_hist) });
  }
  const rows = await readServiceHistograms(store.storage, "default", WINDOWS, []);
  expect(new Map(rows.map((row) => [key(row), { hist: row.hist, self: row.self_hist }]))).toEqual(sums);
  const some = await readServiceHistograms(store.storage, "default", WINDOWS, ["cart"]);
  expect(some.map(key).toSorted()).toEqual(["0 /shop/cart", "1 /shop/cart"]);
});

test("edges without histograms say the same otherwise; callees are chosen by name", async () => {
  const whole = await readEdgeWindow(store.storage, "default", WINDOWS);
  expect(whole.every((row) => row.caller_hist.length === HISTOGRAM_BUCKETS)).toBe(true);
  const counts = await readEdgeWindow(store.storage, "default", WINDOWS, { histograms: false });
  expect(counts).toEqual(whole.map((row) => ({ ...row, caller_hist: [] })));
  expect(await readEdgeWindow(store.storage, "default", WINDOWS, { targets: ["bank", "cart"] })).toEqual(whole);
  expect(await readEdgeWindow(store.storage, "default", WINDOWS, { targets: ["cart"] })).toEqual([]);
});
