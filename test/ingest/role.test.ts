// The ingest role on the real ClickHouse: bad neighbours, retries, an outage, and a stop that loses nothing acknowledged.
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { INGEST_DEFAULTS, type IngestOptions, startIngest } from "../../ingest/role.ts";
import type { Storage } from "../../storage/client.ts";
import { encodeOtlp } from "../fixtures/otlp-oracle.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let server: TestStorage;
let test: TestStorage;
let stop: (() => Promise<void>) | null = null;

beforeAll(async () => {
  server = await startTestStorage({ migrate: false });
});
afterAll(() => server.stop());
beforeEach(async () => {
  test = await startTestStorage();
});
afterEach(async () => {
  await stop?.();
  stop = null;
  await test.stop();
});

async function start(storage: Storage = test.storage, options: Partial<IngestOptions> = {}): Promise<string> {
  const ingest = await startIngest({ storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0, ...options } });
  stop = () => ingest.stop();
  return ingest.httpUrl;
}

function spans(count: number, name: string): Uint8Array {
  const list = Array.from({ length: count }, (_, n) => ({
    traceId: Buffer.alloc(16, 1),
    spanId: Buffer.from([1, 0, 0, 0, 0, 0, n >> 8, n & 255]),
    name,
    startTimeUnixNano: "1795388900000000000",
    endTimeUnixNano: "1795388900001000000",
  }));
  return encodeOtlp("traces", { resourceSpans: [{ scopeSpans: [{ spans: list }] }] });
}

function post(url: string, body: Uint8Array, path = "/v1/traces", type = "application/x-protobuf"): Promise<Response> {
  return fetch(url + path, { method: "POST", headers: { "content-type": type }, body });
}

async function counts(): Promise<Record<string, number>> {
  const query = "SELECT SpanName, count() AS n FROM spans GROUP BY SpanName";
  const result = await test.storage.client.query({ query, format: "JSONEachRow" });
  return Object.fromEntries(
    (await result.json<{ SpanName: string; n: number }>()).map(({ SpanName, n }) => [SpanName, n]),
  );
}

/** Storage whose inserts fail while `outage.on`. */
function fragile(storage: Storage): { storage: Storage; outage: { on: boolean; failures: number } } {
  const outage = { on: false, failures: 0 };
  const insertNative: Storage["insertNative"] = (...args) => {
    if (!outage.on) return storage.insertNative(...args);
    outage.failures++;
    return Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
  };
  return { storage: { ...storage, insertNative }, outage };
}

describe("bad payloads", () => {
  it("are refused and leave their neighbours in the same block whole", async () => {
    const url = await start();
    const good = spans(50, "good");
    const random = Uint8Array.from({ length: 500 }, (_, i) => (i * 73) % 251);
    const answers = await Promise.all([
      post(url, good),
      post(url, good.subarray(0, good.length - 7)),
      post(url, random),
      post(url, spans(20, "also good")),
      post(url, Buffer.from("{"), "/v1/traces", "application/json"),
      post(url, spans(3, "wrong signal"), "/v1/metrics"),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 200, 400, 400]);
    expect(await counts()).toEqual({ good: 50, "also good": 20 });
  });

  it("an oversized body is refused and the endpoint goes on", async () => {
    const url = await start(test.storage, { http: { ...INGEST_DEFAULTS.http, maxBodyBytes: 100_000 } });
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const headers = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
    expect((await fetch(`${url}/v1/traces`, { method: "POST", headers, body: bomb })).status).toBe(413);
    expect((await post(url, spans(1, "after"))).status).toBe(200);
    expect(await counts()).toEqual({ after: 1 });
  });
});

describe("retries", () => {
  it("of the same body store it once, at the same time and later", async () => {
    const url = await start();
    const body = spans(10, "once");
    const first = await Promise.all([post(url, body), post(url, body), post(url, body)]);
    const later = await post(url, body);
    expect([...first, later].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await counts()).toEqual({ once: 10 });
  });

  it("during an outage are told to come back, and the data is stored once when it is over", async () => {
    const { storage, outage } = fragile(test.storage);
    const url = await start(storage, { receiver: { ...INGEST_DEFAULTS.receiver, ackDeadlineMs: 150 } });
    outage.on = true;
    const body = spans(10, "late");
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = await post(url, body);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("1");
    }
    expect(outage.failures).toBeGreaterThan(1);
    outage.on = false;
    let status = 503;
    for (let n = 0; n < 50 && status !== 200; n++) {
      await sleep(50);
      ({ status } = await post(url, body));
    }
    expect(status).toBe(200);
    expect(await counts()).toEqual({ late: 10 });
  });
});

describe("stop", () => {
  it("answers what is under way after storing it", async () => {
    const writer = { ...INGEST_DEFAULTS.writer, lingerMs: 60_000, quietMs: 60_000 };
    const url = await start(test.storage, { writer });
    const answers = ["a", "b", "c"].map((name) => post(url, spans(5, name)));
    await sleep(200);
    await stop?.();
    stop = null;
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await counts()).toEqual({ a: 5, b: 5, c: 5 });
  });
});

it("a port that is taken is Node's error", async () => {
  const url = await start();
  const httpPort = Number(new URL(url).port);
  await expect(
    startIngest({ storage: test.storage, options: { ...INGEST_DEFAULTS, httpPort, grpcPort: 0 } }),
  ).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

it("fills the views: pairing rows, arrivals and entities", async () => {
  const url = await start();
  await post(url, spans(7, "x"));
  const query = `SELECT (SELECT count() FROM span_edges) AS edges, (SELECT sum(RowCount) FROM arrivals) AS arrived,
    (SELECT count() FROM entities FINAL) AS entities`;
  const result = await test.storage.client.query({ query, format: "JSONEachRow" });
  expect(await result.json()).toEqual([{ edges: 7, arrived: 7, entities: 1 }]);
});
