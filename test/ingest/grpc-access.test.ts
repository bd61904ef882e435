// Who may call OTLP/gRPC, and what a tenant may take of it: by the metadata, before anything of the request is read.
import { connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import type { Access, Admission } from "../../ingest/access.ts";
import { flushFrequentEvents } from "../../ingest/frequent-events.ts";
import { GRPC_LIMITS, type GrpcLimits, startGrpc } from "../../ingest/grpc.ts";
import type { Delivery } from "../../ingest/receiver.ts";
import { createTenantGuard, TENANT_LIMITS, type TenantLimits } from "../../ingest/tenant-limits.ts";
import { setLogSink } from "../../model/events.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const STORED: Delivery = { ok: true, rows: 1, rejected: 0, rejectedReason: null, duplicate: false };

const cleanups: (() => void)[] = [];
afterEach(() => {
  setLogSink(() => {});
  flushFrequentEvents();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Tokens of one letter are tenants; the answer takes its time, as storage does. */
const ACCESS: Access = {
  admit: async (authorization): Promise<Admission> => {
    await sleep(2);
    const text = (authorization ?? "").replace("Bearer ", "");
    if (text.length === 1) return { ok: true, tenant: text };
    const reason = text === "read" ? "scope" : text === "later" ? "unchecked" : "token";
    return { ok: false, reason, detail: `the ${reason} sentence` };
  },
};

async function serve(
  receive: (tenant: string, body: Uint8Array) => Promise<Delivery>,
  limits: Partial<GrpcLimits> = {},
  tenantLimits: Partial<TenantLimits> = {},
): Promise<number> {
  const endpoint = await startGrpc(
    { receive: (tenant, _signal, _encoding, body) => receive(tenant, body) },
    { host: "127.0.0.1", port: 0 },
    { ...GRPC_LIMITS, ...limits },
    ACCESS,
    createTenantGuard({ ...TENANT_LIMITS, ...tenantLimits }, Date.now),
  );
  cleanups.push(() => endpoint.destroy());
  return endpoint.port;
}

/** Exports as `token`; null when stored, else the refusal. */
function exportAs(port: number, token: string | null, body: Uint8Array): Promise<ServiceError | null> {
  const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  cleanups.push(() => client.close());
  const metadata = new Metadata();
  if (token !== null) metadata.set("authorization", `Bearer ${token}`);
  const pass = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(EXPORT, pass, pass, Buffer.from(body), metadata, {}, (error) => resolve(error));
  });
}

describe("a call", () => {
  it.each([
    [null, status.UNAUTHENTICATED, false],
    ["hunter2", status.UNAUTHENTICATED, false],
    ["read", status.PERMISSION_DENIED, false],
    ["later", status.UNAVAILABLE, true],
  ])("with token %j ends with status %i before it is read", async (token, code, mayRetry) => {
    const logged: string[] = [];
    setLogSink((...line) => void logged.push(JSON.stringify(line)));
    const received: string[] = [];
    const port = await serve((tenant) => {
      received.push(tenant);
      return Promise.resolve(STORED);
    });
    const error = await exportAs(port, token, Buffer.alloc(200_000));
    expect(error?.code).toBe(code);
    expect(error?.details).toContain("sentence");
    expect(error?.metadata.get("grpc-status-details-bin").length).toBe(mayRetry ? 1 : 0);
    expect(received).toEqual([]);
    expect(logged.join()).not.toContain("hunter2");
    expect(logged.length).toBe(1);
  });

  it("belongs to the tenant of its token, also when many come at once", async () => {
    const received: [string, string][] = [];
    const port = await serve((tenant, body) => {
      received.push([tenant, Buffer.from(body).toString()]);
      return Promise.resolve(STORED);
    });
    const letters = "abcdefghijabcdefghij".split("");
    await Promise.all(letters.map((letter) => exportAs(port, letter, Buffer.from(letter.toUpperCase()))));
    expect(received.length).toBe(20);
    for (const [tenant, body] of received) expect(body).toBe(tenant.toUpperCase());
  });

  it("cannot name its tenant another way", async () => {
    const received: string[] = [];
    const port = await serve((tenant) => {
      received.push(tenant);
      return Promise.resolve(STORED);
    });
    const session = connect(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const headers = { authorization: "Bearer a", tenant: "b", "x-tenant": "b", "x-scope-orgid": "b" };
    const stream = session.request({
      ":method": "POST",
      ":path": EXPORT,
      "content-type": "application/grpc",
      ...headers,
    });
    stream.end(Buffer.from([0, 0, 0, 0, 1, 7]));
    stream.resume();
    await new Promise((resolve) => stream.once("close", resolve));
    expect(received).toEqual(["a"]);
  });
});

describe("one tenant", () => {
  it("does not take all of what may be in flight", async () => {
    const release: (() => void)[] = [];
    const answer = (): Promise<Delivery> => new Promise((resolve) => release.push(() => resolve(STORED)));
    const port = await serve(answer, { maxBytesInFlight: 10_000 });
    const taken = Array.from({ length: 8 }, () => exportAs(port, "a", Buffer.alloc(950)));
    while (release.length < 8) await sleep(2);
    const refused = await exportAs(port, "a", Buffer.alloc(950));
    expect([refused?.code, refused?.details.split(":")[0]]).toEqual([status.RESOURCE_EXHAUSTED, "share"]);
    expect(refused?.metadata.get("grpc-status-details-bin").length).toBe(1);
    const other = exportAs(port, "b", Buffer.alloc(1_000));
    while (release.length < 9) await sleep(2);
    for (const finish of release) finish();
    expect(await Promise.all([...taken, other])).toEqual(Array.from({ length: 9 }, () => null));
  });

  it("does not take all of what is read at a time: another one's request comes through beside slow ones", async () => {
    const port = await serve(() => Promise.resolve(STORED), { maxReads: 5, readTimeoutMs: 60_000 });
    for (let n = 0; n < 12; n++) {
      const session = connect(`http://127.0.0.1:${port}`);
      session.on("error", () => {});
      cleanups.push(() => session.destroy());
      const headers = { authorization: "Bearer a", "content-type": "application/grpc" };
      const stream = session.request({ ":method": "POST", ":path": EXPORT, ...headers });
      stream.on("error", () => {});
      stream.write(Buffer.from([0, 0, 0, 1, 0, 1]));
    }
    await sleep(100);
    expect(await exportAs(port, "b", Buffer.alloc(1_000))).toBeNull();
  });

  it("past its rate is told when to come back, and others are not", async () => {
    const port = await serve(() => Promise.resolve(STORED), {}, { bytesPerSecond: 100, burstSeconds: 1 });
    expect(await exportAs(port, "a", Buffer.alloc(500))).toBeNull();
    const refused = await exportAs(port, "a", Buffer.alloc(1));
    expect([refused?.code, refused?.details.split(":")[0]]).toEqual([status.RESOURCE_EXHAUSTED, "rate"]);
    expect(await exportAs(port, "b", Buffer.alloc(1))).toBeNull();
  });
});
