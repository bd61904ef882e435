// Endpoints beside OTLP on the OTLP/HTTP port, and who may use any of them.
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { setLogSink } from "../../model/events.ts";
import type { Access, Admission } from "../../ingest/access.ts";
import type { EndpointAnswer, EndpointRequest, HttpEndpoint } from "../../ingest/http-endpoint.ts";
import { createHttpServer, HTTP_LIMITS, type HttpLimits } from "../../ingest/http.ts";
import { createTenantGuard, TENANT_LIMITS, type TenantLimits } from "../../ingest/tenant-limits.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  setLogSink(() => {});
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Tokens a, b: their tenants; "read": a token for something else; "later": storage is away; anything else is unknown. */
const ACCESS: Access = {
  admit: (authorization, isSelfAuthenticated = false): Promise<Admission> => {
    const text = authorization?.replace("Bearer ", "");
    if (text === undefined && isSelfAuthenticated) return Promise.resolve({ ok: true, tenant: "own" });
    if (text === "a" || text === "b") return Promise.resolve({ ok: true, tenant: text });
    const reason = text === "read" ? "scope" : text === "later" ? "unchecked" : "token";
    return Promise.resolve({ ok: false, reason, detail: `the ${reason} sentence` });
  },
};

interface Served {
  readonly url: string;
  readonly asked: EndpointRequest[];
  readonly received: string[];
}

async function serve(
  endpoint: Partial<HttpEndpoint> & { readonly handle?: (request: EndpointRequest) => Promise<EndpointAnswer> } = {},
  limits: Partial<HttpLimits> = {},
  tenantLimits: Partial<TenantLimits> = {},
): Promise<Served> {
  const asked: EndpointRequest[] = [];
  const received: string[] = [];
  const { handle = (): Promise<EndpointAnswer> => Promise.resolve({ status: 204 }), ...rest } = endpoint;
  const own: HttpEndpoint = {
    path: "/own",
    ...rest,
    handle: (request) => {
      asked.push(request);
      return handle(request);
    },
  };
  const receiver = {
    receive: (tenant: string) => {
      received.push(tenant);
      return Promise.resolve({ ok: true as const, rows: 1, rejected: 0, rejectedReason: null, duplicate: false });
    },
  };
  const guard = createTenantGuard({ ...TENANT_LIMITS, ...tenantLimits }, Date.now);
  const server = createHttpServer(receiver, { ...HTTP_LIMITS, ...limits }, [own], ACCESS, guard);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, received };
}

function post(url: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body, headers });
}

const TOKEN_A = { authorization: "Bearer a" };
const PROTOBUF = { "content-type": "application/x-protobuf" };

describe("an endpoint", () => {
  it("gets tenant, headers, query and the gunzipped body, and answers as it likes", async () => {
    const answer = { status: 202, headers: { "x-own": "1", "content-type": "text/plain" }, body: "taken" };
    const { url, asked } = await serve({ handle: () => Promise.resolve(answer) });
    const response = await post(`${url}/own?x=1&y=%C3%BC`, gzipSync("body"), {
      ...TOKEN_A,
      "content-encoding": "gzip",
    });
    expect([response.status, response.headers.get("x-own"), await response.text()]).toEqual([202, "1", "taken"]);
    const [request] = asked;
    expect(request?.tenant).toBe("a");
    expect(request?.query.get("y")).toBe("ü");
    expect(Buffer.from(request?.body ?? []).toString()).toBe("body");
    expect(request?.headers["content-encoding"]).toBe("gzip");
  });

  it("gets a body as sent in an encoding that it decodes itself, and none in another", async () => {
    const { url, asked } = await serve({ encodings: ["snappy"] });
    expect((await post(`${url}/own`, "raw", { ...TOKEN_A, "content-encoding": "snappy" })).status).toBe(204);
    expect(Buffer.from(asked[0]?.body ?? []).toString()).toBe("raw");
    expect((await post(`${url}/own`, "raw", { ...TOKEN_A, "content-encoding": "br" })).status).toBe(415);
    expect((await post(`${url}/v1/traces`, "", { ...TOKEN_A, ...PROTOBUF, "content-encoding": "snappy" })).status).toBe(
      415,
    );
    expect(asked.length).toBe(1);
  });

  it("is asked by POST alone, for bodies within the limits alone", async () => {
    const { url, asked } = await serve({}, { maxBodyBytes: 1_000, maxCompressedBytes: 500 });
    expect((await fetch(`${url}/own`, { headers: TOKEN_A })).status).toBe(405);
    expect((await post(`${url}/own`, Buffer.alloc(501), TOKEN_A)).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(100_000));
    expect((await post(`${url}/own`, bomb, { ...TOKEN_A, "content-encoding": "gzip" })).status).toBe(413);
    expect((await post(`${url}/other`, "", TOKEN_A)).status).toBe(404);
    expect(asked).toEqual([]);
  });

  it("that throws is answered for with 500, counted, and the next request goes through", async () => {
    const events: string[] = [];
    setLogSink((_level, event, text) => void events.push(`${event} ${text}`));
    let isBroken = true;
    const { url } = await serve({
      handle: () => (isBroken ? Promise.reject(new Error("secret inside")) : Promise.resolve({ status: 200 })),
    });
    const response = await post(`${url}/own`, "x", TOKEN_A);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(events.filter((event) => event.startsWith("ingest.endpoint_failed"))).toHaveLength(1);
    isBroken = false;
    expect((await post(`${url}/own`, "x", TOKEN_A)).status).toBe(200);
  });

  it("that does not answer in time is answered for with 503, and its bytes stay counted until it does", async () => {
    const release: (() => void)[] = [];
    const { url } = await serve(
      { handle: () => new Promise((resolve) => release.push(() => resolve({ status: 200 }))) },
      { answerTimeoutMs: 30, maxBytesInFlight: 1_000 },
    );
    const late = await post(`${url}/own`, Buffer.alloc(700), TOKEN_A);
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await post(`${url}/own`, Buffer.alloc(700), TOKEN_A)).status).toBe(429);
    release[0]?.();
    await sleep(5);
    const next = post(`${url}/own`, Buffer.alloc(700), TOKEN_A);
    while (release.length < 2) await sleep(1);
    release[1]?.();
    expect((await next).status).toBe(200);
  });

  it("gets Retry-After added to its own 429 and 503", async () => {
    const { url } = await serve({ handle: () => Promise.resolve({ status: 503 }) });
    expect((await post(`${url}/own`, "x", TOKEN_A)).headers.get("retry-after")).toBe("1");
  });
});

describe("tokens", () => {
  it.each([
    [{}, 401],
    [{ authorization: "Bearer hunter2" }, 401],
    [{ authorization: "Bearer read" }, 403],
    [{ authorization: "Bearer later" }, 503],
    [TOKEN_A, 200],
  ])("%j at OTLP is %i", async (headers, status) => {
    const logged: string[] = [];
    setLogSink((...line) => void logged.push(JSON.stringify(line)));
    const { url, received } = await serve();
    const response = await post(`${url}/v1/logs`, "", { ...PROTOBUF, ...headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
    expect(response.headers.get("retry-after")).toBe(status === 503 ? "1" : null);
    if (status !== 200) expect(await response.text()).toContain("sentence");
    expect(received).toEqual(status === 200 ? ["a"] : []);
    expect(logged.join()).not.toContain("hunter2");
  });

  it("are asked for at endpoints too, but where these check a signature", async () => {
    const { url, asked } = await serve();
    expect((await post(`${url}/own`, "x")).status).toBe(401);
    const signed = await serve({ isSelfAuthenticated: true });
    expect((await post(`${signed.url}/own`, "x")).status).toBe(204);
    expect((await post(`${signed.url}/own`, "x", { authorization: "Bearer b" })).status).toBe(204);
    expect(signed.asked.map(({ tenant }) => tenant)).toEqual(["own", "b"]);
    expect(asked).toEqual([]);
  });

  it("of somebody who is refused cost no body: the answer comes before it", async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { ...PROTOBUF, "content-length": 8 << 20 };
      const request = httpRequest({ port, path: "/v1/traces", method: "POST", headers }, (response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      request.on("error", reject);
      request.write("only the beginning");
    });
    expect(status).toBe(401);
  });
});

describe("limits of a tenant", () => {
  it("too many bytes a second are 429 with the time to wait, for this tenant alone", async () => {
    const { url } = await serve({}, {}, { bytesPerSecond: 100, burstSeconds: 1 });
    expect((await post(`${url}/own`, Buffer.alloc(500), TOKEN_A)).status).toBe(204);
    const refused = await post(`${url}/own`, "x", TOKEN_A);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(3);
    expect((await post(`${url}/own`, "x", { authorization: "Bearer b" })).status).toBe(204);
  });

  it("one tenant cannot take all of what may be in flight", async () => {
    const release: (() => void)[] = [];
    const { url } = await serve(
      { handle: () => new Promise((resolve) => release.push(() => resolve({ status: 200 }))) },
      { maxBytesInFlight: 1_000 },
    );
    const taken: Promise<Response>[] = [];
    for (let n = 1; n <= 8; n++) {
      taken.push(post(`${url}/own`, Buffer.alloc(100), TOKEN_A));
      while (release.length < n) await sleep(1);
    }
    const refused = await post(`${url}/own`, Buffer.alloc(100), TOKEN_A);
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain("share");
    const other = post(`${url}/own`, Buffer.alloc(100), { authorization: "Bearer b" });
    while (release.length < 9) await sleep(1);
    for (const finish of release) finish();
    expect((await other).status).toBe(200);
    expect((await Promise.all(taken)).every(({ status }) => status === 200)).toBe(true);
  });
});
