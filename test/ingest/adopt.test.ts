// A table that a Collector writes, adopted: what Faultline derives of it equals what it derives of the same spans sent to it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startFollower } from "../../ingest/adopt/follower.ts";
import { transcodeJson } from "../../ingest/otlp/json.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { readRecording } from "../../service/recording.ts";
import { type AdoptOptions, findAdoptedSource, showAdopted } from "../../storage/adopt.ts";
import { readExemplarTraces } from "../../storage/exemplar-traces.ts";
import { splitStatements } from "../../storage/sql-statements.ts";
import {
  type CollectorVersion,
  collectorRows,
  createCollectorTable,
  insertCollectorRows,
} from "../fixtures/collector-table.ts";
import { SAMPLES_AT_MS } from "../fixtures/otlp-blocks.ts";
import { encodeOtlp } from "../fixtures/otlp-oracle.ts";
import { SAMPLES } from "../fixtures/otlp-samples.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const DATA = process.env["FAULTLINE_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const RECORDING = `${DATA}/mesh-lab/open-b.otlp.zst`;
const JSON_SAMPLES = `${DATA}/mesh-samples/otlp`;
/** Spans taken from the recording. */
const RECORDED_SPANS = Number(process.env["FAULTLINE_PARITY_SPANS"] ?? 8_000);
const TIMES = { pollMs: 50, leaseMs: 10_000 };
const VERSIONS: readonly CollectorVersion[] = ["v0.161", "v0.88"];

let server: TestStorage;
let test: TestStorage;
let table: string;

beforeAll(async () => {
  server = await startTestStorage({ migrate: false });
});

afterAll(() => server.stop());

beforeEach(async () => {
  test = await startTestStorage();
  table = `collector_${test.storage.database}.otel_traces`;
});

afterEach(async () => {
  await test.storage.client.command({ query: `DROP DATABASE IF EXISTS collector_${test.storage.database}` });
  await test.stop();
});

function optionsOf(more: Partial<AdoptOptions> = {}): AdoptOptions {
  return { table, tenant: "adopted", cluster: "", backfillHours: 36, ...more };
}

function follow(options: AdoptOptions, nowMs = SAMPLES_AT_MS): Promise<{ stop(): Promise<void> }> {
  return startFollower(
    { storage: test.storage, makeBlock: createRowBlocks(DECODE_LIMITS).traces, clock: () => nowMs },
    options,
    TIMES,
  );
}

async function rows<Row>(query: string): Promise<Row[]> {
  return (await test.storage.client.query({ query, format: "JSONEachRow" })).json<Row>();
}

async function countOf(query: string): Promise<number> {
  const [row] = await rows<{ n: number }>(`SELECT count() AS n FROM ${query}`);
  return Number(row?.n);
}

/** Waits until the adopted tenant has so many spans, and a little longer to see whether more come. */
async function settled(spans: number): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await countOf("span_edges WHERE Tenant = 'adopted'")) < spans && Date.now() < deadline) await sleep(50);
  await sleep(6 * TIMES.pollMs);
  expect(await countOf("span_edges WHERE Tenant = 'adopted'")).toBe(spans);
}

/** Sends payloads to ingest as tenant `default`. */
async function send(payloads: readonly Uint8Array[]): Promise<void> {
  const ingest = await startIngest({
    storage: test.storage,
    options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0 },
  });
  try {
    const post = async (body: Uint8Array): Promise<void> => {
      const headers = { "content-type": "application/x-protobuf" };
      const response = await fetch(`${ingest.httpUrl}/v1/traces`, { method: "POST", headers, body });
      expect(response.status, await response.text()).toBe(200);
    };
    for (let i = 0; i < payloads.length; i += 256) await Promise.all(payloads.slice(i, i + 256).map(post));
  } finally {
    await ingest.stop();
  }
}

const EDGE_COLUMNS =
  "Timestamp ParentKey LinkKeys Kind Proxy Outcome ResponseCode Duration Cluster Namespace Service Version Instance Node Operation Protocol Peer PeerKind ResponseFlags".split(
    " ",
  );

/** Of each column of span_edges, the share of spans that are equal in both tenants. */
async function equalShares(): Promise<Record<string, number>> {
  const of = (tenant: string): string =>
    `(SELECT *, row_number() OVER (PARTITION BY SpanKey ORDER BY Timestamp, Duration) AS n FROM span_edges WHERE Tenant = '${tenant}')`;
  const shares = EDGE_COLUMNS.map((column) => `avg(a.${column} = b.${column}) AS ${column}`).join(", ");
  const [row] = await rows<Record<string, number>>(
    `SELECT ${shares} FROM ${of("default")} AS a INNER JOIN ${of("adopted")} AS b ON a.SpanKey = b.SpanKey AND a.n = b.n`,
  );
  return row ?? {};
}

/** Rows that one tenant has and the other has not. */
async function differing(table: string, columns: string): Promise<unknown[]> {
  return rows(
    `SELECT ${columns}, groupArray(toString(Tenant)) AS tenants FROM ${table} GROUP BY ${columns} HAVING length(tenants) != 2 LIMIT 3`,
  );
}

async function graphsAreEqual(): Promise<void> {
  const [range] = await rows<{ first: number; last: number }>(
    "SELECT toUnixTimestamp(min(Bucket)) AS first, toUnixTimestamp(max(Bucket)) + 10 AS last FROM arrivals",
  );
  await test.storage.command("pair_edges", {
    from: range?.first,
    to: range?.last,
    known_at: "2299-01-01 00:00:00",
  });
  expect(await countOf("edge_buckets_staging WHERE Tenant = 'adopted'")).toBeGreaterThan(0);
  const [columns] = await rows<{ names: string[] }>(
    "SELECT groupArray(name) AS names FROM system.columns WHERE database = currentDatabase() AND table = 'edge_buckets_staging' AND name != 'Tenant'",
  );
  expect(await differing("edge_buckets_staging", (columns?.names ?? []).join(", "))).toEqual([]);
}

async function isEqualToIngest(
  version: CollectorVersion,
  payloads: readonly Uint8Array[],
): Promise<Record<string, number>> {
  await createCollectorTable(test.storage, version, table);
  const written = payloads.flatMap((payload) => collectorRows(version, payload));
  for (let i = 0; i < written.length; i += 5_000) {
    await insertCollectorRows(test.storage, table, written.slice(i, i + 5_000));
  }
  await send(payloads);
  const spans = await countOf("span_edges WHERE Tenant = 'default'");
  const follower = await follow(optionsOf());
  try {
    await settled(spans);
  } finally {
    await follower.stop();
  }
  expect(
    await differing(
      "(SELECT Tenant, Bucket, sum(RowCount) AS rows, max(LastTimestamp) AS last FROM arrivals GROUP BY Tenant, Bucket)",
      "Bucket, rows, last",
    ),
  ).toEqual([]);
  expect(
    await differing(
      "entities FINAL",
      "Cluster, Namespace, Service, Version, Instance, Node, Runtime, Isolation, LastSeen",
    ),
  ).toEqual([]);
  return equalShares();
}

const ALL_EQUAL = Object.fromEntries(EDGE_COLUMNS.map((column) => [column, 1]));

describe.each(VERSIONS)("a table of %s gives what ingest gives", (version) => {
  it("for spans with every field of OTLP and every convention", async () => {
    const payloads = SAMPLES.filter(({ signal }) => signal === "traces").map(({ signal, message }) =>
      encodeOtlp(signal, message),
    );
    const shares = await isEqualToIngest(version, payloads);
    expect(shares).toEqual(ALL_EQUAL);
  });

  it.skipIf(!existsSync(JSON_SAMPLES))("for the examples of the OTLP specification", async () => {
    const payloads = readdirSync(JSON_SAMPLES)
      .filter((name) => name.startsWith("trace"))
      .map((name) => transcodeJson("traces", readFileSync(`${JSON_SAMPLES}/${name}`)))
      .flatMap((outcome) => (outcome.ok ? [Uint8Array.from(outcome.bytes)] : []));
    expect(payloads.length).toBeGreaterThan(0);
    await createCollectorTable(test.storage, version, table);
    await insertCollectorRows(
      test.storage,
      table,
      payloads.flatMap((payload) => collectorRows(version, payload)),
    );
    await send(payloads);
    const newest = await rows<{ at: number }>("SELECT toUnixTimestamp(max(Timestamp)) * 1000 AS at FROM span_edges");
    const follower = await follow(optionsOf(), Number(newest[0]?.at));
    await settled(await countOf("span_edges WHERE Tenant = 'default'"));
    await follower.stop();
    expect(await equalShares()).toEqual(ALL_EQUAL);
  });

  it.skipIf(!existsSync(RECORDING))(
    "for recorded spans of a mesh, and the same graph",
    async () => {
      const payloads: Uint8Array[] = [];
      let spans = 0;
      for await (const frame of readRecording(RECORDING)) {
        if (frame.signal !== "T") continue;
        payloads.push(Uint8Array.from(frame.body));
        spans += collectorRows(version, frame.body).length;
        if (spans >= RECORDED_SPANS) break;
      }
      const shares = await isEqualToIngest(version, payloads);
      // Names of operations learn from what came before (routes that applications declare), and a table is read in another order.
      const { Operation, ...others } = shares;
      const { Operation: _operation, ...equal } = ALL_EQUAL;
      expect(others).toEqual(equal);
      expect(Operation).toBeGreaterThan(0.98);
      await graphsAreEqual();
    },
    120_000,
  );
});

describe("an adopted table", () => {
  const payload = encodeOtlp("traces", SAMPLES.find(({ signal }) => signal === "traces")?.message ?? {});

  it("is shown by otel_traces and found by exemplars", async () => {
    await createCollectorTable(test.storage, "v0.88", table);
    await insertCollectorRows(test.storage, table, collectorRows("v0.88", payload));
    await send([payload]);
    const own = await countOf("otel_traces");
    const follower = await follow(optionsOf());
    await settled(own);
    await follower.stop();
    expect(await countOf("otel_traces")).toBe(own + (await countOf(table)));
    const [span] = await rows<{ Service: string; at: number }>(
      "SELECT Service, toUnixTimestamp(Timestamp) AS at FROM span_edges WHERE Service != '' LIMIT 1",
    );
    const query = { tenant: "adopted", version: "", instance: "", peer: "", failed: false, maxCount: 100 };
    const at = Number(span?.at);
    const traces = await readExemplarTraces(test.storage, {
      ...query,
      service: span?.Service ?? "",
      from: at,
      to: at + 1,
    });
    expect(traces.length).toBeGreaterThan(0);
    expect(await countOf(`${table} WHERE TraceId = '${traces[0] ?? ""}'`)).toBeGreaterThan(0);

    // The table is gone and the views still name it: what is ours is told all the same.
    await test.storage.client.command({ query: `DROP TABLE ${table} SYNC` });
    const mine = { ...query, tenant: "default", service: span?.Service ?? "", from: at, to: at + 1 };
    expect(traces).toEqual(expect.arrayContaining(await readExemplarTraces(test.storage, mine)));
    expect(await readExemplarTraces(test.storage, { ...mine, tenant: "adopted" })).toEqual([]);

    await showAdopted(test.storage, null);
    expect(await countOf("otel_traces")).toBe(own);
  });

  it("is refused with the name of what is missing", async () => {
    await test.storage.client.command({ query: `CREATE DATABASE collector_${test.storage.database}` });
    await test.storage.client.command({
      query: `CREATE TABLE ${table} (Timestamp DateTime64(9), TraceId String) ENGINE = MergeTree ORDER BY TraceId`,
    });
    await expect(follow(optionsOf())).rejects.toThrow("has no column SpanId");
    await test.storage.client.command({ query: `CREATE VIEW ${table}_view AS SELECT 1` });
    await expect(findAdoptedSource(test.storage, `${table}_view`)).rejects.toThrow("its engine is View");
    await expect(findAdoptedSource(test.storage, "otel_traces")).rejects.toThrow("database.table");
  });
});

it("derives from adopted spans by the very statements that derive from our own", () => {
  const read = (name: string): string[] =>
    splitStatements(readFileSync(new URL(`../../storage/migrations/${name}`, import.meta.url), "utf8"))
      .map((statement) => statement.replace(/^(--[^\n]*\n)+/, ""))
      .filter((statement) => statement.startsWith("CREATE MATERIALIZED VIEW"));
  const own = read("0001_spans.sql");
  expect(own).toHaveLength(3);
  expect(read("0011_adopt.sql").map((text) => text.replaceAll("adopted_", ""))).toEqual(own);
});
