// Following a table while it is written, merged, and while the reader dies: every row counts once.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BlockRanges } from "../../ingest/adopt/block-ranges.ts";
import { type FollowerTimes, startFollower } from "../../ingest/adopt/follower.ts";
import { MAX_SPANS, OtlpPayload } from "../../ingest/adopt/otlp-payload.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { loadConfig } from "../../service/config.ts";
import { readAdoption, releaseAdopted } from "../../storage/adopt.ts";
import type { Storage } from "../../storage/client.ts";
import { createCollectorTable } from "../fixtures/collector-table.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const TIMES: FollowerTimes = { pollMs: 20, leaseMs: 1_000 };

let server: TestStorage;
let test: TestStorage;
let database: string;
let table: string;

beforeAll(async () => {
  server = await startTestStorage({ migrate: false });
});

afterAll(() => server.stop());

beforeEach(async () => {
  test = await startTestStorage();
  database = `collector_${test.storage.database}`;
  table = `${database}.otel_traces`;
  await createCollectorTable(test.storage, "v0.161", table);
});

afterEach(async () => {
  await run(`DROP DATABASE IF EXISTS ${database}`);
  await test.stop();
});

async function run(query: string): Promise<void> {
  await test.storage.client.command({ query });
}

async function countOf(query: string): Promise<number> {
  const result = await test.storage.client.query({ query: `SELECT count() AS n FROM ${query}`, format: "JSONEachRow" });
  return Number((await result.json<{ n: number }>())[0]?.n);
}

/** Writes `count` spans as one insert, `ageSeconds` old; ids are told by `from`. */
async function write(from: number, count: number, ageSeconds = 5): Promise<void> {
  await run(`INSERT INTO ${table} (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, Duration, StatusCode)
    SELECT now64(9) - ${ageSeconds} - (number % 7), leftPad(hex(number + 1), 32, '0'), leftPad(lower(hex(number + 1)), 16, '0'), 'GET /', 'Server', 'cart',
      map('service.name', 'cart', 'k8s.pod.name', concat('cart-', toString(number % 3))), 1000000, 'Unset'
    FROM numbers(${from}, ${count})`);
}

function follow(storage: Storage = test.storage, backfillHours = 1): Promise<{ stop(): Promise<void> }> {
  return startFollower(
    { storage, makeBlock: createRowBlocks(DECODE_LIMITS).traces, clock: Date.now },
    { table, tenant: "adopted", cluster: "west", backfillHours },
    TIMES,
  );
}

async function untilCount(query: string, count: number): Promise<void> {
  const deadline = Date.now() + 25_000;
  while ((await countOf(query)) < count && Date.now() < deadline) await sleep(20);
}

/** When so many spans are taken, and a little later: rows of span_edges, distinct ids in it, rows counted in arrivals. */
async function taken(spans: number): Promise<{ rows: number; ids: number; counted: number }> {
  await untilCount("span_edges", spans);
  await sleep(10 * TIMES.pollMs);
  return {
    rows: await countOf("span_edges"),
    ids: await countOf("(SELECT DISTINCT SpanKey FROM span_edges)"),
    counted: await countOf("(SELECT arrayJoin(range(sum(RowCount))) FROM arrivals)"),
  };
}

/** Every span once. */
function once(spans: number): { rows: number; ids: number; counted: number } {
  return { rows: spans, ids: spans, counted: spans };
}

describe("following", () => {
  it("takes what is there, what comes, and what is merged meanwhile, once", async () => {
    await write(0, 1_000);
    await write(1_000, 1_000);
    await run(`OPTIMIZE TABLE ${table} FINAL`);
    const follower = await follow();
    await untilCount("span_edges", 2_000);
    for (let i = 2; i < 12; i++) {
      await write(i * 1_000, 1_000);
      if (i % 3 === 0) await run(`OPTIMIZE TABLE ${table} FINAL`);
    }
    expect(await taken(12_000)).toEqual(once(12_000));
    await follower.stop();
    expect(await countOf("entities FINAL WHERE Cluster = 'west' AND Service = 'cart'")).toBe(3);
  });

  it("goes on where it stopped, and takes nothing twice from parts that grew", async () => {
    await write(0, 1_000);
    const first = await follow();
    await untilCount("span_edges", 1_000);
    await first.stop();
    await write(1_000, 500);
    await run(`OPTIMIZE TABLE ${table} FINAL`);
    const second = await follow();
    expect(await taken(1_500)).toEqual(once(1_500));
    await second.stop();
  });

  it("finishes what a reader began that died in the middle", async () => {
    await write(0, 60_000);
    await write(60_000, 60_000);
    let inserts = 0;
    const dying: Storage = {
      ...test.storage,
      async insertNative(...given) {
        if (++inserts === 2) throw new Error("the connection broke");
        await test.storage.insertNative(...given);
        if (inserts === 3) throw new Error("the answer was lost");
      },
    };
    const follower = await follow(dying);
    expect(await taken(120_000)).toEqual(once(120_000));
    await follower.stop();
    expect(inserts).toBeGreaterThanOrEqual(3);
  });

  it("is done by one of several at a time, and by another when that one stops", async () => {
    await write(0, 1_000);
    const followers = [await follow(), await follow(), await follow()];
    for (let i = 1; i < 6; i++) {
      await write(i * 1_000, 1_000);
      if (i === 3) await followers[0]?.stop();
    }
    expect(await taken(6_000)).toEqual(once(6_000));
    await Promise.all(followers.map((follower) => follower.stop()));
  });

  it("takes late spans within its hours and no older ones", async () => {
    const follower = await follow();
    await write(0, 100, 50 * 60);
    await write(100, 100, 3 * 3600);
    await write(200, 100);
    expect(await taken(200)).toEqual(once(200));
    await follower.stop();
  });

  it("begins anew with a table that was made anew", async () => {
    await write(0, 100);
    const follower = await follow();
    await untilCount("span_edges", 100);
    await run(`DROP TABLE ${table} SYNC`);
    await sleep(5 * TIMES.pollMs);
    await createCollectorTable(test.storage, "v0.88", table);
    await write(100, 100);
    expect(await taken(200)).toEqual(once(200));
    await follower.stop();
  });

  it("never touches the table, whatever is in it", async () => {
    await run(`INSERT INTO ${table} (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, Duration, StatusCode, ResourceAttributes, SpanAttributes, \`Links.TraceId\`, \`Links.SpanId\`, \`Links.TraceState\`, \`Links.Attributes\`)
      SELECT now64(9) - number, arrayElement(['', 'zz', repeat('a', 32), repeat('0', 32), '\\xff\\xfe'], number % 5 + 1), arrayElement(['', repeat('b', 16), 'é', repeat('0', 16)], number % 4 + 1),
        '\\xff', unhex('c328'), arrayElement(['', 'SPAN_KIND_', 'Client', '\\0'], number % 4 + 1), 18446744073709551615 - number, 'nonsense',
        map('service.name', repeat('\\xff', 300), 'k8s.pod.name', '\\0\\n'), map('http.status_code', '-1', 'url.full', '://', 'db.system', ''),
        ['', repeat('c', 32)], ['x', repeat('d', 16)], ['', ''], [map(), map()]
      FROM numbers(1000)`);
    await write(1_000_000, 100);
    const follower = await follow();
    await untilCount("span_edges WHERE Service = 'cart'", 100);
    expect(await countOf("span_edges WHERE Service = 'cart'")).toBe(100);
    expect(await countOf("span_edges WHERE Service != 'cart'")).toBeGreaterThan(0);
    await follower.stop();
    expect(await countOf(table)).toBe(1_100);
    expect(await countOf(`system.tables WHERE database = '${database}'`)).toBe(1);
    expect(await countOf(`system.tables WHERE as_select LIKE '%${database}%' AND engine = 'MaterializedView'`)).toBe(0);
  });

  it("works as a part of the role, from the setting as text", async () => {
    const config = loadConfig({ file: null, environment: { FAULTLINE_STORAGE_ADOPT: table }, flags: {} });
    const adopt = config.values["storage.adopt"];
    expect(adopt).toEqual({ table, tenant: "", cluster: "", backfillHours: 1 });
    await write(0, 100);
    const options = { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0, adopt };
    const role = await startIngest({ storage: test.storage, options });
    expect(await taken(100)).toEqual(once(100));
    await role.stop();
    expect(() =>
      loadConfig({ file: null, environment: { FAULTLINE_STORAGE_ADOPT: "otel_traces" }, flags: {} }),
    ).toThrow("database.table");
  });

  it("ends with the setting: our own spans alone are shown again when nobody reads", async () => {
    await write(0, 10);
    const follower = await follow();
    await untilCount("span_edges", 10);
    expect(await readAdoption(test.storage, TIMES.leaseMs)).toMatchObject({ shown: table, isRead: true });
    expect(await countOf("otel_traces")).toBe(10);
    expect(await releaseAdopted(test.storage, TIMES.leaseMs)).toBe(false);
    await follower.stop();
    expect(await releaseAdopted(test.storage, TIMES.leaseMs)).toBe(true);
    expect(await countOf("otel_traces")).toBe(0);
    expect(await readAdoption(test.storage, TIMES.leaseMs)).toMatchObject({ shown: null, isRead: false, spans: 10 });
  });
});

it("rows may be cut anywhere", async () => {
  await write(0, 50);
  const { stream } = await test.storage.client.exec({
    query: `SELECT toUnixTimestamp64Nano(Timestamp), Duration, toUInt8(2), toUInt8(0), unhex(TraceId), unhex(SpanId), '', toString(SpanName),
      CAST(ResourceAttributes, 'Map(String, String)'), CAST(SpanAttributes, 'Map(String, String)'), CAST([], 'Array(String)'), CAST([], 'Array(String)') FROM ${table} ORDER BY SpanId FORMAT RowBinary`,
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const payloadOf = (size: number): Buffer => {
    const payload = new OtlpPayload("west");
    for (let at = 0; at < bytes.length; at += size) {
      payload.feed(bytes.subarray(at, at + size));
      expect(payload.readRows()).toBe(false);
    }
    expect(payload.isCut).toBe(false);
    expect(payload.spans).toBe(50);
    return Buffer.from(payload.take());
  };
  const whole = payloadOf(bytes.length);
  expect(MAX_SPANS).toBeGreaterThan(50);
  for (const size of [1, 7, 64, 1_000]) expect(payloadOf(size).equals(whole)).toBe(true);
});

it("ranges of blocks join, cover and touch", () => {
  const ranges = new BlockRanges();
  const of = (first: number, last: number, partition = "p") => ({ partition, first, last });
  ranges.add(of(1, 3));
  ranges.add(of(5, 5));
  expect(ranges.covers(of(2, 3))).toBe(true);
  expect(ranges.covers(of(1, 5))).toBe(false);
  expect(ranges.touches(of(4, 4))).toBe(false);
  ranges.add(of(4, 4));
  expect(ranges.covers(of(1, 5))).toBe(true);
  expect(ranges.covers(of(1, 5, "q"))).toBe(false);
  expect(ranges.touches(of(5, 9))).toBe(true);
});
