// Traces out of a real ClickHouse: found with a time and without, whole over hours, copies and bounds, an adopted table, tenants.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startFollower } from "../../ingest/adopt/follower.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { MAX_TRACE_SPANS, type TraceSpan } from "../../model/trace/span.ts";
import { buildTraceView } from "../../model/trace/view.ts";
import { showAdopted } from "../../storage/adopt.ts";
import { listTraces, readSpanDetails, readTrace, type StoredTrace } from "../../storage/traces.ts";
import { readWholeTrace } from "../../storage/whole-traces.ts";
import {
  type CollectorVersion,
  collectorRows,
  createCollectorTable,
  insertCollectorRows,
} from "../fixtures/collector-table.ts";
import { encodeOtlp } from "../fixtures/otlp-oracle.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { storeSpans } from "../fixtures/trace-rows.ts";
import { EPOCH_NS, madeSpan, TRACE_ID } from "../model/trace/made-spans.ts";

const EPOCH_SECONDS = Number(EPOCH_NS / 1_000_000_000n);
const HOUR_MS = 3_600_000;
const NEWER_TRACE = "33333333333333333333333333333333";

let test: TestStorage;
// Each test is a tenant of its own: no other test's spans are there, and the newest span is its own.
let tenant: string;
let tenants = 0;

beforeAll(async () => {
  test = await startTestStorage();
});

afterAll(() => test.stop());

beforeEach(() => {
  tenant = `tenant-${++tenants}`;
});

function read(more: { traceId?: string; aroundSeconds?: number; nowSeconds?: number; tenant?: string } = {}) {
  return readTrace(test.storage, {
    tenant: more.tenant ?? tenant,
    traceId: more.traceId ?? TRACE_ID,
    aroundSeconds: more.aroundSeconds ?? null,
    nowSeconds: more.nowSeconds ?? EPOCH_SECONDS + 30 * 86_400,
  });
}

function idsOf(trace: StoredTrace | null): string[] | null {
  return trace === null ? null : trace.spans.map(({ spanId }) => spanId);
}

function store(spans: readonly TraceSpan[], traceId = TRACE_ID): Promise<void> {
  return storeSpans(test.storage, traceId, spans, { tenant });
}

/** A span of another trace, so many hours after the epoch: the newest data. */
function newest(hours: number): Promise<void> {
  return store([madeSpan("n", { at: [hours * HOUR_MS, hours * HOUR_MS + 1] })], NEWER_TRACE);
}

describe("a trace", () => {
  it("comes back as it was written", async () => {
    const span: TraceSpan = madeSpan("00000000000000a1", {
      at: [0.000001, 12.345678],
      parent: "00000000000000a0",
      kind: "Consumer",
      service: "notify",
      proxy: true,
      outcome: "degraded",
      more: {
        name: "orders receive",
        operation: "receive orders",
        protocol: "messaging",
        version: "v2",
        node: "n1",
        runtime: "GVISOR",
        isolation: "GVISOR",
        responseCode: 404,
        flags: "DC,UT",
        peer: "orders",
        peerKind: "messaging",
        message: "late",
        links: [
          { traceId: NEWER_TRACE, spanId: "00000000000000b1" },
          { traceId: TRACE_ID, spanId: "00000000000000b2" },
        ],
      },
    });
    await store([span]);
    expect(await read()).toEqual({ spans: [span], isCut: false });
  });

  it.each([0, 0.5, 5, 20, 100])("is found without a time when it is %d h older than the newest span", async (hours) => {
    await store([madeSpan("a", { at: [0, 1] })]);
    await newest(hours);
    expect(idsOf(await read())).toEqual(["a"]);
  });

  it("is found although another span has a time far ahead", async () => {
    await store([madeSpan("a", { at: [0, 1] })]);
    await newest(100 * 24);
    expect(idsOf(await read({ nowSeconds: EPOCH_SECONDS + 60 }))).toEqual(["a"]);
  });

  it("is found at any age with a time near it, and by a wrong time as if there were none", async () => {
    await store([madeSpan("a", { at: [0, 1] })]);
    await newest(9 * 24);
    expect(await read()).toBeNull();
    expect(idsOf(await read({ aroundSeconds: EPOCH_SECONDS + 3000 }))).toEqual(["a"]);
    expect(idsOf(await read({ aroundSeconds: EPOCH_SECONDS + 9 * 86_400, traceId: NEWER_TRACE }))).toEqual(["n"]);
    await store([madeSpan("b", { at: [9 * 24 * HOUR_MS, 9 * 24 * HOUR_MS + 1] })]);
    expect(idsOf(await read({ aroundSeconds: EPOCH_SECONDS - 86_400 }))).toEqual(["b"]);
  });

  it("is whole where it goes over minutes, midnight and the edge of a search", async () => {
    // The epoch is 16:00; eight hours on is midnight. The newest span is so late that the search's first step cuts the trace.
    const at = (ms: number): readonly [number, number] => [8 * HOUR_MS + ms, 8 * HOUR_MS + ms + 1];
    await store([
      madeSpan("a", { at: at(-40 * 60_000) }),
      madeSpan("b", { at: at(-1) }),
      madeSpan("c", { at: at(0) }),
      madeSpan("d", { at: at(600_000) }),
    ]);
    await newest(8.9);
    expect(idsOf(await read())).toEqual(["a", "b", "c", "d"]);
  });

  it("is only its tenant's", async () => {
    await storeSpans(test.storage, TRACE_ID, [madeSpan("a", { at: [0, 1] })], { tenant: "one" });
    await storeSpans(test.storage, TRACE_ID, [madeSpan("b", { at: [0, 1] })], { tenant: "two" });
    expect(idsOf(await read({ tenant: "one" }))).toEqual(["a"]);
    expect(await read()).toBeNull();
    const details = await readSpanDetails(
      test.storage,
      { tenant: "one", traceId: TRACE_ID, aroundSeconds: null, nowSeconds: EPOCH_SECONDS },
      ["a", "b"],
    );
    expect(details.map(({ spanId }) => spanId)).toEqual(["a"]);
  });

  it("is cut, and says so, where it has more copies of spans than are read", async () => {
    const limit = 2 * MAX_TRACE_SPANS;
    const spans = Array.from({ length: limit / 2 + 1 }, (_, i) => madeSpan(`s${i}`, { at: [i / 10, i / 10 + 1] }));
    await store(spans);
    await store(spans);
    const stored = await read();
    expect(stored?.isCut).toBe(true);
    expect(stored?.spans).toHaveLength(limit);
    expect(stored?.spans[0]?.spanId).toBe("s0");
  }, 120_000);
});

describe("an adopted table", () => {
  const at = BigInt(EPOCH_SECONDS) * 1_000_000_000n;
  const bytes = (n: number, length: number): Buffer => Buffer.alloc(length, n);
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const payload = encodeOtlp("traces", {
    resourceSpans: [
      {
        resource: { attributes: [text("service.name", "shop")] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: bytes(0x33, 16),
                spanId: bytes(1, 8),
                name: "GET /cart",
                kind: 2,
                startTimeUnixNano: String(at),
                endTimeUnixNano: String(at + 100_000_000n),
                attributes: [text("http.route", "/cart"), text("http.request.method", "GET")],
                status: { code: 2, message: "boom" },
              },
              {
                traceId: bytes(0x33, 16),
                spanId: bytes(2, 8),
                parentSpanId: bytes(1, 8),
                name: "GET",
                kind: 3,
                startTimeUnixNano: String(at + 10_000_000n),
                endTimeUnixNano: String(at + 90_000_000n),
                attributes: [text("server.address", "cart")],
              },
            ],
          },
        ],
      },
    ],
  });

  it.each<CollectorVersion>(["v0.161", "v0.88"])(
    "of %s: its traces are read, listed and told in detail, by their tenant alone",
    async (version) => {
      const table = `collector_${test.storage.database}_${version.replace(/\W/g, "_")}.otel_traces`;
      await createCollectorTable(test.storage, version, table);
      await insertCollectorRows(test.storage, table, collectorRows(version, payload));
      const follower = await startFollower(
        { storage: test.storage, makeBlock: createRowBlocks(DECODE_LIMITS).traces, clock: () => EPOCH_SECONDS * 1000 },
        { table, tenant, cluster: "", backfillHours: 36 },
        { pollMs: 50, leaseMs: 10_000 },
      );
      try {
        const lookup = { tenant, traceId: NEWER_TRACE, aroundSeconds: null, nowSeconds: EPOCH_SECONDS };
        let stored: StoredTrace | null = null;
        for (const end = Date.now() + 60_000; stored === null && Date.now() < end; await sleep(50)) {
          stored = await readTrace(test.storage, lookup);
        }
        const [one, two] = stored?.spans ?? [];
        expect(stored?.spans).toHaveLength(2);
        expect(one).toMatchObject({
          spanId: "0101010101010101",
          parentSpanId: "",
          kind: "Server",
          startNs: at,
          durationNs: 100e6,
          service: "shop",
          operation: "GET /cart",
          outcome: "failed",
          message: "boom",
        });
        expect(two).toMatchObject({ parentSpanId: "0101010101010101", kind: "Client", peer: "cart" });
        expect(buildTraceView(NEWER_TRACE, stored?.spans ?? []).distinct.duplicates).toBe(0);
        expect(await readTrace(test.storage, { ...lookup, tenant: "default" })).toBeNull();
        const details = await readSpanDetails(test.storage, lookup, ["0101010101010101"]);
        expect(details).toMatchObject([
          {
            spanId: "0101010101010101",
            kind: "Server",
            statusCode: "Error",
            service: "shop",
            attributes: { "http.route": "/cart" },
          },
        ]);
        expect(await readSpanDetails(test.storage, { ...lookup, tenant: "default" }, ["0101010101010101"])).toEqual([]);
        const whole = await readWholeTrace(test.storage, lookup, 10);
        expect(whole).toMatchObject({
          isCut: false,
          spans: [
            { name: "GET /cart", kind: "Server", statusCode: "Error", statusMessage: "boom", durationNs: 100e6 },
            { name: "GET", kind: "Client", parentSpanId: "0101010101010101", resource: { "service.name": "shop" } },
          ],
        });
        expect(await readWholeTrace(test.storage, lookup, 1)).toMatchObject({
          isCut: true,
          spans: [{ kind: "Server" }],
        });
        expect(await readWholeTrace(test.storage, { ...lookup, tenant: "default" }, 10)).toBeNull();
        const list = {
          fromSeconds: EPOCH_SECONDS - 60,
          toSeconds: EPOCH_SECONDS + 60,
          service: "",
          operation: "",
          minDurationNs: 0,
          failedOnly: true,
          byDuration: true,
          limit: 10,
        };
        expect(await listTraces(test.storage, { ...list, tenant })).toMatchObject([
          {
            listed: { traceId: NEWER_TRACE, durationNs: 100e6, service: "shop", operation: "GET /cart", matched: 1 },
            head: null,
          },
        ]);
        expect(await listTraces(test.storage, { ...list, tenant: "default" })).toEqual([]);
      } finally {
        await follower.stop();
        await test.storage.client.command({ query: `DROP DATABASE IF EXISTS ${table.split(".")[0] ?? ""}` });
        // The table is gone and the views still name it: one's own traces must not go with it.
        await store([madeSpan("own", { at: [0, 1] })]);
        expect(idsOf(await read())).toEqual(["own"]);
        await showAdopted(test.storage, null);
      }
    },
    120_000,
  );
});
