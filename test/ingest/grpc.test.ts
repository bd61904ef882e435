// OTLP/gRPC with the clients of grpc-js, of the OpenTelemetry SDK and of plain HTTP/2: every status, its RetryInfo, and what a refusal leaves behind.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { createServer, type AddressInfo, connect as connectTcp } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { type CallOptions, Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { afterEach, describe, expect, it } from "vitest";
import { openAccess } from "../../ingest/access.ts";
import { flushFrequentEvents } from "../../ingest/frequent-events.ts";
import { GRPC_LIMITS, type GrpcEndpoint, type GrpcLimits, startGrpc } from "../../ingest/grpc.ts";
import type { Delivery } from "../../ingest/receiver.ts";
import { createTenantGuard, TENANT_LIMITS } from "../../ingest/tenant-limits.ts";
import { setLogSink } from "../../model/events.ts";

const STORED: Delivery = { ok: true, rows: 1, rejected: 0, rejectedReason: null, duplicate: false };
const PACKAGE = "/opentelemetry.proto.collector";
const PATHS = {
  traces: `${PACKAGE}.trace.v1.TraceService/Export`,
  logs: `${PACKAGE}.logs.v1.LogsService/Export`,
  metrics: `${PACKAGE}.metrics.v1.MetricsService/Export`,
};
const GZIP = { "grpc.default_compression_algorithm": 2 };
// As published in googleapis and opentelemetry-proto.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Partial { int64 rejected = 1; string error_message = 2; }
  message Response { Partial partial_success = 1; }
`);

interface Received {
  readonly signal: string;
  readonly encoding: string;
  readonly body: Buffer;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serve(
  answer: (received: Received) => Delivery | Promise<Delivery> = () => STORED,
  limits: Partial<GrpcLimits> = {},
): Promise<{ endpoint: GrpcEndpoint; port: number; received: Received[] }> {
  const received: Received[] = [];
  const receiver = {
    receive: async (_tenant: string, signal: string, encoding: string, body: Uint8Array): Promise<Delivery> => {
      const entry = { signal, encoding, body: Buffer.from(body) };
      received.push(entry);
      return answer(entry);
    },
  };
  const endpoint = await startGrpc(
    receiver,
    { host: "127.0.0.1", port: 0 },
    { ...GRPC_LIMITS, ...limits },
    openAccess("default"),
    createTenantGuard(TENANT_LIMITS, Date.now),
  );
  cleanups.push(() => endpoint.destroy());
  cleanups.push(() => void endpoint.drain());
  return { endpoint, port: endpoint.port, received };
}

function clientOf(port: number, options: Record<string, number> = {}): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    ...options,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": -1,
  });
  cleanups.push(() => client.close());
  return client;
}

function exportTo(
  client: Client,
  body: Uint8Array,
  path: string = PATHS.traces,
  options: CallOptions = {},
): Promise<Buffer> {
  const pass = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, pass, pass, Buffer.from(body), new Metadata(), options, (error, response) => {
      if (error === null) resolve(response ?? Buffer.alloc(0));
      else reject(error);
    });
  });
}

async function refusal(call: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).not.toBeNull();
  return error as ServiceError;
}

/** The google.rpc.Status of a refusal with the delay of its RetryInfo; null without one. */
function detailsOf(error: ServiceError): { code: number; message: string; retrySeconds: number[] } | null {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (bytes === undefined) return null;
  const { code, message, details } = decode("Status", bytes as Buffer);
  const retrySeconds = details.map((any: { typeUrl: string; value: Buffer }) => {
    expect(any.typeUrl).toBe("type.googleapis.com/google.rpc.RetryInfo");
    return decode("RetryInfo", any.value).retryDelay.seconds;
  });
  return { code, message, retrySeconds };
}

function decode(type: string, bytes: Uint8Array): ReturnType<protobuf.Type["toObject"]> {
  return root.lookupType(type).toObject(root.lookupType(type).decode(bytes), { longs: Number });
}

/** A call by plain HTTP/2, for what a client library does not send. */
function rawCall(port: number, headers: Record<string, string> = {}): ClientHttp2Stream {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  cleanups.push(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": PATHS.traces,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => {});
  return stream;
}

function framed(body: Uint8Array, isCompressed = false, length = body.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = isCompressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

/** The gRPC status that ends a raw call. */
function statusOf(stream: ClientHttp2Stream): Promise<{ code: number; message: string }> {
  return new Promise((resolve, reject) => {
    const take = (headers: Record<string, unknown>): void => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      const message = headers["grpc-message"];
      resolve({ code: Number(code), message: typeof message === "string" ? decodeURI(message) : "" });
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("close", () => reject(new Error("closed without a status")));
    stream.resume();
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; n < 500 && !condition(); n++) await sleep(10);
  expect(condition()).toBe(true);
}

describe("success", () => {
  it.each(["traces", "logs", "metrics"] as const)("hands the bytes of %s to the receiver", async (signal) => {
    const { port, received } = await serve();
    const response = await exportTo(clientOf(port), Buffer.from("body"), PATHS[signal]);
    expect(response.length).toBe(0);
    expect(received).toEqual([{ signal, encoding: "protobuf", body: Buffer.from("body") }]);
  });

  it("decompresses gzip", async () => {
    const { port, received } = await serve();
    const body = Buffer.alloc(300_000, "abc");
    await exportTo(clientOf(port, GZIP), body);
    expect(received[0]?.body.equals(body)).toBe(true);
  });

  it("says how many rows were left out and why", async () => {
    const { port } = await serve(() => ({ ...STORED, rejected: 300, rejectedReason: "ids" }));
    const bytes = await exportTo(clientOf(port), Buffer.from("x"));
    expect(decode("Response", bytes)).toEqual({
      partialSuccess: { rejected: 300, errorMessage: expect.stringContaining("trace id") as string },
    });
  });
});

describe("refusals", () => {
  it.each([
    [{ ok: false, reason: "truncated", detail: "cut", retryable: false }, status.INVALID_ARGUMENT],
    [{ ok: false, reason: "expansion", detail: "large", retryable: false }, status.INVALID_ARGUMENT],
    [{ ok: false, reason: "storage", detail: "refused", retryable: false }, status.INTERNAL],
    [{ ok: false, reason: "full", detail: "full", retryable: true }, status.UNAVAILABLE],
    [{ ok: false, reason: "late", detail: "late", retryable: true }, status.UNAVAILABLE],
  ] as const)("answers %o with code %i", async (delivery, code) => {
    const { port } = await serve(() => delivery, { retryAfterSeconds: 7 });
    const error = await refusal(exportTo(clientOf(port), Buffer.from("x")));
    const message = `${delivery.reason}: ${delivery.detail}`;
    expect(error).toMatchObject({ code, details: message });
    expect(detailsOf(error)).toEqual(delivery.retryable ? { code, message, retrySeconds: [7] } : null);
  });

  it("UNIMPLEMENTED for another service", async () => {
    const { port, received } = await serve();
    const error = await refusal(exportTo(clientOf(port), Buffer.from("x"), `${PACKAGE}.profiles.v1.Profiles/Export`));
    expect(error.code).toBe(status.UNIMPLEMENTED);
    expect(received).toEqual([]);
  });

  it("RESOURCE_EXHAUSTED, not to be repeated, for a request too large and a gzip bomb; the connection goes on", async () => {
    const { port, received } = await serve(undefined, { maxMessageBytes: 100_000 });
    for (const options of [{}, GZIP]) {
      const client = clientOf(port, options);
      const error = await refusal(exportTo(client, Buffer.alloc(10_000_000)));
      expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
      expect(detailsOf(error)).toBeNull();
      await exportTo(client, Buffer.alloc(100_000));
    }
    expect(received.map(({ body }) => body.length)).toEqual([100_000, 100_000]);
  });

  it("ends a call whose gzip is none or cut off, and counts it", async () => {
    const { port, received } = await serve();
    const reasons: unknown[] = [];
    flushFrequentEvents();
    setLogSink((_level, event, _text, fields) => reasons.push([event, fields["reason"]]));
    cleanups.push(() => setLogSink(() => {}));
    const whole = gzipSync(Buffer.alloc(10_000, "abcdef"));
    for (const body of [Buffer.from("no gzip at all"), whole.subarray(0, whole.length - 9)]) {
      const stream = rawCall(port, { "grpc-encoding": "gzip" });
      stream.end(framed(body, true));
      expect((await statusOf(stream)).code).toBe(status.INTERNAL);
    }
    expect(received).toEqual([]);
    flushFrequentEvents();
    expect(reasons).toEqual(Array(2).fill(["ingest.refused", "compression"]));
  });

  it("RESOURCE_EXHAUSTED with RetryInfo while too many bytes are in flight, and OK again after", async () => {
    const release: (() => void)[] = [];
    const { port } = await serve(() => new Promise((resolve) => release.push(() => resolve(STORED))), {
      maxBytesInFlight: 1_000,
    });
    const client = clientOf(port);
    // More than the bound, but nothing else is in flight.
    const first = exportTo(client, Buffer.alloc(5_000));
    await until(() => release.length === 1);
    const error = await refusal(exportTo(client, Buffer.alloc(200)));
    const message = "in_flight: too many bytes are on their way";
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: message });
    expect(detailsOf(error)).toEqual({ code: status.RESOURCE_EXHAUSTED, message, retrySeconds: [1] });
    release[0]?.();
    await first;
    const third = exportTo(client, Buffer.alloc(200));
    await until(() => release.length === 2);
    release[1]?.();
    await third;
  });
});

describe("requests that are slow to arrive", () => {
  it("hold others back only up to the limit: these are told to come again, the slow one is ended", async () => {
    const { port, received } = await serve(undefined, { maxReads: 1, readTimeoutMs: 400 });
    const slow = rawCall(port);
    slow.write(framed(Buffer.alloc(10), false, 1_000));
    const slowEnd = statusOf(slow);
    await sleep(50);
    const waiting = exportTo(clientOf(port), Buffer.from("waited"));
    expect((await slowEnd).code).toBe(status.DEADLINE_EXCEEDED);
    await waiting;
    expect(received.map(({ body }) => body.toString())).toEqual(["waited"]);

    const next = rawCall(port);
    next.write(framed(Buffer.alloc(10), false, 1_000));
    await sleep(50);
    const behind = rawCall(port);
    behind.write(framed(Buffer.alloc(10), false, 1_000));
    await sleep(50);
    const error = await refusal(exportTo(clientOf(port), Buffer.from("in vain")));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsOf(error)?.retrySeconds).toEqual([1]);
  });

  it("do not keep others from coming through in turn", async () => {
    const { port, received } = await serve(undefined, { maxReads: 2 });
    const clients = [clientOf(port), clientOf(port, GZIP)];
    await Promise.all(
      Array.from({ length: 300 }, (_, n) => exportTo(clients[n % 2] ?? clientOf(port), Buffer.alloc(20_000, n))),
    );
    expect(received.filter(({ body }) => body.length === 20_000)).toHaveLength(300);
  });

  it("are forgotten when their sender goes away", async () => {
    const { port, received } = await serve(undefined, { maxReads: 1, readTimeoutMs: 60_000 });
    for (let n = 0; n < 5; n++) {
      const stream = rawCall(port);
      stream.write(framed(Buffer.alloc(10), false, 1_000));
      await sleep(20);
      if (n % 2 === 0) stream.close(8);
      else stream.session?.destroy();
    }
    await exportTo(clientOf(port), Buffer.from("after"), PATHS.traces, { deadline: Date.now() + 5_000 });
    expect(received.map(({ body }) => body.toString())).toEqual(["after"]);
  });
});

describe("the listener", () => {
  it("says with Node's code that a port is taken", async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => busy.close());
    const { port } = busy.address() as AddressInfo;
    const receiver = { receive: () => Promise.resolve(STORED) };
    await expect(
      startGrpc(
        receiver,
        { host: "127.0.0.1", port },
        GRPC_LIMITS,
        openAccess("default"),
        createTenantGuard(TENANT_LIMITS, Date.now),
      ),
    ).rejects.toMatchObject({
      code: "EADDRINUSE",
      port,
    });
  });

  it("outlives what is no HTTP/2", async () => {
    const { port } = await serve();
    const socket = connectTcp(port, "127.0.0.1");
    socket.on("error", () => {});
    const isClosed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.resume();
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await isClosed;
    expect((await exportTo(clientOf(port), Buffer.from("x"))).length).toBe(0);
  });
});

describe("stop", () => {
  it("answers the open calls, takes no new ones, and resolves then", async () => {
    const release: (() => void)[] = [];
    const { endpoint, port } = await serve(() => new Promise((resolve) => release.push(() => resolve(STORED))));
    const open = exportTo(clientOf(port), Buffer.from("x"));
    await until(() => release.length === 1);
    let isDrained = false;
    const drained = endpoint.drain().then(() => (isDrained = true));
    const late = await refusal(exportTo(clientOf(port), Buffer.from("late")));
    expect(late.code).toBe(status.UNAVAILABLE);
    expect(isDrained).toBe(false);
    release[0]?.();
    await open;
    await drained;
  });

  it("cuts off a call that never ends", async () => {
    const { endpoint, port, received } = await serve();
    const stream = rawCall(port);
    stream.write(framed(Buffer.alloc(10), false, 1_000));
    const isClosed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    await sleep(50);
    const drained = endpoint.drain();
    endpoint.destroy();
    await Promise.all([isClosed, drained]);
    expect(received).toEqual([]);
    expect((await refusal(exportTo(clientOf(port), Buffer.from("x")))).code).toBe(status.UNAVAILABLE);
  });
});
