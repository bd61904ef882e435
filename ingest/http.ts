// OTLP/HTTP: POST /v1/traces, /v1/logs and /v1/metrics, protobuf or JSON, plain or gzip.
// In: requests. Out: an Export*ServiceResponse after the insert, or a google.rpc.Status with the reason, in the request's content type.
// Bounds: compressed and decompressed size (counted while decompressing, so a bomb is stopped at the limit), bytes in flight over all requests,
// header and body timeouts; past them 413 or 429. Storage away or full: 503. Both say Retry-After.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createGunzip } from "node:zlib";
import { trace } from "@opentelemetry/api";
import { emitEvent } from "../model/events.ts";
import { exportResponse, statusResponse } from "./otlp/responses.ts";
import type { Delivery, Receiver } from "./receiver.ts";
import type { Encoding, Signal } from "./signal.ts";

/** Limits of the endpoint; sizes in bytes, times in milliseconds. */
export interface HttpLimits {
  readonly maxCompressedBytes: number;
  readonly maxBodyBytes: number;
  /** JSON is parsed at once: a larger body would hold everybody else up. */
  readonly maxJsonBytes: number;
  readonly maxBytesInFlight: number;
  readonly requestTimeoutMs: number;
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

const tracer = trace.getTracer("faultline");

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
}

type Body = { readonly ok: true; readonly bytes: Uint8Array } | ({ readonly ok: false } & Refusal);

/** Makes the server; the caller listens and closes. */
export function createHttpServer(receiver: Receiver, limits: HttpLimits): Server {
  let bytesInFlight = 0;

  const timeouts = { requestTimeout: limits.requestTimeoutMs, keepAliveTimeout: limits.keepAliveMs };
  const server = createServer(timeouts, (request, response) => {
    void handle(request, response);
  });
  server.maxConnections = limits.maxConnections;
  return server;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const encoding = ENCODING_OF_TYPE.get(
      (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "",
    );
    const signal = SIGNAL_OF_PATH.get((request.url ?? "").split("?")[0] ?? "");
    const answerIn = encoding ?? "json";
    const refusal = refuse(request, signal, encoding);
    if (refusal !== null || signal === undefined || encoding === undefined) {
      answer(request, response, answerIn, refusal ?? { status: 404, reason: "path", detail: "no such path" });
      return;
    }
    const span = tracer.startSpan("ingest/http");
    let held = 0;
    // The body is counted while it comes in, and until its rows are stored.
    const hold = (count: number): boolean => {
      if (bytesInFlight > 0 && bytesInFlight !== held && bytesInFlight + count > limits.maxBytesInFlight) return false;
      bytesInFlight += count;
      held += count;
      return true;
    };
    try {
      const maxBytes = encoding === "json" ? Math.min(limits.maxJsonBytes, limits.maxBodyBytes) : limits.maxBodyBytes;
      const body = await readBody(request, hold, limits.maxCompressedBytes, maxBytes);
      if (body === null) return;
      if (!body.ok) answer(request, response, encoding, body);
      else answerDelivery(request, response, signal, encoding, await receiver.receive(signal, encoding, body.bytes));
    } finally {
      bytesInFlight -= held;
      span.end();
    }
  }

  function refuse(
    request: IncomingMessage,
    signal: Signal | undefined,
    encoding: Encoding | undefined,
  ): Refusal | null {
    if (signal === undefined) {
      return { status: 404, reason: "path", detail: "OTLP/HTTP is served at /v1/traces, /v1/logs and /v1/metrics" };
    }
    if (request.method !== "POST") return { status: 405, reason: "method", detail: "export requests are sent by POST" };
    if (encoding === undefined) {
      return {
        status: 415,
        reason: "content_type",
        detail: "the content type must be application/x-protobuf or application/json",
      };
    }
    const coding = request.headers["content-encoding"] ?? "identity";
    if (coding !== "identity" && coding !== "gzip") {
      return { status: 415, reason: "content_encoding", detail: "the content encoding must be gzip or none" };
    }
    if (Number(request.headers["content-length"] ?? 0) > limits.maxCompressedBytes) {
      return { status: 413, reason: "too_large", detail: `the body is larger than ${limits.maxCompressedBytes} bytes` };
    }
    return null;
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
    const status = delivery.retryable
      ? 503
      : delivery.reason === "expansion"
        ? 413
        : delivery.reason === "storage"
          ? 500
          : 400;
    answer(request, response, encoding, { status, reason: delivery.reason, detail: delivery.detail }, true);
  }

  /** Answers with a Status; `counted` when whoever refused has counted it. */
  function answer(
    request: IncomingMessage,
    response: ServerResponse,
    encoding: Encoding,
    refusal: Refusal,
    counted = false,
  ): void {
    const isThrottle = refusal.status === 429 || refusal.status === 503;
    if (!counted) {
      emitEvent(
        isThrottle ? "ingest.throttled" : "ingest.refused",
        { signal: "http", reason: refusal.reason },
        refusal.detail,
      );
    }
    if (isThrottle) response.setHeader("retry-after", String(limits.retryAfterSeconds));
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

function send(response: ServerResponse, status: number, encoding: Encoding, body: Uint8Array): void {
  response.statusCode = status;
  response.setHeader("content-type", TYPE_OF_ENCODING[encoding]);
  response.setHeader("content-length", body.length);
  response.end(body);
}

/** Reads a body, decompressed; null when the sender went away. */
function readBody(
  request: IncomingMessage,
  hold: (count: number) => boolean,
  maxCompressedBytes: number,
  maxBytes: number,
): Promise<Body | null> {
  const isGzip = request.headers["content-encoding"] === "gzip";
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let compressed = 0;
    let size = 0;
    let isDone = false;
    const gunzip = isGzip ? createGunzip() : null;
    const settle = (body: Body | null): void => {
      if (isDone) return;
      isDone = true;
      gunzip?.destroy();
      request.removeAllListeners("data");
      // Lets the answer out while the rest of the body is thrown away.
      if (body !== null && !body.ok) request.resume();
      resolve(body);
    };
    const keep = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) settle(refusal(413, "too_large", `the body is larger than ${maxBytes} bytes`));
      else if (!hold(chunk.length)) settle(refusal(429, "in_flight", "too many bytes are on their way"));
      else chunks.push(chunk);
    };
    const end = (): void => {
      const first = chunks[0];
      settle({ ok: true, bytes: chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks) });
    };
    request.on("data", (chunk: Buffer) => {
      compressed += chunk.length;
      if (compressed > maxCompressedBytes)
        settle(refusal(413, "too_large", `the body is larger than ${maxCompressedBytes} bytes`));
      else if (gunzip === null) keep(chunk);
      else if (hold(chunk.length)) gunzip.write(chunk);
      else settle(refusal(429, "in_flight", "too many bytes are on their way"));
    });
    request.on("end", () => (gunzip === null ? end() : gunzip.end()));
    request.on("error", () => settle(null));
    request.on("close", () => {
      if (!request.complete) settle(null);
    });
    gunzip?.on("data", keep);
    gunzip?.on("end", end);
    gunzip?.on("error", () => settle(refusal(400, "gzip", "the body is no complete gzip stream")));
  });
}

function refusal(status: number, reason: string, detail: string): Body {
  return { ok: false, status, reason, detail };
}
