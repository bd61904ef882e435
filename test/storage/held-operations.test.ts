// Requests that wait on purpose: known by their past, counted, and left out of what detection takes for latency.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { histogramCount } from "../../model/histogram.ts";
import { readServiceBuckets } from "../../storage/buckets.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { histogramOf } from "../analyzer/made.ts";

const HOUR = Date.UTC(2026, 0, 5, 10) / 1000;
const AT = HOUR + 1200;
const REVISION = 7;
const place = { Tenant: "default", Cluster: "east", Namespace: "shop", Service: "inbox", Version: "v1" };

let db: TestStorage;

/** So many hours back a request took so many milliseconds on average. */
function hour(back: number, operation: string, meanMs: number, revision = REVISION): Record<string, unknown> {
  const Requests = 100;
  return {
    ...place,
    Hour: HOUR - back * 3600,
    Revision: revision,
    Operation: operation,
    Requests,
    TotalUs: Requests * meanMs * 1000,
  };
}

const bucket = (operation: string, requests: number, ms: number) => ({
  ...place,
  Instance: "inbox-1",
  Bucket: AT,
  Operation: operation,
  Protocol: "http",
  Requests: requests,
  TotalNs: requests * ms * 1e6,
  Hist: histogramOf([requests, ms]),
});

beforeAll(async () => {
  db = await startTestStorage();
  const { storage } = db;
  await storage.insertRows(
    "hour_rollups",
    [1, 2, 3, 4].map((back) => ({ Hour: HOUR - back * 3600, Revision: REVISION, At: HOUR, Stamp: 1 })),
  );
  await storage.insertRows("operation_hours", [
    // Waits since ever; quick in sums that hold no longer.
    ...[1, 2, 3, 4].map((back) => hour(back, "GET /inbox/wait", 25_000)),
    ...[1, 2, 3, 4].map((back) => hour(back, "GET /inbox/wait", 1, 3)),
    // Slow for one hour of four: a fault.
    ...[1, 2, 3, 4].map((back) => hour(back, "GET /inbox", back === 1 ? 9_000 : 20)),
    // New: one hour says nothing.
    hour(1, "POST /inbox", 8_000),
  ]);
  await storage.insertRows("operation_buckets", [
    bucket("GET /inbox/wait", 10, 25_000),
    bucket("GET /inbox", 20, 9_000),
    bucket("POST /inbox", 5, 8_000),
    bucket("GET /healthz", 3, 1),
  ]);
});
afterAll(() => db.stop());

describe("operations that wait", () => {
  it("count as requests but have no say in latency", async () => {
    const [row, ...others] = await readServiceBuckets(db.storage, "default", AT, AT + 10);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ requests: 35, held_requests: 10, health_requests: 3 });
    expect(histogramCount(row!.hist)).toBe(25);
  });

  it("are not known without a past", async () => {
    await db.storage.client.command({ query: "TRUNCATE TABLE operation_hours" });
    const [later] = await readServiceBuckets(db.storage, "default", AT, AT + 10);
    expect(later).toMatchObject({ requests: 35, held_requests: 0 });
    expect(histogramCount(later!.hist)).toBe(35);
  });
});
