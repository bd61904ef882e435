// Jaeger's queries for traces as Grafana's data source asks them, against a real ClickHouse: what is found, in which words, what is refused.
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { API_DEFAULTS } from "../../api/options.ts";
import { buildServer } from "../../api/server.ts";
import { hexId, spanRow, type TestSpan } from "../golden/span-rows.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { hashOfToken, writeToken } from "../../storage/tokens.ts";

vi.setConfig({ testTimeout: 60_000 });

const NOW_MS = Date.UTC(2026, 2, 2, 9);
const MINUTE_MS = 60_000;
const SLOW = hexId("slow", 32);
const FAILED = hexId("failed", 32);
const OLD = hexId("old", 32);
const SHORT = `${"0".repeat(16)}${hexId("short", 16)}`;
const LONG = hexId("long", 32);
const FOREIGN = hexId("foreign", 32);
const US = (ms: number) => String(ms * 1_000);
const LAST_HOUR = `start=${US(NOW_MS - 60 * MINUTE_MS)}&end=${US(NOW_MS)}`;

let database: TestStorage;
let app: FastifyInstance;
beforeAll(async () => {
  database = await startTestStorage();
  app = await buildServer({
    storage: database.storage,
    localize: null,
    checks: {},
    version: "0",
    now: () => NOW_MS,
    options: API_DEFAULTS,
  });
  await database.storage.insertRows("spans", [
    ...trace(SLOW, 10, 2_000),
    ...trace(FAILED, 5, 20, { StatusCode: "Error", StatusMessage: "no stock" }),
    ...trace(SHORT, 20, 30),
    ...trace(OLD, 20 * 60, 40),
    ...trace(FOREIGN, 10, 50, { Tenant: "other", ServiceName: "hidden" }),
    // Fifty minutes from its first span to its last.
    ...trace(LONG, 100, 10),
    { ...trace(LONG, 50, 10)[1], SpanId: hexId("late", 16) },
  ]);
});
afterAll(async () => {
  await app.close();
  await database.stop();
});

/** A request of `shop` that calls `cart`; the more is of cart's span. */
function trace(traceId: string, minutesAgo: number, ms: number, more: Record<string, unknown> = {}) {
  const one = (id: string, parent: string, service: string, kind: TestSpan["kind"], operation: string): object => ({
    ...spanRow({
      tenant: "default",
      trace: traceId,
      id: hexId(id, 16),
      parent: parent === "" ? "" : hexId(parent, 16),
      startNs: BigInt(NOW_MS - minutesAgo * MINUTE_MS) * 1_000_000n + (parent === "" ? 0n : 123_456n),
      durationNs: ms * 1e6,
      kind,
      service,
      operation,
    }),
    ResourceAttributes: { "service.name": service, "k8s.pod.name": `${service}-1` },
    ScopeName: "lib",
    ScopeVersion: "1.2",
  });
  const cart = {
    ...one("b", "a", "cart", "Server", "GET /cart/{id}"),
    SpanAttributes: { "http.request.method": "GET", user: "u5" },
    "Events.Timestamp": [new Date(NOW_MS - minutesAgo * MINUTE_MS).toISOString()],
    "Events.Name": ["cache miss"],
    "Events.Attributes": [{ key: "u5" }],
    "Links.TraceId": [OLD],
    "Links.SpanId": [hexId("a", 16)],
    "Links.TraceState": [""],
    "Links.Attributes": [{}],
    ...more,
  };
  const shop = {
    ...one("a", "", "shop", "Client", "checkout"),
    ...("Tenant" in more ? { Tenant: more["Tenant"] } : {}),
  };
  return [shop, cart];
}

async function ask(url: string, authorization?: string): Promise<{ status: number; body: unknown }> {
  const headers = { host: "localhost", ...(authorization === undefined ? {} : { authorization }) };
  const answer = await app.inject({ url, headers });
  return { status: answer.statusCode, body: answer.json() };
}

interface LegacyTrace {
  readonly traceID: string;
  readonly spans: readonly { readonly spanID: string; readonly operationName: string }[];
}

async function find(query: string): Promise<string[]> {
  const { status, body } = await ask(`/api/traces?${query}`);
  expect({ status, errors: (body as { errors: unknown }).errors }).toEqual({ status: 200, errors: null });
  return (body as { data: LegacyTrace[] }).data.map(({ traceID }) => traceID);
}

const lists = (data: unknown[]) => ({ data, total: data.length, limit: 0, offset: 0, errors: null });

describe("services and operations", () => {
  it("are those of the last day with spans, by name", async () => {
    expect((await ask("/api/services")).body).toEqual(lists(["cart", "shop"]));
    expect((await ask("/api/v3/services")).body).toEqual({ services: ["cart", "shop"] });
    expect((await ask("/api/services/cart/operations")).body).toEqual(lists(["GET /cart/{id}"]));
    expect((await ask("/api/services/nobody/operations")).body).toEqual(lists([]));
    const [operation] = [{ name: "checkout", spanKind: "client" }];
    expect((await ask("/api/operations?service=shop")).body).toEqual(lists([operation]));
    expect((await ask("/api/operations?service=shop&spanKind=server")).body).toEqual(lists([]));
    expect((await ask("/api/v3/operations?service=shop&span_kind=CLIENT")).body).toEqual({ operations: [operation] });
  });
});

describe("a search", () => {
  it.each([
    ["of a service, the newest first", `service=cart&${LAST_HOUR}`, [FAILED, SLOW, SHORT.slice(16), LONG]],
    ["with fewer traces than there are", `service=cart&limit=1&${LAST_HOUR}`, [FAILED]],
    ["of the last hour without times", "service=cart", [FAILED, SLOW, SHORT.slice(16), LONG]],
    ["back as far as is asked for", "service=cart&lookback=15m", [FAILED, SLOW]],
    ["of an operation", `service=shop&operation=checkout&${LAST_HOUR}`, [FAILED, SLOW, SHORT.slice(16)]],
    ["of an operation that is another's", `service=cart&operation=checkout&${LAST_HOUR}`, []],
    ["by the least duration", `service=cart&minDuration=1.5s&${LAST_HOUR}`, [SLOW]],
    ["by both durations", `service=cart&minDuration=15ms&maxDuration=0.025s&${LAST_HOUR}`, [FAILED]],
    [
      "by a tag of a span",
      `service=cart&limit=2&tags=${encodeURIComponent('{"user":"u5"}')}&${LAST_HOUR}`,
      [FAILED, SLOW],
    ],
    ["by a tag of its resource", `service=cart&limit=1&tag=k8s.pod.name:cart-1&${LAST_HOUR}`, [FAILED]],
    ["by tags of which one is another's", `service=cart&tag=user:u5&tag=k8s.pod.name:shop-1&${LAST_HOUR}`, []],
    ["of failures", `service=cart&tags=${encodeURIComponent('{"error":"true"}')}&${LAST_HOUR}`, [FAILED]],
    ["by kind", `service=cart&tag=span.kind:client&${LAST_HOUR}`, []],
    ["of another tenant's service", `service=hidden&${LAST_HOUR}`, []],
  ])("finds traces %s", async (_, query, expected) => {
    expect(await find(query)).toEqual(expected);
  });

  it("by ids takes those that are there", async () => {
    expect(await find(`traceID=${FAILED}&traceID=${hexId("none", 32)}&traceID=${OLD}`)).toEqual([FAILED, OLD]);
  });

  it("in the form of version 3 finds the same", async () => {
    const times = "query.start_time_min=2026-03-02T08:00:00Z&query.start_time_max=2026-03-02T09:00:00.5Z";
    const { body } = await ask(`/api/v3/traces?query.service_name=cart&query.duration_min=1s&${times}`);
    const { result } = body as { result: { resourceSpans: { scopeSpans: { spans: { traceId: string }[] }[] }[] } };
    const ids = result.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
    expect(ids.map(({ traceId }) => traceId)).toEqual([SLOW, SLOW]);
  });

  it.each([
    [LAST_HOUR, "parameter 'service' is required"],
    ["service=cart&start=now", "unable to parse param 'start': it must be unix microseconds"],
    [`service=cart&start=${US(NOW_MS)}&end=${US(NOW_MS)}`, "the end of the period must be after its start"],
    ["service=cart&lookback=7h", "the period is longer than 6 hours; ask for a part of it"],
    ["service=cart&limit=201", "limit is 201; it may be 1 to 200"],
    ["service=cart&minDuration=5", 'could not parse minDuration: "5" is no duration such as 1.2s, 100ms, 500us'],
    ["service=cart&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater than 'minDuration'"],
    ["service=cart&tag=user", "malformed 'tag' parameter, expecting key:value, received: user"],
    ["service=cart&tags=user", "malformed 'tags' parameter, expecting a JSON object of texts"],
    ["traceID=xyz", "a trace id has up to 32 hexadecimal digits"],
  ])("for %s is refused in Jaeger's form", async (query, msg) => {
    const { status, body } = await ask(`/api/traces?${query}`);
    expect([status, body]).toMatchObject([400, { data: null, errors: [{ code: 400, msg }] }]);
  });

  it.each([
    ["", "missing required parameter: query.start_time_min"],
    [
      "?query.start_time_min=today&query.start_time_max=2026-03-02T09:00:00Z",
      "malformed parameter query.start_time_min",
    ],
  ])("of version 3 for '%s' is refused in its form", async (query, message) => {
    const { status, body } = await ask(`/api/v3/traces${query}`);
    expect([status, body]).toMatchObject([
      400,
      { error: { httpCode: 400, message: expect.stringContaining(message) as string } },
    ]);
  });
});

describe("one trace", () => {
  it("is told in Jaeger's words", async () => {
    const { status, body } = await ask(`/api/traces/${FAILED.toUpperCase()}`);
    expect(status).toBe(200);
    const startTime = (NOW_MS - 5 * MINUTE_MS) * 1_000 + 123;
    const text = (key: string, value: string) => ({ key, type: "string", value });
    const scope = [text("otel.scope.name", "lib"), text("otel.scope.version", "1.2")];
    expect(body).toEqual(
      lists([
        {
          traceID: FAILED,
          warnings: null,
          processes: {
            p1: { serviceName: "shop", tags: [text("k8s.pod.name", "shop-1")] },
            p2: { serviceName: "cart", tags: [text("k8s.pod.name", "cart-1")] },
          },
          spans: [
            {
              traceID: FAILED,
              spanID: hexId("a", 16),
              operationName: "checkout",
              references: [],
              startTime: startTime - 123,
              duration: 20_000,
              tags: [text("span.kind", "client"), ...scope],
              logs: [],
              processID: "p1",
              warnings: null,
            },
            {
              traceID: FAILED,
              spanID: hexId("b", 16),
              operationName: "GET /cart/{id}",
              references: [
                { refType: "CHILD_OF", traceID: FAILED, spanID: hexId("a", 16) },
                { refType: "FOLLOWS_FROM", traceID: OLD, spanID: hexId("a", 16) },
              ],
              startTime,
              duration: 20_000,
              tags: [
                text("http.request.method", "GET"),
                text("user", "u5"),
                text("span.kind", "server"),
                text("otel.status_code", "ERROR"),
                text("otel.status_description", "no stock"),
                { key: "error", type: "bool", value: true },
                ...scope,
              ],
              logs: [{ timestamp: startTime - 123, fields: [text("event", "cache miss"), text("key", "u5")] }],
              processID: "p2",
              warnings: null,
            },
          ],
        },
      ]),
    );
  });

  it("is told as OTLP in version 3", async () => {
    const { body } = await ask(
      `/api/v3/traces/${FAILED}?start_time=2026-03-02T08:30:00Z&end_time=2026-03-02T09:00:00Z`,
    );
    const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    const startNs = BigInt(NOW_MS - 5 * MINUTE_MS) * 1_000_000n;
    expect(body).toMatchObject({
      result: {
        resourceSpans: [
          { resource: { attributes: [attribute("service.name", "shop"), attribute("k8s.pod.name", "shop-1")] } },
          {
            scopeSpans: [
              {
                scope: { name: "lib", version: "1.2" },
                spans: [
                  {
                    traceId: FAILED,
                    spanId: hexId("b", 16),
                    parentSpanId: hexId("a", 16),
                    kind: 2,
                    startTimeUnixNano: String(startNs + 123_456n),
                    endTimeUnixNano: String(startNs + 123_456n + 20_000_000n),
                    attributes: [attribute("http.request.method", "GET"), attribute("user", "u5")],
                    events: [{ timeUnixNano: String(startNs), name: "cache miss" }],
                    links: [{ traceId: OLD, spanId: hexId("a", 16) }],
                    status: { code: 2, message: "no stock" },
                  },
                ],
              },
            ],
          },
        ],
      },
    });
  });

  it("of 64 bits is found by its short id", async () => {
    expect((await ask(`/api/traces/${SHORT.slice(16)}`)).body).toMatchObject({ data: [{ traceID: SHORT.slice(16) }] });
  });

  it("is whole, though a search finds but a part of it", async () => {
    const { body } = await ask(`/api/traces/${LONG}`);
    expect((body as { data: LegacyTrace[] }).data[0]?.spans).toHaveLength(3);
  });

  it("that is not there, or another tenant's, is not found", async () => {
    const missing = {
      status: 404,
      body: { data: null, total: 0, limit: 0, offset: 0, errors: [{ code: 404, msg: "trace not found" }] },
    };
    expect(await ask(`/api/traces/${hexId("none", 32)}`)).toEqual(missing);
    expect(await ask(`/api/traces/${FOREIGN}`)).toEqual(missing);
    expect(await ask(`/api/v3/traces/${FOREIGN}`)).toEqual({
      status: 404,
      body: { error: { httpCode: 404, message: "No traces found" } },
    });
  });

  it("is its tenant's with a token, and nobody's with a wrong one", async () => {
    const text = "good";
    const token = {
      hash: hashOfToken(text),
      tenant: "other",
      name: text,
      scopes: ["read"],
      createdMs: 1,
      revokedMs: null,
    };
    await writeToken(database.storage, token, 1);
    expect((await ask(`/api/traces/${FOREIGN}`, `Bearer ${text}`)).status).toBe(200);
    expect((await ask(`/api/traces/${FOREIGN}`, "Bearer nonsense")).status).toBe(401);
    expect((await ask("/api/services", `Bearer ${text}`)).body).toEqual(lists(["hidden", "shop"]));
  });
});
