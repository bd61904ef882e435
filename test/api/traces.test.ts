// The trace fields of the API over a real ClickHouse: one trace, its rows and findings, lists, details, who may see it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TraceSpan } from "../../model/trace/span.ts";
import { EPOCH_NS, madeSpan, madeTrace, TRACE_ID } from "../model/trace/made-spans.ts";
import { storeSpans } from "../fixtures/trace-rows.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { codes, startTestApi, type TestApi } from "./server-fixture.ts";

const AROUND = new Date(Number(EPOCH_NS / 1_000_000n)).toISOString();
const LATER = new Date(Number(EPOCH_NS / 1_000_000n) + 60_000).toISOString();
const LONG_TRACE = "11111111111111111111111111111111";
const OTHERS_TRACE = "22222222222222222222222222222222";
const id = (n: number): string => n.toString(16).padStart(16, "0");

/** shop → (sidecars) → cart → database; the database fails, cart passes it on. */
const CALL: TraceSpan[] = madeTrace({
  [id(1)]: {
    at: [0, 100],
    kind: "Server",
    service: "shop",
    outcome: "failed",
    more: { operation: "GET /", protocol: "http", responseCode: 500 },
  },
  [id(2)]: {
    at: [10, 90],
    parent: id(1),
    kind: "Client",
    service: "shop",
    outcome: "failed",
    more: { peer: "cart", peerKind: "service" },
  },
  [id(3)]: {
    at: [12, 88],
    parent: id(2),
    kind: "Client",
    service: "shop",
    proxy: true,
    outcome: "failed",
    more: { flags: "URX" },
  },
  [id(4)]: { at: [20, 80], parent: id(3), kind: "Server", service: "cart", proxy: true, outcome: "failed" },
  [id(5)]: {
    at: [25, 75],
    parent: id(4),
    kind: "Server",
    service: "cart",
    outcome: "failed",
    more: { operation: "GET /cart/{id}", protocol: "http", responseCode: 500 },
  },
  [id(6)]: {
    at: [30, 70],
    parent: id(5),
    kind: "Client",
    service: "cart",
    outcome: "failed",
    more: { operation: "SELECT carts", peer: "postgresql", peerKind: "database", message: "connection refused" },
  },
});

let test: TestStorage;
let api: TestApi;

beforeAll(async () => {
  test = await startTestStorage();
  api = await startTestApi(test.storage);
  await storeSpans(test.storage, TRACE_ID, CALL, { attributes: { "http.url": "http://shop/", component: "app" } });
  await storeSpans(test.storage, TRACE_ID, CALL.slice(2, 5));
  await storeSpans(test.storage, OTHERS_TRACE, CALL, { tenant: "others" });
  const long = Array.from({ length: 60_000 }, (_, i) =>
    madeSpan(id(i + 1), {
      at: [20_000 + i / 100, 20_001 + i / 100],
      ...(i === 0 ? {} : { parent: id(1) }),
      service: "batch",
    }),
  );
  await storeSpans(test.storage, LONG_TRACE, long);
});

afterAll(async () => {
  await api.stop();
  await test.stop();
});

describe("trace", () => {
  it("folds a call with its sidecars into one row, tells the path, and where the failure began", async () => {
    const { data, errors } = await api.ask(
      `query ($id: ID!, $around: DateTime) { trace(id: $id, around: $around) {
        id startedAt durationMs rawDurationMs spanCount hopCount failedCount duplicateCount truncated rootCount orphanCount cycleCount spanDepth hopDepth clusters
        services { entity { service } spanCount failedCount exclusiveMs criticalMs }
        rows { index parentIndex depth entity { service } caller { service } peer { service kind } operation kind outcome responseCode
          flags { flag owner } startMs durationMs exclusiveMs criticalMs proxyMs networkMs isFailureOrigin spans { spanId isProxy } }
        criticalPath { durationMs pausedMs doubts stepCount steps { spanId rowIndex startMs durationMs } }
        failures { spanId entity { service } site peer message reachedSpanId reachedRoot }
        silences { startMs } clockCorrections { correctionMs } linkedTraceIds } }`,
      { id: TRACE_ID.toUpperCase(), around: AROUND },
    );
    expect(errors).toBeUndefined();
    expect(data.trace).toMatchObject({
      id: TRACE_ID,
      startedAt: "2025-11-24T16:00:00.000000000Z",
      durationMs: 100,
      rawDurationMs: 100,
      spanCount: 6,
      hopCount: 3,
      failedCount: 6,
      duplicateCount: 3,
      truncated: false,
      rootCount: 1,
      orphanCount: 0,
      cycleCount: 0,
      spanDepth: 6,
      hopDepth: 3,
      clusters: ["east"],
      silences: [],
      clockCorrections: [],
      linkedTraceIds: [],
    });
    expect(data.trace.rows).toMatchObject([
      {
        index: 0,
        parentIndex: null,
        depth: 0,
        entity: { service: "shop" },
        caller: null,
        operation: "GET /",
        kind: "SERVER",
        exclusiveMs: 20,
        proxyMs: null,
      },
      {
        index: 1,
        parentIndex: 0,
        depth: 1,
        entity: { service: "cart" },
        caller: { service: "shop" },
        peer: null,
        operation: "GET /cart/{id}",
        outcome: "FAILED",
        responseCode: 500,
        flags: [{ flag: "URX", owner: "destination" }],
        startMs: 10,
        durationMs: 80,
        exclusiveMs: 40,
        criticalMs: 40,
        proxyMs: 14,
        networkMs: 16,
        isFailureOrigin: false,
        spans: [
          { spanId: id(2), isProxy: false },
          { spanId: id(3), isProxy: true },
          { spanId: id(4), isProxy: true },
          { spanId: id(5), isProxy: false },
        ],
      },
      {
        index: 2,
        parentIndex: 1,
        entity: { service: "cart" },
        peer: { service: "postgresql", kind: "DATABASE" },
        isFailureOrigin: true,
      },
    ]);
    expect(data.trace.criticalPath).toMatchObject({ durationMs: 100, pausedMs: 0, doubts: [], stepCount: 11 });
    expect(data.trace.criticalPath.steps[5]).toEqual({ spanId: id(6), rowIndex: 2, startMs: 30, durationMs: 40 });
    expect(data.trace.failures).toEqual([
      {
        spanId: id(6),
        entity: { service: "cart" },
        site: "UNANSWERED",
        peer: "postgresql",
        message: "connection refused",
        reachedSpanId: id(1),
        reachedRoot: true,
      },
    ]);
    expect(data.trace.services).toEqual([
      { entity: { service: "cart" }, spanCount: 3, failedCount: 3, exclusiveMs: 60, criticalMs: 60 },
      { entity: { service: "shop" }, spanCount: 3, failedCount: 3, exclusiveMs: 40, criticalMs: 40 },
    ]);
  });

  it("is found without a time, and unfolds", async () => {
    const { data } = await api.ask(
      `query ($id: ID!) { trace(id: $id) { rows(fold: false, first: 2, offset: 3) { index parentIndex entity { service } } } }`,
      { id: TRACE_ID },
    );
    expect(data.trace.rows).toEqual([
      { index: 3, parentIndex: 2, entity: { service: "cart" } },
      { index: 4, parentIndex: 3, entity: { service: "cart" } },
    ]);
  });

  it("is not shown to another tenant", async () => {
    const { data, errors } = await api.ask(
      `query ($id: ID!, $around: DateTime) { trace(id: $id, around: $around) { id } spanDetails(traceId: $id, spanIds: ["1"], around: $around) { spanId } }`,
      { id: OTHERS_TRACE, around: AROUND },
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({ trace: null, spanDetails: [] });
  });

  it("stops at 50,000 spans and says so", async () => {
    const { data } = await api.ask(
      `query ($id: ID!, $around: DateTime) { trace(id: $id, around: $around) { spanCount truncated rows(first: 1) { durationMs } criticalPath { doubts } } }`,
      {
        id: LONG_TRACE,
        around: AROUND,
      },
    );
    expect(data.trace).toEqual({
      spanCount: 50_000,
      truncated: true,
      rows: [{ durationMs: 1 }],
      criticalPath: { doubts: ["TRUNCATED"] },
    });
  });

  it.each([
    ['trace(id: "xyz") { id }', "BAD_ID"],
    ['trace(id: "abc") { rows(first: 10001) { index } }', null],
    [`spanDetails(traceId: "abc", spanIds: ["-"]) { spanId }`, "BAD_ID"],
    [`traces(range: { from: "${AROUND}", to: "${LATER}" }, first: 0) { id }`, "BAD_ARGUMENT"],
    [`traces(range: { from: "${LATER}", to: "${AROUND}" }) { id }`, "BAD_RANGE"],
    [`traces(range: { from: "${AROUND}", to: "${LATER}" }, minDurationMs: -1) { id }`, "BAD_ARGUMENT"],
  ])("%s: %s", async (field, code) => {
    const answer = await api.ask(`{ ${field} }`);
    expect(codes(answer)).toEqual(code === null ? [] : [code]);
  });

  it("refuses a page that is too long", async () => {
    const answer = await api.ask(`query ($id: ID!) { trace(id: $id) { rows(first: 10001) { index } } }`, {
      id: TRACE_ID,
    });
    expect(codes(answer)).toEqual(["BAD_ARGUMENT"]);
  });
});

describe("spanDetails", () => {
  it("tells everything of a span", async () => {
    const { data } = await api.ask(
      `query ($id: ID!, $ids: [ID!]!) { spanDetails(traceId: $id, spanIds: $ids) { spanId kind service attributes { key value } } }`,
      { id: TRACE_ID, ids: [id(1), id(99)] },
    );
    expect(data.spanDetails).toEqual([
      {
        spanId: id(1),
        kind: "Server",
        service: "shop",
        attributes: [
          { key: "component", value: "app" },
          { key: "http.url", value: "http://shop/" },
        ],
      },
    ]);
  });
});

describe("traces", () => {
  const list = async (more: string): Promise<unknown> => {
    const { data, errors } = await api.ask(
      `{ traces(range: { from: "${AROUND}", to: "${LATER}" }, ${more}) { id service operation matchedDurationMs matchedCount durationMs spanCount failedCount services rootService rootOperation } }`,
    );
    expect(errors).toBeUndefined();
    return data.traces;
  };
  const call = {
    id: TRACE_ID,
    durationMs: 100,
    spanCount: 6,
    failedCount: 6,
    services: ["cart", "shop"],
    rootService: "shop",
    rootOperation: "GET /",
  };

  it("lists roots, the newest first", async () => {
    expect(await list("first: 10")).toMatchObject([
      { id: LONG_TRACE, service: "batch", matchedCount: 1, spanCount: 60_000 },
      { ...call, service: "shop", operation: "GET /", matchedDurationMs: 100, matchedCount: 1 },
    ]);
  });

  it.each([
    [`service: "cart"`, [{ ...call, service: "cart", operation: "", matchedDurationMs: 60, matchedCount: 3 }]],
    [`service: "cart", operation: "SELECT carts"`, [{ ...call, operation: "SELECT carts", matchedDurationMs: 40 }]],
    [`service: "cart", minDurationMs: 61`, []],
    [`failed: true`, [call]],
    [`service: "nobody"`, []],
    [`order: SLOWEST, first: 1`, [call]],
  ])("%s", async (more, wanted) => {
    const found = (await list(more)) as { operation: string | null }[];
    expect(found.map((row) => ({ ...row, operation: row.operation ?? "" }))).toMatchObject(wanted);
    expect(found).toHaveLength(wanted.length);
  });
});

describe("compareTraces", () => {
  it("aligns two traces, and is null where one is missing", async () => {
    const { data, errors } = await api.ask(
      `query ($a: ID!, $b: ID!, $around: DateTime) {
        compareTraces(a: $a, b: $b, aroundA: $around, aroundB: $around) { first { id } second { id } durationDifferenceMs partCount missingCount extraCount
          parts(first: 3) { depth parentIndex operation state first { count durationMs } second { count } exclusiveDifferenceMs }
          largestDifferences(first: 1) { entity { service } exclusiveDifferenceMs } }
        none: compareTraces(a: $a, b: "${OTHERS_TRACE}", aroundA: $around, aroundB: $around) { partCount } }`,
      { a: TRACE_ID, b: LONG_TRACE, around: AROUND },
    );
    expect(errors).toBeUndefined();
    expect(data.none).toBeNull();
    expect(data.compareTraces).toMatchObject({
      first: { id: TRACE_ID },
      second: { id: LONG_TRACE },
      parts: [
        {
          depth: 0,
          parentIndex: null,
          operation: "GET /",
          state: "MISSING",
          first: { count: 1, durationMs: 100 },
          second: { count: 0 },
        },
        { depth: 1, parentIndex: 0, operation: "GET /cart/{id}", state: "MISSING" },
        { depth: 2, parentIndex: 1, operation: "SELECT carts", state: "MISSING" },
      ],
      missingCount: 3,
    });
  });
});
