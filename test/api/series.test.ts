// The scrape of series: the connectors' names and labels, counters that only grow, whatever arrives, restarts or races; text that parses.
import { gunzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { API_DEFAULTS, type ApiOptions } from "../../api/options.ts";
import { buildServer } from "../../api/server.ts";
import { expositionOf, type Family, writeExposition } from "../../api/series/exposition.ts";
import { SERIES_BOUNDS_MS, spreadOverBounds } from "../../model/series-bounds.ts";
import { bucketOf, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import { recomputeBuckets } from "../../storage/recompute.ts";
import { hashOfToken, writeToken } from "../../storage/tokens.ts";
import { hexId, insertSpans, type TestSpan } from "../golden/span-rows.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { readExposition, type ReadFamily, type ReadSample } from "./exposition-rules.ts";

const START_S = Date.UTC(2026, 2, 1, 9) / 1000;
const HOST = { host: "localhost" };

// Several statements a test, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let database: TestStorage;
// Every test is a tenant of its own.
let tenant = "";
let tenants = 0;
beforeAll(async () => {
  database = await startTestStorage();
});
afterAll(() => database.stop());
beforeEach(() => {
  tenant = `tenant-${++tenants}`;
});

async function startServer(nowS: () => number, options: Partial<ApiOptions> = {}): Promise<FastifyInstance> {
  return buildServer({
    storage: database.storage,
    localize: null,
    checks: {},
    version: "0",
    now: () => nowS() * 1000,
    options: { ...API_DEFAULTS, tenant, ...options },
  });
}

async function scrape(app: FastifyInstance, headers: Record<string, string> = {}): Promise<ReadFamily[]> {
  const answer = await app.inject({ url: "/metrics/graph", headers: { ...HOST, ...headers } });
  expect(answer.statusCode).toBe(200);
  return readExposition(answer.body, String(answer.headers["content-type"]).startsWith("application/openmetrics"));
}

function samplesOf(families: readonly ReadFamily[], name: string): ReadSample[] {
  return families.flatMap((family) => family.samples.filter((sample) => sample.name === name));
}

/** Values by the labels that are asked for. */
function valuesOf(families: readonly ReadFamily[], name: string, ...labels: string[]): Record<string, number> {
  return Object.fromEntries(
    samplesOf(families, name).map((sample) => [labels.map((label) => sample.labels[label]).join("|"), sample.value]),
  );
}

let traces = 0;
interface CallSpec {
  readonly from: string;
  readonly to: string;
  readonly at: number;
  readonly failed?: boolean;
  readonly ms?: number;
  readonly owner?: string;
  readonly operation?: string;
}

/** A root server span in the caller, its client span, and the callee's server span. */
function call({ from, to, at, failed = false, ms = 3, owner = tenant, operation = "GET /" }: CallSpec): TestSpan[] {
  const trace = hexId(`series ${++traces}`, 32);
  const one = (id: string, parent: string, kind: TestSpan["kind"], service: string, durationMs: number): TestSpan => ({
    tenant: owner,
    trace,
    id: hexId(id, 16),
    parent: parent === "" ? "" : hexId(parent, 16),
    startNs: BigInt(Math.round((START_S + at) * 1000)) * 1_000_000n,
    durationNs: durationMs * 1_000_000,
    kind,
    service,
    outcome: failed ? "failed" : "ok",
    operation,
  });
  return [
    one("root", "", "Server", from, ms + 2),
    one("client", "root", "Client", from, ms + 1),
    one("server", "client", "Server", to, ms),
  ];
}

/** Stores spans and brings the graph of [from, to) up to date, as a cycle of the analyzer does; seconds after the start. */
async function arrive(spans: readonly TestSpan[], from = 0, to = 120): Promise<void> {
  await insertSpans(database.storage, spans);
  await pair(from, to);
}

async function pair(from: number, to: number): Promise<void> {
  await recomputeBuckets(database.storage, START_S + from, START_S + to);
  const rows = Array.from({ length: (to - from) / 10 }, (_, i) => START_S + from + 10 * i);
  await database.storage.insertRows(
    "analyzed_buckets",
    rows.map((bucket) => ({ Tenant: tenant, Bucket: bucket, RowCount: 1, PairedRows: 1, Revision: 1 })),
  );
}

const families = [
  "traces_service_graph_request_total",
  "traces_service_graph_request_failed_total",
  "traces_service_graph_request_server_seconds",
  "traces_service_graph_request_client_seconds",
  "traces_spanmetrics_calls_total",
  "traces_spanmetrics_duration_milliseconds",
];

describe("a scrape", () => {
  it("has the connectors' names, labels and buckets", async () => {
    const calls = [1, 2, 3, 4].flatMap((at) => call({ from: "shop", to: "cart", at, failed: at === 4, ms: 3 }));
    const query: TestSpan = {
      ...call({ from: "cart", to: "x", at: 5 })[1]!,
      parent: "",
      id: hexId("query", 16),
      protocol: "db",
      peer: "postgresql:main",
      peerKind: "database",
      operation: "SELECT items",
    };
    await arrive([...calls, query]);
    const app = await startServer(() => START_S + 600);
    const found = await scrape(app);
    expect(found.map((family) => family.name).filter((name) => name.startsWith("traces_"))).toEqual(families);
    const edge = ["client", "server", "connection_type", "virtual_node", "failed"];
    expect(valuesOf(found, "traces_service_graph_request_total", ...edge)).toEqual({
      "shop|cart|||false": 3,
      "shop|cart|||true": 1,
      "user|shop|virtual_node|client|false": 3,
      "user|shop|virtual_node|client|true": 1,
      "cart|postgresql:main|database||false": 1,
      "cart|postgresql:main|database||true": 0,
    });
    expect(valuesOf(found, "traces_service_graph_request_failed_total", "client", "server")).toEqual({
      "shop|cart": 1,
      "user|shop": 1,
      "cart|postgresql:main": 0,
    });
    expect(samplesOf(found, "traces_service_graph_request_total")[0]!.labels).toMatchObject({
      client_k8s_namespace_name: "shop",
      server_k8s_namespace_name: "shop",
      client_k8s_cluster_name: "east",
      server_k8s_cluster_name: "east",
    });
    const buckets = samplesOf(found, "traces_service_graph_request_client_seconds_bucket").filter(
      ({ labels }) => labels["client"] === "shop" && labels["server"] === "cart",
    );
    expect(buckets.map(({ labels }) => labels["le"]).join()).toBe(
      "0.002,0.004,0.006,0.008,0.01,0.05,0.1,0.2,0.4,0.8,1,1.4,2,5,10,15,+Inf",
    );
    expect(buckets.find(({ labels }) => labels["le"] === "0.002")!.value).toBe(0);
    expect(buckets.find(({ labels }) => labels["le"] === "0.006")!.value).toBe(4);
    expect(valuesOf(found, "traces_service_graph_request_client_seconds_sum", "client", "server")).toMatchObject({
      "shop|cart": 0.016,
    });
    const span = ["service_name", "span_name", "span_kind", "status_code"];
    expect(valuesOf(found, "traces_spanmetrics_calls_total", ...span)).toEqual({
      "shop|GET /|SPAN_KIND_SERVER|STATUS_CODE_UNSET": 3,
      "shop|GET /|SPAN_KIND_SERVER|STATUS_CODE_ERROR": 1,
      "shop|GET /|SPAN_KIND_CLIENT|STATUS_CODE_UNSET": 3,
      "shop|GET /|SPAN_KIND_CLIENT|STATUS_CODE_ERROR": 1,
      "cart|GET /|SPAN_KIND_SERVER|STATUS_CODE_UNSET": 3,
      "cart|GET /|SPAN_KIND_SERVER|STATUS_CODE_ERROR": 1,
      "cart|SELECT items|SPAN_KIND_CLIENT|STATUS_CODE_UNSET": 1,
    });
    // A duration on a bound is in the bucket of that bound: 4 ms is at most 4.
    const durations = samplesOf(found, "traces_spanmetrics_duration_milliseconds_bucket").filter(
      ({ labels }) =>
        labels["service_name"] === "shop" &&
        labels["span_kind"] === "SPAN_KIND_CLIENT" &&
        labels["status_code"] === "STATUS_CODE_UNSET",
    );
    expect(durations.find(({ labels }) => labels["le"] === "4")!.value).toBe(3);
    expect(durations.find(({ labels }) => labels["le"] === "2")!.value).toBe(0);
    await app.close();
  });

  it("counts what came in at the sidecar where there is one, else at the application", async () => {
    const base = { trace: hexId("sidecar", 32), tenant, durationNs: 5_000_000, service: "cart" } as const;
    const at = (ms: number): bigint => BigInt(START_S * 1000 + ms) * 1_000_000n;
    const proxy: TestSpan = { ...base, id: hexId("p", 16), parent: "", startNs: at(1), kind: "Server", proxy: true };
    const app: TestSpan = { ...base, id: hexId("a", 16), parent: proxy.id, startNs: at(2), kind: "Server" };
    const refused: TestSpan = { ...proxy, trace: hexId("refused", 32), outcome: "failed" };
    await arrive([proxy, app, refused, ...call({ from: "shop", to: "bare", at: 3 })]);
    const scraped = await scrape(await startServer(() => START_S + 600));
    expect(
      valuesOf(scraped, "traces_spanmetrics_calls_total", "service_name", "span_kind", "status_code"),
    ).toMatchObject({
      "cart|SPAN_KIND_SERVER|STATUS_CODE_UNSET": 1,
      "cart|SPAN_KIND_SERVER|STATUS_CODE_ERROR": 1,
      "bare|SPAN_KIND_SERVER|STATUS_CODE_UNSET": 1,
    });
  });

  it("speaks OpenMetrics to who asks for it, and gzip", async () => {
    await arrive(call({ from: "shop", to: "cart", at: 1 }));
    const app = await startServer(() => START_S + 600);
    const accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    const found = await scrape(app, { accept });
    const family = found.find((one) => one.name === "traces_service_graph_request");
    expect(family).toMatchObject({ type: "counter" });
    expect(found.find((one) => one.name === "traces_spanmetrics_duration_milliseconds")).toMatchObject({
      unit: "milliseconds",
    });
    const answer = await app.inject({ url: "/metrics/graph", headers: { ...HOST, "accept-encoding": "gzip" } });
    expect(readExposition(gunzipSync(answer.rawPayload).toString(), false).length).toBe(found.length);
    await app.close();
  });

  it.each([
    [undefined, "prometheus"],
    ["*/*", "prometheus"],
    ["text/plain;q=0.9, application/openmetrics-text;q=0.1", "prometheus"],
    ["application/openmetrics-text", "openmetrics"],
    ["application/openmetrics-text;q=0", "prometheus"],
  ])("takes Accept %s as %s", (accept, form) => {
    expect(expositionOf(accept)).toBe(form);
  });

  it("shows the tenant of the token, and refuses one that may not read", async () => {
    const tokens = [
      ["good", "red", ["read"]],
      ["ingester", "red", ["ingest"]],
    ] as const;
    for (const [text, tenant, scopes] of tokens) {
      const token = { hash: hashOfToken(text), tenant, name: text, scopes, createdMs: 1, revokedMs: null };
      await writeToken(database.storage, token, 1);
    }
    await arrive([
      ...call({ from: "mine", to: "cart", at: 1 }),
      ...call({ from: "theirs", to: "cart", at: 1, owner: "red" }),
    ]);
    // Nobody has paired for the tenant of the token: after ten minutes its buckets are not waited for any more.
    const app = await startServer(() => START_S + 1000);
    const clients = async (headers: Record<string, string> = {}) =>
      Object.keys(valuesOf(await scrape(app, headers), "traces_service_graph_request_total", "client")).sort();
    expect(await clients()).toEqual(["mine", "user"]);
    expect(await clients({ authorization: "Bearer good" })).toEqual(["theirs", "user"]);
    for (const [authorization, status] of [
      ["Bearer nobody", 401],
      ["Basic eDp5", 401],
      ["Bearer ingester", 403],
    ] as const) {
      for (const url of ["/metrics/graph", "/api/dependencies", "/api/v3/dependencies"]) {
        const answer = await app.inject({ url, headers: { ...HOST, authorization } });
        expect([url, answer.statusCode]).toEqual([url, status]);
      }
    }
    await app.close();
  });
});

/** The counters of `before` that are missing or smaller in `after`. */
function shrunken(before: readonly ReadFamily[], after: readonly ReadFamily[]): string[] {
  const keyOf = (sample: ReadSample): string => `${sample.name}${JSON.stringify(sample.labels)}`;
  const values = new Map(after.flatMap((family) => family.samples).map((sample) => [keyOf(sample), sample.value]));
  return before
    .filter((family) => family.type !== "gauge")
    .flatMap((family) => family.samples.filter((sample) => (values.get(keyOf(sample)) ?? -1) < sample.value))
    .map(keyOf);
}

describe("counters", () => {
  const total = async (app: FastifyInstance): Promise<number> =>
    valuesOf(await scrape(app), "traces_service_graph_request_total", "client", "failed")["shop|false"] ?? 0;

  it("count every bucket once it is settled, over scrapes, restarts and idle hours", async () => {
    let now = START_S + 5;
    const clock = (): number => now;
    let app = await startServer(clock);
    expect(await total(app)).toBe(0);
    await arrive([1, 11, 21].flatMap((at) => call({ from: "shop", to: "cart", at })));
    now = START_S + 71;
    expect(await total(app)).toBe(1);
    expect(await total(app)).toBe(1);
    await app.close();
    app = await startServer(clock);
    expect(await total(app)).toBe(1);
    now = START_S + 95;
    expect(await total(app)).toBe(3);
    // Hours without traffic or scrapes change nothing.
    now = START_S + 20_000;
    expect(await total(app)).toBe(3);
    await app.close();
  });

  it("never fall when late spans change what was counted", async () => {
    let now = START_S + 71;
    const app = await startServer(() => now);
    const spans = call({ from: "shop", to: "cart", at: 1 });
    // First the client's span alone: a call of somebody unknown. Then the rest makes it a call of the cart in the graph.
    await arrive(spans.filter((span) => span.kind === "Client"));
    const before = await scrape(app);
    const edges = valuesOf(before, "traces_service_graph_request_total", "client", "server", "failed");
    expect(edges["shop|unknown|false"]).toBe(1);
    await arrive(spans.filter((span) => span.kind !== "Client"));
    now += 30;
    const after = await scrape(app);
    expect(shrunken(before, after)).toEqual([]);
    await app.close();
  });

  it("count once when several processes are scraped at a time", async () => {
    await arrive(Array.from({ length: 40 }, (_, i) => call({ from: "shop", to: "cart", at: i })).flat());
    let now = START_S + 75;
    const apps = await Promise.all([1, 2, 3, 4].map((n) => startServer(() => now + 10 * n)));
    for (const at of [75, 90, 200]) {
      now = START_S + at;
      await Promise.all(apps.flatMap((app) => [scrape(app), scrape(app)]));
    }
    for (const app of apps) expect(await total(app)).toBe(40);
    for (const app of apps) await app.close();
  });

  it("wait for buckets that the graph does not have yet", async () => {
    await arrive(call({ from: "shop", to: "cart", at: 1 }), 0, 10);
    await insertSpans(database.storage, call({ from: "shop", to: "cart", at: 15 }));
    const app = await startServer(() => START_S + 200);
    expect(await total(app)).toBe(1);
    await pair(0, 20);
    expect(await total(app)).toBe(2);
    await app.close();
  });

  it("put what is past the limit into one series, and it stays there", async () => {
    let now = START_S + 600;
    const limits = { ...API_DEFAULTS.limits, maxSeries: 3 };
    const app = await startServer(() => now, { limits });
    await arrive([
      ...[1, 2, 3].flatMap((at) => call({ from: "shop", to: "cart", at })),
      ...["a", "b", "c", "d"].flatMap((to) => call({ from: "shop", to, at: 4 })),
    ]);
    const before = await scrape(app);
    const edges = valuesOf(
      before,
      "traces_service_graph_request_total",
      "client",
      "server",
      "failed",
      "otel_metric_overflow",
    );
    expect(edges["shop|cart|false|"]).toBe(3);
    expect(Object.keys(edges)).toHaveLength(2 * 4);
    expect(Object.values(edges).reduce((sum, value) => sum + value, 0)).toBe(14);
    expect(edges["__overflow__|__overflow__|false|true"]).toBe(14 - 3 - 7 - 1);
    await arrive(
      ["a", "b", "c", "d"].flatMap((to) => call({ from: "shop", to, at: 610 })),
      600,
      660,
    );
    now = START_S + 900;
    const after = await scrape(app);
    expect(shrunken(before, after)).toEqual([]);
    expect(samplesOf(after, "traces_service_graph_request_total")).toHaveLength(2 * 4);
    await app.close();
  });
});

const hostile = fc.string({ unit: "binary", maxLength: 30 }).map((text) => Buffer.from(text, "utf8").toString("utf8"));
const nasty = fc.constantFrom('"', "\\", "\n", "\\n", '\\"', '{a="b"} 1', "# EOF", "\r", "\u2028", "日本", "");

describe("hostile names", () => {
  it("parse back as they were, in both forms", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(hostile, nasty), { maxLength: 12 }),
        fc.oneof(hostile, nasty),
        fc.constantFrom("prometheus" as const, "openmetrics" as const),
        (values, help, form) => {
          const family: Family = {
            name: "x",
            type: "counter",
            help,
            unit: "",
            samples: values.map((value) => ({ suffix: "_total", labels: [["a", value]], value: 1 })),
          };
          const text = [...writeExposition([family], form)].join("");
          const [read] = readExposition(text, form === "openmetrics");
          expect(read!.samples.map((sample) => sample.labels["a"])).toEqual(values);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("parse back from spans through storage", async () => {
    const names = fc.sample(fc.oneof(hostile, nasty), 60).filter((name) => name !== "");
    await arrive(names.flatMap((name, i) => call({ from: name, to: "cart", at: i, operation: name })));
    const app = await startServer(() => START_S + 600);
    const found = await scrape(app);
    const clients = new Set(
      samplesOf(found, "traces_service_graph_request_total").map(({ labels }) => labels["client"]),
    );
    for (const name of names) expect(clients).toContain(name);
    await app.close();
  });
});

describe("our histogram over the connectors' bounds", () => {
  it("keeps every count, and is off by no more than the width of a bucket", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40_000_000_000 }), { maxLength: 200 }), (durations) => {
        const histogram = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);
        for (const ns of durations) histogram[bucketOf(ns)]! += 1;
        const spread = spreadOverBounds(histogram);
        expect(spread).toHaveLength(SERIES_BOUNDS_MS.length + 1);
        expect(spread.every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
        expect(spread.reduce((sum, count) => sum + count, 0)).toBe(durations.length);
        let atMost = 0;
        for (const [i, bound] of SERIES_BOUNDS_MS.entries()) {
          atMost += spread[i]!;
          expect(atMost).toBeGreaterThanOrEqual(durations.filter((ns) => ns / 1e6 <= bound / 1.144).length);
          expect(atMost).toBeLessThanOrEqual(durations.filter((ns) => ns / 1e6 <= bound * 1.144).length);
        }
      }),
    );
  });
});
