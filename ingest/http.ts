// OTLP/HTTP: POST /v1/traces, /v1/logs and /v1/metrics, protobuf or JSON, plain or gzip; and the endpoints beside them on the same port.
// In: requests. Out: an Export*ServiceResponse after the insert, or a google.rpc.Status with the reason, in the request's content type.
// Bounds: compressed and decompressed size, bytes in flight over all requests, header and body timeouts, the time to an endpoint's answer;
// past them 413, 429 or 503. Storage away or full: 503. 429 and 503 say Retry-After.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { trace } from "@opentelemetry/api";
import { reasonOf } from "../model/errors.ts";
import { emitEvent } from "../model/events.ts";
import type { Access, AdmissionRefusal } from "./access.ts";
import { emitFrequent } from "./frequent-events.ts";
import { readBody, type Refusal } from "./http-body.ts";
import type { EndpointAnswer, HttpEndpoint } from "./http-endpoint.ts";
import { exportResponse, statusResponse } from "./otlp/responses.ts";
import type { Delivery, Receiver } from "./receiver.ts";
import type { Encoding, Signal } from "./signal.ts";
import { type NoRoom, Room, type TenantGuard } from "./tenant-limits.ts";

/** Limits of the endpoint; sizes in bytes, times in milliseconds. */
export interface HttpLimits {
  readonly maxCompressedBytes: number;
  readonly maxBodyBytes: number;
  /** JSON is parsed at once: a larger body would hold everybody else up. */
  readonly maxJsonBytes: number;
  readonly maxBytesInFlight: number;
  readonly requestTimeoutMs: number;
  /** An endpoint that has not answered by then is answered for: try again. Below what senders wait (30 s). */
  readonly answerTimeoutMs: number;
  /** Longer than exporters pause between two batches. */
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly retryAfterSeconds: number;
}

/** Limits for senders with default settings. */
export const HTTP_LIMITS: HttpLimits = {
  maxCompressedBytes: 16 << 20,
  maxBodyBytes: 64 << 20,
  maxJsonBytes: 8 << 20,
  maxBytesInFlight: 64 << 20,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 20_000,
  keepAliveMs: 65_000,
  maxConnections: 4_096,
  retryAfterSeconds: 1,
};

const SIGNAL_OF_PATH: ReadonlyMap<string, Signal> = new Map([
  ["/v1/traces", "traces"],
  ["/v1/logs", "logs"],
  ["/v1/metrics", "metrics"],
]);
const ENCODING_OF_TYPE: ReadonlyMap<string, Encoding> = new Map([
  ["application/x-protobuf", "protobuf"],
  ["application/protobuf", "protobuf"],
  ["application/json", "json"],
]);
const TYPE_OF_ENCODING: Readonly<Record<Encoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};
const NO_ENCODINGS: readonly string[] = [];
const NO_ROOM: Readonly<Record<NoRoom, Refusal>> = {
  full: { status: 429, reason: "in_flight", detail: "too many bytes are on their way" },
  share: { status: 429, reason: "share", detail: "too many bytes of this tenant are on their way" },
};
const STATUS_OF_ADMISSION: Readonly<Record<AdmissionRefusal, number>> = { token: 401, scope: 403, unchecked: 503 };
/** By the reason of a delivery; another one is 503 when it may be tried again, else 400. */
const STATUS_OF_DELIVERY: ReadonlyMap<string, number> = new Map([
  ["share", 429],
  ["expansion", 413],
]);
const COUNTED = Symbol("counted");
const LATE: Refusal = { status: 503, reason: "late", detail: "storage has not answered yet" };

const tracer = trace.getTracer("faultline");

/** Where a request goes: to the receiver, or to an endpoint beside it. */
type Route =
  | { readonly kind: "otlp"; readonly signal: Signal; readonly encoding: Encoding }
  | { readonly kind: "endpoint"; readonly endpoint: HttpEndpoint };

/** Makes the server; the caller listens and closes. No two `endpoints` have the same path. */
export function createHttpServer(
  receiver: Receiver,
  limits: HttpLimits,
  endpoints: readonly HttpEndpoint[],
  access: Access,
  tenants: TenantGuard,
): Server {
  const endpointOfPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));
  const room = new Room(limits.maxBytesInFlight, tenants.limits.timesFree);

  const timeouts = { requestTimeout: limits.requestTimeoutMs, keepAliveTimeout: limits.keepAliveMs };
  const server = createServer(timeouts, (request, response) => {
    void handle(request, response);
  });
  server.maxConnections = limits.maxConnections;
  return server;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answerIn = encodingOf(request) ?? "json";
    const route = routeOf(request);
    if ("status" in route) return answer(request, response, answerIn, route);
    const endpoint = route.kind === "endpoint" ? route.endpoint : null;
    const admission = await access.admit(request.headers.authorization, endpoint?.isSelfAuthenticated);
    if (!admission.ok) {
      const { reason, detail } = admission;
      return answer(request, response, answerIn, { status: STATUS_OF_ADMISSION[reason], reason, detail });
    }
    const { tenant } = admission;
    const refusal = refuseSize(request) ?? refuseRate(tenant);
    if (refusal !== null) return answer(request, response, answerIn, refusal, tenant);
    const span = tracer.startSpan("ingest/http");
    let held = 0;
    // The body is counted while it comes in, and until its rows are stored.
    const hold = (count: number): Refusal | null => {
      const reason = room.take(tenant, count, held);
      if (reason !== null) return NO_ROOM[reason];
      held += count;
      return null;
    };
    try {
      const isJson = route.kind === "otlp" && route.encoding === "json";
      const maxBytes = isJson ? Math.min(limits.maxJsonBytes, limits.maxBodyBytes) : limits.maxBodyBytes;
      const body = await readBody(request, hold, limits.maxCompressedBytes, maxBytes);
      if (body === null) return;
      if (!body.ok) return answer(request, response, answerIn, body, tenant);
      tenants.spend(tenant, body.bytes.length);
      if (route.kind === "otlp") {
        const { signal, encoding } = route;
        const delivery = await receiver.receive(tenant, signal, encoding, body.bytes);
        answerDelivery(request, response, signal, encoding, delivery);
      } else await askEndpoint(request, response, route.endpoint, tenant, body.bytes);
    } finally {
      room.give(tenant, held);
      span.end();
    }
  }

  function routeOf(request: IncomingMessage): Route | Refusal {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const signal = SIGNAL_OF_PATH.get(path);
    const endpoint = endpointOfPath.get(path);
    if (signal === undefined && endpoint === undefined) {
      const others = [...endpointOfPath.keys()].map((known) => `, ${known}`).join("");
      return {
        status: 404,
        reason: "path",
        detail: `data is taken at ${[...SIGNAL_OF_PATH.keys()].join(", ")}${others}`,
      };
    }
    if (request.method !== "POST") return { status: 405, reason: "method", detail: "requests are sent by POST" };
    const coding = request.headers["content-encoding"] ?? "identity";
    const others = endpoint?.encodings ?? NO_ENCODINGS;
    if (coding !== "identity" && coding !== "gzip" && !others.includes(coding)) {
      const known = others.map((name) => `${name}, `).join("");
      return { status: 415, reason: "content_encoding", detail: `the content encoding must be ${known}gzip or none` };
    }
    if (endpoint !== undefined) return { kind: "endpoint", endpoint };
    const encoding = encodingOf(request);
    if (signal !== undefined && encoding !== undefined) return { kind: "otlp", signal, encoding };
    return {
      status: 415,
      reason: "content_type",
      detail: "the content type must be application/x-protobuf or application/json",
    };
  }

  function refuseSize(request: IncomingMessage): Refusal | null {
    if (Number(request.headers["content-length"] ?? 0) <= limits.maxCompressedBytes) return null;
    return { status: 413, reason: "too_large", detail: `the body is larger than ${limits.maxCompressedBytes} bytes` };
  }

  function refuseRate(tenant: string): Refusal | null {
    const retryAfterSeconds = tenants.waitSeconds(tenant);
    if (retryAfterSeconds === 0) return null;
    return { status: 429, reason: "rate", detail: "this tenant sends too many bytes a second", retryAfterSeconds };
  }

  /** Hands a body to an endpoint and answers in time; the body counts as in flight until the endpoint is done with it. */
  async function askEndpoint(
    request: IncomingMessage,
    response: ServerResponse,
    endpoint: HttpEndpoint,
    tenant: string,
    body: Uint8Array,
  ): Promise<void> {
    const query = new URLSearchParams((request.url ?? "").split("?")[1] ?? "");
    const timer = setTimeout(() => answer(request, response, "json", LATE, tenant), limits.answerTimeoutMs);
    try {
      const answered = await endpoint.handle({ tenant, headers: request.headers, query, body });
      if (!response.writableEnded) answerEndpoint(response, answered);
    } catch (error) {
      emitEvent("ingest.endpoint_failed", { path: endpoint.path }, reasonOf(error));
      if (response.writableEnded) return;
      const failed = { status: 500, reason: "defect", detail: "the request met a mistake of the receiver" };
      answer(request, response, "json", failed, COUNTED);
    } finally {
      clearTimeout(timer);
    }
  }

  function answerEndpoint(response: ServerResponse, { status, headers, body }: EndpointAnswer): void {
    if (status === 429 || status === 503) response.setHeader("retry-after", String(limits.retryAfterSeconds));
    for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
    response.statusCode = status;
    response.end(body ?? "");
  }

  function answerDelivery(
    request: IncomingMessage,
    response: ServerResponse,
    signal: Signal,
    encoding: Encoding,
    delivery: Delivery,
  ): void {
    if (delivery.ok) {
      send(response, 200, encoding, exportResponse(signal, encoding, delivery.rejected, delivery.rejectedReason));
      return;
    }
    const { reason, detail, retryable } = delivery;
    const status = STATUS_OF_DELIVERY.get(reason) ?? (retryable ? 503 : reason === "storage" ? 500 : 400);
    answer(request, response, encoding, { status, reason, detail }, COUNTED);
  }

  /** Answers with a Status; `tenant` when it is known, COUNTED when whoever refused has counted it. */
  function answer(
    request: IncomingMessage,
    response: ServerResponse,
    encoding: Encoding,
    refusal: Refusal,
    tenant: string | null | typeof COUNTED = null,
  ): void {
    const isThrottle = refusal.status === 429 || refusal.status === 503;
    if (tenant !== COUNTED) {
      if (isThrottle && tenant !== null) tenants.throttled("http", refusal.reason, tenant, refusal.detail);
      else {
        const event = isThrottle ? "ingest.throttled" : "ingest.refused";
        emitFrequent(event, { signal: "http", reason: refusal.reason }, refusal.detail);
      }
    }
    if (isThrottle) response.setHeader("retry-after", String(refusal.retryAfterSeconds ?? limits.retryAfterSeconds));
    if (refusal.status === 401) response.setHeader("www-authenticate", "Bearer");
    if (refusal.status === 405) response.setHeader("allow", "POST");
    // What is left of a body that nobody reads would be taken for the next request.
    if (!request.complete) response.setHeader("connection", "close");
    send(
      response,
      refusal.status,
      encoding,
      statusResponse(refusal.status, encoding, `${refusal.reason}: ${refusal.detail}`),
    );
  }
}

function encodingOf(request: IncomingMessage): Encoding | undefined {
  return ENCODING_OF_TYPE.get((request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "");
}

function send(response: ServerResponse, status: number, encoding: Encoding, body: Uint8Array): void {
  response.statusCode = status;
  response.setHeader("content-type", TYPE_OF_ENCODING[encoding]);
  response.setHeader("content-length", body.length);
  response.end(body);
}
