// Jaeger's routes over a real ClickHouse, and traces of a shop to ask them for.
import type { FastifyInstance } from "fastify";
import { API_DEFAULTS } from "../../api/options.ts";
import { buildServer } from "../../api/server.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { hexId, spanRow, type TestSpan } from "../golden/span-rows.ts";

/** The time at which everything is asked, unix ms. */
export const NOW_MS = Date.UTC(2026, 2, 2, 9);
export const MINUTE_MS = 60_000;
export const SLOW = hexId("slow", 32);
export const FAILED = hexId("failed", 32);
export const OLD = hexId("old", 32);
export const SHORT = `${"0".repeat(16)}${hexId("short", 16)}`;
export const LONG = hexId("long", 32);
/** Of another tenant. */
export const FOREIGN = hexId("foreign", 32);

/** The routes, and what they answer. */
export interface JaegerApp {
  readonly database: TestStorage;
  ask(url: string, authorization?: string): Promise<{ status: number; body: unknown }>;
  stop(): Promise<void>;
}

/** Starts the routes on an empty database. */
export async function startJaeger(): Promise<JaegerApp> {
  const database = await startTestStorage();
  const app: FastifyInstance = await buildServer({
    storage: database.storage,
    localize: null,
    checks: {},
    version: "0",
    now: () => NOW_MS,
    options: API_DEFAULTS,
  });
  return {
    database,
    async ask(url, authorization) {
      const headers = { host: "localhost", ...(authorization === undefined ? {} : { authorization }) };
      const answer = await app.inject({ url, headers });
      return { status: answer.statusCode, body: answer.json() };
    },
    async stop() {
      await app.close();
      await database.stop();
    },
  };
}

/** Starts the routes with the traces of this file. */
export async function startJaegerWithTraces(): Promise<JaegerApp> {
  const jaeger = await startJaeger();
  await jaeger.database.storage.insertRows("spans", [
    ...trace(SLOW, 10, 2_000),
    ...trace(FAILED, 5, 20, { StatusCode: "Error", StatusMessage: "no stock" }),
    ...trace(SHORT, 20, 30),
    ...trace(OLD, 20 * 60, 40),
    ...trace(FOREIGN, 10, 50, { Tenant: "other", ServiceName: "hidden" }),
    // Fifty minutes from its first span to its last.
    ...trace(LONG, 100, 10),
    { ...trace(LONG, 50, 10)[1], SpanId: hexId("late", 16) },
  ]);
  return jaeger;
}

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

/** A trace as far as the tests look into it. */
export interface LegacyTrace {
  readonly traceID: string;
  readonly spans: readonly { readonly spanID: string; readonly operationName: string }[];
}

/** Version 1's answer with this data. */
export const lists = (data: unknown[]) => ({ data, total: data.length, limit: 0, offset: 0, errors: null });
