// Names past a limit, in storage: the rows are kept, the engine counts them, a chunk that is stored again is not counted again.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CARDINALITY_LIMITS } from "../../ingest/cardinality-limits.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { ResourceMemory } from "../../ingest/otlp/resource-memory.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { createSenderRules } from "../../ingest/sender-rules.ts";
import { readOverflows } from "../../storage/overflows.ts";
import { encodeOtlp, type OtlpSignal } from "../fixtures/otlp-oracle.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const NOW_MS = 1_795_388_901_000;
const T = `${NOW_MS}000000`;

let test: TestStorage;
beforeAll(async () => {
  test = await startTestStorage();
});
afterAll(() => test.stop());

function text(key: string, value: string): object {
  return { key, value: { stringValue: value } };
}

function resource(service: string, pod: string): object {
  return { attributes: [text("service.name", service), text("k8s.pod.name", pod)] };
}

function span(name: string): object {
  return { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1), name, kind: 2, startTimeUnixNano: T };
}

async function store(signal: OtlpSignal, tenant: string, message: object, token: string): Promise<void> {
  const limits = { ...CARDINALITY_LIMITS, services: 2, instancesPerService: 2, operationsPerService: 2 };
  const rules = createSenderRules({ cardinality: limits, aliases: new Map() }, 7, () => NOW_MS);
  const block = createRowBlocks(DECODE_LIMITS, rules)[signal](new ResourceMemory(42));
  expect(block.decode(encodeOtlp(signal, message as never), NOW_MS, tenant)).toMatchObject({ ok: true });
  for (const { table, columns, chunks } of block.inserts())
    await test.storage.insertNative(table, columns, chunks, `${token}:${table}`);
}

describe("overflows", () => {
  it("of spans are counted by dimension and service, with a sample, once a token", async () => {
    const resourceSpans = [
      { resource: resource("cart", "cart-1"), scopeSpans: [{ spans: ["a", "b", "c", "d"].map(span) }] },
      { resource: resource("cart", "cart-2"), scopeSpans: [{ spans: [span("a")] }] },
      { resource: resource("cart", "cart-3"), scopeSpans: [{ spans: [span("a"), span("c")] }] },
      { resource: resource("price", "price-1"), scopeSpans: [{ spans: [span("a")] }] },
      { resource: resource("evil", "evil-1"), scopeSpans: [{ spans: [span("a"), span("b")] }] },
    ];
    for (let attempt = 0; attempt < 2; attempt++) await store("traces", "shop", { resourceSpans }, "chunk");
    const since = { fromSeconds: NOW_MS / 1000 - 3_600, limit: 100 };
    const rows = await readOverflows(test.storage, { tenant: "shop", ...since });
    const told = rows.map(({ dimension, service, rowCount, sample }) => [dimension, service, rowCount, sample]);
    expect(told.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      ["instance", "cart", 2, ""],
      ["operation", "cart", 3, expect.stringMatching(/^[cd]$/)],
      ["service", "", 2, "evil"],
    ]);
    expect(await readOverflows(test.storage, { tenant: "other", ...since })).toEqual([]);
    expect(await readOverflows(test.storage, { tenant: "shop", ...since, fromSeconds: NOW_MS / 1000 + 7_200 })).toEqual(
      [],
    );
    const spans = await test.storage.client.query({
      query: `SELECT ServiceName, Service, Instance, ResourceAttributes['k8s.pod.name'] AS pod FROM ${test.storage.database}.spans WHERE Service = '__overflow__'`,
      format: "JSONEachRow",
    });
    expect(await spans.json()).toEqual(
      Array(2).fill({ ServiceName: "evil", Service: "__overflow__", Instance: "", pod: "evil-1" }),
    );
  });

  it("of logs and metrics count as well", async () => {
    const groups = ["one", "two", "three"].map((service) => ({ resource: resource(service, `${service}-1`) }));
    const resourceLogs = groups.map((group) => ({ ...group, scopeLogs: [{ logRecords: [{ timeUnixNano: T }] }] }));
    const point = { timeUnixNano: T, asDouble: 1 };
    const metric = { name: "m", gauge: { dataPoints: [point] } };
    const resourceMetrics = groups.map((group) => ({ ...group, scopeMetrics: [{ metrics: [metric] }] }));
    await store("logs", "logs", { resourceLogs }, "logs");
    await store("metrics", "metrics", { resourceMetrics }, "metrics");
    const since = { tenant: "", fromSeconds: NOW_MS / 1000 - 3_600, limit: 100 };
    const rows = await readOverflows(test.storage, since);
    expect(rows.filter(({ tenant }) => tenant !== "shop")).toMatchObject([
      { tenant: "logs", dimension: "service", rowCount: 1, sample: "three" },
      { tenant: "metrics", dimension: "service", rowCount: 1, sample: "three" },
    ]);
  });

  it("of access logs count by either side of the call", async () => {
    const row = { Timestamp: "2026-11-22T22:00:00Z", Tenant: "access", SrcService: "web", DstService: "cart" };
    await test.storage.insertRows("access_logs", [
      { ...row, Service: "cart", Operation: "__overflow__", Method: "GET", Path: "/x/1" },
      { ...row, Service: "web", DstInstance: "__overflow__" },
      { ...row, Service: "web", DstService: "__overflow__", Authority: "evil.example.com" },
      row,
    ]);
    const rows = await readOverflows(test.storage, { tenant: "access", fromSeconds: 1_700_000_000, limit: 100 });
    expect(rows.map(({ dimension, service, rowCount, sample }) => [dimension, service, rowCount, sample])).toEqual([
      ["instance", "cart", 1, ""],
      ["operation", "cart", 1, "GET /x/1"],
      ["service", "", 1, "evil.example.com"],
    ]);
  });
});
