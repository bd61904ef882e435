// OTLP/gRPC down to the rows in the real ClickHouse: the SDK's exporter, bad neighbours, an outage, and a stop that loses nothing acknowledged.
import { connect } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { INGEST_DEFAULTS, type IngestOptions, startIngest } from "../../ingest/role.ts";
import type { Storage } from "../../storage/client.ts";
import { encodeOtlp } from "../fixtures/otlp-oracle.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

type ExporterOptions = NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>;

// Keeps the server of this file up between tests.
let server: TestStorage;
let test: TestStorage;
let ingest: Awaited<ReturnType<typeof startIngest>> | null = null;
let client: Client | null = null;

beforeAll(async () => {
  server = await startTestStorage({ migrate: false });
});
afterAll(() => server.stop());
beforeEach(async () => {
  test = await startTestStorage();
});
afterEach(async () => {
  client?.close();
  await ingest?.stop();
  ingest = null;
  await test.stop();
});

async function start(storage: Storage = test.storage, options: Partial<IngestOptions> = {}) {
  ingest = await startIngest({ storage, options: { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0, ...options } });
  client = new Client(new URL(ingest.grpcUrl).host, credentials.createInsecure());
  return ingest;
}

/** Exports traces; 0 with the response, or the code of the refusal with its reason. */
function exportTraces(body: Uint8Array): Promise<{ code: number; response: Buffer; details: string }> {
  const pass = (bytes: Buffer): Buffer => bytes;
  const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  return new Promise((resolve) => {
    client?.makeUnaryRequest(path, pass, pass, Buffer.from(body), new Metadata(), (error: ServiceError | null, bytes) =>
      resolve({ code: error?.code ?? 0, response: bytes ?? Buffer.alloc(0), details: error?.details ?? "" }),
    );
  });
}

function spans(count: number, name: string, withoutId = 0): Uint8Array {
  const list = Array.from({ length: count }, (_, n) => ({
    traceId: Buffer.alloc(16, 1),
    spanId: n < withoutId ? Buffer.alloc(0) : Buffer.from([1, 0, 0, 0, 0, 0, n >> 8, n & 255]),
    name,
    startTimeUnixNano: "1795388900000000000",
    endTimeUnixNano: "1795388900001000000",
  }));
  return encodeOtlp("traces", { resourceSpans: [{ scopeSpans: [{ spans: list }] }] });
}

async function counts(): Promise<Record<string, number>> {
  const query = "SELECT SpanName, count() AS n FROM spans GROUP BY SpanName";
  const result = await test.storage.client.query({ query, format: "JSONEachRow" });
  return Object.fromEntries(
    (await result.json<{ SpanName: string; n: number }>()).map(({ SpanName, n }) => [SpanName, n]),
  );
}

it("stores good payloads beside bad ones, and answers each for itself", async () => {
  await start();
  const good = spans(50, "good");
  const answers = await Promise.all([
    exportTraces(good),
    exportTraces(good.subarray(0, good.length - 7)),
    exportTraces(spans(20, "partly good", 5)),
    exportTraces(Buffer.alloc(0)),
  ]);
  expect(answers.map(({ code }) => code)).toEqual([0, status.INVALID_ARGUMENT, 0, 0]);
  expect(answers[1]?.details).toMatch(/^truncated: the protobuf body ends/);
  // partial_success {rejected_spans: 5, error_message}
  const partial = answers[2]?.response ?? Buffer.alloc(0);
  expect([partial[0], ...partial.subarray(2, 5)]).toEqual([0x0a, 0x08, 5, 0x12]);
  expect(partial.toString()).toContain("trace id");
  expect(await counts()).toEqual({ good: 50, "partly good": 15 });
});

it("stores what the SDK's exporter sends, plain and gzip", async () => {
  const { grpcUrl } = await start();
  for (const compression of ["none", "gzip"] as const) {
    const exporter = new OTLPTraceExporter({ url: grpcUrl, compression } as ExporterOptions);
    const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
    const tracer = provider.getTracer("test");
    for (let n = 0; n < 30; n++) tracer.startSpan(`by ${compression}`, { attributes: { n } }).end();
    await provider.forceFlush();
    await provider.shutdown();
  }
  expect(await counts()).toEqual({ "by none": 30, "by gzip": 30 });
});

it("tells senders to come back while storage is away, and stores once what they repeat, by whatever transport", async () => {
  const outage = { on: true };
  const insertNative: Storage["insertNative"] = (...args) =>
    outage.on
      ? Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }))
      : test.storage.insertNative(...args);
  const { httpUrl } = await start(
    { ...test.storage, insertNative },
    { receiver: { ...INGEST_DEFAULTS.receiver, ackDeadlineMs: 150 } },
  );
  const body = spans(10, "late");
  for (let attempt = 0; attempt < 2; attempt++) {
    expect(await exportTraces(body)).toMatchObject({
      code: status.UNAVAILABLE,
      details: "late: storage has not answered yet",
    });
  }
  outage.on = false;
  let code: number = status.UNAVAILABLE;
  for (let n = 0; n < 50 && code !== 0; n++) {
    await sleep(50);
    ({ code } = await exportTraces(body));
  }
  expect(code).toBe(0);
  const headers = { "content-type": "application/x-protobuf" };
  expect((await fetch(`${httpUrl}/v1/traces`, { method: "POST", headers, body })).status).toBe(200);
  expect(await counts()).toEqual({ late: 10 });
});

it("a stop answers what is under way after storing it", async () => {
  const writer = { ...INGEST_DEFAULTS.writer, lingerMs: 60_000, quietMs: 60_000 };
  await start(test.storage, { writer });
  const answers = ["a", "b", "c"].map((name) => exportTraces(spans(5, name)));
  await sleep(200);
  await ingest?.stop();
  ingest = null;
  expect((await Promise.all(answers)).map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(await counts()).toEqual({ a: 5, b: 5, c: 5 });
});

it("a stop does not wait for a call that never ends", async () => {
  const { grpcUrl } = await start();
  const session = connect(grpcUrl);
  session.on("error", () => {});
  const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
  stream.on("error", () => {});
  stream.write(Buffer.from([0, 0, 0, 1, 0, 1]));
  await sleep(100);
  const startMs = Date.now();
  await ingest?.stop();
  ingest = null;
  expect(Date.now() - startMs).toBeLessThan(5_000);
  await new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once("close", () => resolve())));
});

it("a gRPC port that is taken is Node's error, and the HTTP port is given back", async () => {
  const { grpcUrl } = await start();
  const httpPort = await freePort();
  const grpcPort = Number(new URL(grpcUrl).port);
  const options = { ...INGEST_DEFAULTS, httpPort, grpcPort };
  await expect(startIngest({ storage: test.storage, options })).rejects.toMatchObject({
    code: "EADDRINUSE",
    port: grpcPort,
  });
  const second = await startIngest({ storage: test.storage, options: { ...options, grpcPort: 0 } });
  expect(second.httpUrl).toBe(`http://127.0.0.1:${httpPort}`);
  await second.stop();
});

async function freePort(): Promise<number> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as AddressInfo;
  await new Promise<void>((resolve) => holder.close(() => resolve()));
  return port;
}
