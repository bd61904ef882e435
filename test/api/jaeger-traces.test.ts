// Jaeger's services, operations and single traces, against a real ClickHouse: in which words they are told, and to whom.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hashOfToken, writeToken } from "../../storage/tokens.ts";
import { hexId } from "../golden/span-rows.ts";
import {
  FAILED,
  FOREIGN,
  type JaegerApp,
  type LegacyTrace,
  lists,
  LONG,
  MINUTE_MS,
  NOW_MS,
  OLD,
  SHORT,
  startJaegerWithTraces,
} from "./jaeger-fixture.ts";

vi.setConfig({ testTimeout: 60_000 });

let jaeger: JaegerApp;
beforeAll(async () => {
  jaeger = await startJaegerWithTraces();
});
afterAll(() => jaeger.stop());

const ask: JaegerApp["ask"] = (...asked) => jaeger.ask(...asked);

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
    await writeToken(jaeger.database.storage, token, 1);
    expect((await ask(`/api/traces/${FOREIGN}`, `Bearer ${text}`)).status).toBe(200);
    expect((await ask(`/api/traces/${FOREIGN}`, "Bearer nonsense")).status).toBe(401);
    expect((await ask("/api/services", `Bearer ${text}`)).body).toEqual(lists(["hidden", "shop"]));
  });
});
