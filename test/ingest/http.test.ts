// OTLP/HTTP: every status, its body in the request's content type, and what a refusal leaves behind (nothing).
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { openAccess } from "../../ingest/access.ts";
import { createHttpServer, HTTP_LIMITS, type HttpLimits } from "../../ingest/http.ts";
import type { HttpEndpoint } from "../../ingest/http-endpoint.ts";
import type { Delivery } from "../../ingest/receiver.ts";
import { createTenantGuard, TENANT_LIMITS } from "../../ingest/tenant-limits.ts";

const STORED: Delivery = { ok: true, rows: 1, rejected: 0, rejectedReason: null, duplicate: false };
const PROTOBUF = "application/x-protobuf";

interface Received {
  readonly signal: string;
  readonly encoding: string;
  readonly body: Buffer;
}

let close: (() => void) | null = null;
afterEach(() => close?.());

async function serve(
  answer: (received: Received) => Delivery | Promise<Delivery> = () => STORED,
  limits: Partial<HttpLimits> = {},
  endpoints: readonly HttpEndpoint[] = [],
): Promise<{ url: string; port: number; received: Received[] }> {
  const received: Received[] = [];
  const receiver = {
    receive: async (_tenant: string, signal: string, encoding: string, body: Uint8Array): Promise<Delivery> => {
      const entry = { signal, encoding, body: Buffer.from(body) };
      received.push(entry);
      return answer(entry);
    },
  };
  const guard = createTenantGuard(TENANT_LIMITS, Date.now);
  const server = createHttpServer(receiver, { ...HTTP_LIMITS, ...limits }, endpoints, openAccess("default"), guard);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received };
}

function post(url: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body, headers: { "content-type": PROTOBUF, ...headers } });
}

/** google.rpc.Status {1: code, 2: message} as written by hand. */
async function statusOf(response: Response): Promise<{ code: number; message: string }> {
  if (response.headers.get("content-type") === "application/json")
    return (await response.json()) as { code: number; message: string };
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes[0]).toBe(0x08);
  expect(bytes[2]).toBe(0x12);
  const length = bytes[3] ?? 0;
  const start = length < 0x80 ? 4 : 5;
  return { code: bytes[1] ?? 0, message: bytes.subarray(start).toString() };
}

describe("success", () => {
  it.each([
    ["traces", PROTOBUF, "protobuf"],
    ["logs", "application/json", "json"],
    ["metrics", "application/json; charset=utf-8", "json"],
  ])("200 for %s as %s", async (signal, contentType, encoding) => {
    const { url, received } = await serve();
    const response = await post(`${url}/v1/${signal}`, "body", { "content-type": contentType });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(contentType.split(";")[0]);
    expect(await response.text()).toBe(encoding === "json" ? "{}" : "");
    expect(received).toEqual([{ signal, encoding, body: Buffer.from("body") }]);
  });

  it("decompresses gzip", async () => {
    const { url, received } = await serve();
    const body = Buffer.alloc(300_000, "abc");
    expect((await post(`${url}/v1/traces`, gzipSync(body), { "content-encoding": "gzip" })).status).toBe(200);
    expect(received[0]?.body.equals(body)).toBe(true);
  });

  it("says how many rows were left out and why", async () => {
    const { url } = await serve(() => ({ ...STORED, rejected: 300, rejectedReason: "ids" }));
    const json = await post(`${url}/v1/traces`, "{}", { "content-type": "application/json" });
    expect(await json.json()).toEqual({
      partialSuccess: { rejectedSpans: "300", errorMessage: expect.stringContaining("trace id") as string },
    });
    const binary = Buffer.from(await (await post(`${url}/v1/traces`, "x")).arrayBuffer());
    // partial_success {rejected_spans: 300, error_message}
    expect([...binary.subarray(0, 1), ...binary.subarray(2, 6)]).toEqual([0x0a, 0x08, 0xac, 0x02, 0x12]);
    expect(binary.toString()).toContain("trace id");
  });
});

describe("refusals", () => {
  it.each([
    ["404 for another path", "/v1/profiles", { method: "POST" }, 404, "path"],
    ["405 for another method", "/v1/traces", { method: "GET" }, 405, "method"],
    [
      "415 for another content type",
      "/v1/traces",
      { method: "POST", headers: { "content-type": "text/plain" } },
      415,
      "content_type",
    ],
    [
      "415 for another encoding",
      "/v1/traces",
      { method: "POST", headers: { "content-type": PROTOBUF, "content-encoding": "br" } },
      415,
      "content_encoding",
    ],
  ])("%s", async (_name, path, init, status, reason) => {
    const { url, received } = await serve();
    const response = await fetch(url + path, { ...init, ...(init.method === "POST" ? { body: "x" } : {}) });
    expect(response.status).toBe(status);
    expect((await statusOf(response)).message).toContain(reason);
    if (status === 404)
      expect((await statusOf(await fetch(url + path, init))).message).toContain("data is taken at /v1/traces, ");
    if (status === 405) expect(response.headers.get("allow")).toBe("POST");
    expect(received).toEqual([]);
  });

  it.each([
    [{ ok: false, reason: "truncated", detail: "cut", retryable: false }, 400, 3],
    [{ ok: false, reason: "expansion", detail: "large", retryable: false }, 413, 3],
    [{ ok: false, reason: "storage", detail: "refused", retryable: false }, 500, 13],
    [{ ok: false, reason: "full", detail: "full", retryable: true }, 503, 14],
    [{ ok: false, reason: "late", detail: "late", retryable: true }, 503, 14],
  ] as const)("answers %o with %i", async (delivery, status, code) => {
    const { url } = await serve(() => delivery);
    for (const contentType of [PROTOBUF, "application/json"]) {
      const response = await post(`${url}/v1/logs`, "x", { "content-type": contentType });
      expect(response.status).toBe(status);
      expect(response.headers.get("content-type")).toBe(contentType);
      expect(response.headers.get("retry-after")).toBe(status === 503 ? "1" : null);
      expect(await statusOf(response)).toEqual({ code, message: `${delivery.reason}: ${delivery.detail}` });
    }
  });

  it("413 for a body that says it is too large, one that turns out to be, and a gzip bomb", async () => {
    const { url, received } = await serve(undefined, {
      maxCompressedBytes: 1_000,
      maxBodyBytes: 5_000,
      maxJsonBytes: 2_000,
    });
    expect((await post(`${url}/v1/traces`, Buffer.alloc(1_001))).status).toBe(413);
    const chunked = await fetch(`${url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": PROTOBUF },
      body: new Blob([Buffer.alloc(2_000)]).stream(),
      duplex: "half",
    });
    expect(chunked.status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(100_000));
    expect(bomb.length).toBeLessThan(1_000);
    expect((await post(`${url}/v1/traces`, bomb, { "content-encoding": "gzip" })).status).toBe(413);
    const json = gzipSync(Buffer.alloc(3_000, " "));
    const headers = { "content-encoding": "gzip", "content-type": "application/json" };
    expect((await post(`${url}/v1/traces`, json, headers)).status).toBe(413);
    expect(received).toEqual([]);
    expect((await post(`${url}/v1/traces`, Buffer.alloc(1_000))).status).toBe(200);
  });

  it("400 for what is no gzip, and for gzip that is cut off", async () => {
    const { url, received } = await serve();
    const whole = gzipSync(Buffer.alloc(10_000, "abcdef"));
    for (const body of [Buffer.from("no gzip at all"), whole.subarray(0, whole.length - 9)]) {
      const response = await post(`${url}/v1/traces`, body, { "content-encoding": "gzip" });
      expect(response.status).toBe(400);
      expect((await statusOf(response)).message).toContain("gzip");
    }
    expect(received).toEqual([]);
  });

  it("429 while too many bytes are in flight, and 200 again after", async () => {
    const release: (() => void)[] = [];
    const { url } = await serve(() => new Promise((resolve) => release.push(() => resolve(STORED))), {
      maxBytesInFlight: 1_000,
    });
    const first = post(`${url}/v1/traces`, Buffer.alloc(900));
    while (release.length === 0) await sleep(1);
    const second = await post(`${url}/v1/traces`, Buffer.alloc(200));
    expect(second.status).toBe(429);
    expect(second.headers.get("retry-after")).toBe("1");
    expect((await statusOf(second)).code).toBe(8);
    release[0]?.();
    expect((await first).status).toBe(200);
    const third = post(`${url}/v1/traces`, Buffer.alloc(200));
    while (release.length < 2) await sleep(1);
    release[1]?.();
    expect((await third).status).toBe(200);
  });

  it("lets one large body through when nothing else is in flight", async () => {
    const { url } = await serve(undefined, { maxBytesInFlight: 1_000 });
    expect((await post(`${url}/v1/traces`, Buffer.alloc(500_000))).status).toBe(200);
  });
});

it("forgets the bytes of a sender that goes away", async () => {
  const { url, port } = await serve(undefined, { maxBytesInFlight: 1_000 });
  for (let n = 0; n < 5; n++) {
    await new Promise<void>((resolve) => {
      const request = httpRequest({
        port,
        host: "127.0.0.1",
        path: "/v1/traces",
        method: "POST",
        headers: { "content-type": PROTOBUF, "content-length": 5_000 },
      });
      request.on("error", () => resolve());
      request.write(Buffer.alloc(900), () => setTimeout(() => request.destroy(new Error("gone")), 10));
    });
  }
  expect((await post(`${url}/v1/traces`, Buffer.alloc(900))).status).toBe(200);
});
