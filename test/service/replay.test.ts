// A replay against a real HTTP endpoint: order, merging, retries, refusals, pace.
// In: small recordings. Out: what the endpoint received.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs";
import { afterAll, afterEach, expect, test } from "vitest";
import { createOtlpSender } from "../../service/otlp-sender.ts";
import { type Frame, type Signal, encodeRecording } from "../../service/recording.ts";
import { type ReplayOptions, type ReplayResult, replayRecording } from "../../service/replay.ts";

const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Traces { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span { string name = 5; fixed64 start_time_unix_nano = 7; }
`,
  { keepCase: true },
);
const Traces = root.lookupType("Traces");

const dir = mkdtempSync(join(tmpdir(), "faultline-replay-"));
const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Received {
  path: string;
  body: Buffer;
  atMs: number;
}

async function endpoint(
  answer: (count: number) => { status: number; headers?: Record<string, string>; body?: string },
): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { status, headers, body } = answer(count++);
      if (status === 200) received.push({ path: request.url ?? "", body: Buffer.concat(chunks), atMs: Date.now() });
      response.writeHead(status, headers).end(body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const BASE_NS = 1_700_000_000_000_000_000n;

function spanFrame(name: string, atMs: number): Frame {
  const at = BASE_NS + BigInt(atMs) * 1_000_000n;
  const span = { name, start_time_unix_nano: at.toString() };
  const body = Traces.encode(Traces.fromObject({ resource_spans: [{ scope_spans: [{ spans: [span] }] }] })).finish();
  return { signal: "T", arrivalUnixNs: at, body };
}

function otherFrame(signal: Signal, atMs: number): Frame {
  return { signal, arrivalUnixNs: BASE_NS + BigInt(atMs) * 1_000_000n, body: new Uint8Array(0) };
}

function spansOf(received: readonly Received[]): { name: string; atMs: number }[] {
  return received
    .filter((request) => request.path === "/v1/traces")
    .flatMap(
      (request) =>
        (
          Traces.decode(request.body) as unknown as {
            resource_spans: {
              scope_spans: { spans: { name: string; start_time_unix_nano: { toString(): string } }[] }[];
            }[];
          }
        ).resource_spans,
    )
    .flatMap((resource) => resource.scope_spans.flatMap((scope) => scope.spans))
    .map((span) => ({ name: span.name, atMs: Number(BigInt(span.start_time_unix_nano.toString()) / 1_000_000n) }));
}

async function replay(
  url: string,
  frames: readonly Frame[],
  options: Partial<ReplayOptions> = {},
): Promise<ReplayResult | null> {
  const file = join(dir, "recording.zst");
  writeFileSync(file, encodeRecording(frames, 3));
  return replayRecording({
    file,
    sender: createOtlpSender(url, null),
    speed: "max",
    keepTimes: false,
    now: Date.now,
    onProgress: () => {},
    abort: new AbortController().signal,
    ...options,
  });
}

test("at full speed frames of one signal are merged by second, in order, and the last arrival is now", async () => {
  const { url, received } = await endpoint(() => ({ status: 200 }));
  const frames = [
    ...Array.from({ length: 30 }, (_, index) => spanFrame(`a${index}`, index * 30)),
    otherFrame("M", 890),
    otherFrame("L", 895),
    spanFrame("b", 5_000),
  ];
  const before = Date.now();
  const result = await replay(url, frames);
  const spans = spansOf(received);
  const names = spans.map((span) => span.name);
  // Windows may overtake each other by a few places on the wire; within one they cannot.
  expect(names.filter((name) => name !== "b")).toEqual(Array.from({ length: 30 }, (_, index) => `a${index}`));
  expect(names.filter((name) => name === "b")).toHaveLength(1);
  expect(received.map((request) => request.path).sort()).toEqual([
    "/v1/logs",
    "/v1/metrics",
    "/v1/traces",
    "/v1/traces",
  ]);
  const times = spans.map((span) => span.atMs);
  expect(Math.max(...times)).toBeGreaterThanOrEqual(before - 1);
  expect(Math.max(...times)).toBeLessThanOrEqual(Date.now());
  expect(Math.max(...times) - Math.min(...times)).toBe(5_000);
  expect(result).toMatchObject({ framesSent: 33, requestsSent: 4, framesUnreadable: 0 });
});

test("at a multiple of real time each frame is sent when it is due, never with a time in the future", async () => {
  const { url, received } = await endpoint(() => ({ status: 200 }));
  const started = Date.now();
  await replay(url, [spanFrame("first", 0), spanFrame("last", 4_000)], { speed: 8 });
  const spans = spansOf(received);
  expect(received).toHaveLength(2);
  const [first, last] = received;
  expect((last?.atMs ?? 0) - started).toBeGreaterThanOrEqual(500);
  expect(spans[1]?.atMs).toBeLessThanOrEqual(last?.atMs ?? 0);
  expect(spans[0]?.atMs).toBeLessThanOrEqual(first?.atMs ?? 0);
  expect((last?.atMs ?? 0) - (spans[1]?.atMs ?? 0)).toBeLessThan(400);
});

test("recorded times can be kept", async () => {
  const { url, received } = await endpoint(() => ({ status: 200 }));
  await replay(url, [spanFrame("a", 0)], { keepTimes: true });
  expect(spansOf(received)[0]?.atMs).toBe(1_700_000_000_000);
});

test("429 and 503 are waited out and nothing is lost or doubled", async () => {
  const { url, received } = await endpoint((count) =>
    count === 0 ? { status: 429, headers: { "retry-after": "0.2" } } : count === 2 ? { status: 503 } : { status: 200 },
  );
  const started = Date.now();
  await replay(url, [spanFrame("a", 0), spanFrame("b", 3_000), spanFrame("c", 6_000)]);
  expect(
    spansOf(received)
      .map((span) => span.name)
      .sort(),
  ).toEqual(["a", "b", "c"]);
  expect(Date.now() - started).toBeGreaterThanOrEqual(200);
});

test("a refusal ends the replay with the endpoint's reason", async () => {
  const { url } = await endpoint(() => ({ status: 400, body: "body is not OTLP" }));
  await expect(replay(url, [spanFrame("a", 0), spanFrame("b", 9_000)])).rejects.toMatchObject({
    code: "ENDPOINT_REFUSED",
    exitCode: 7,
  });
  await expect(replay(url, [spanFrame("a", 0)])).rejects.toThrow(/400: body is not OTLP/);
});

test("an endpoint that never answers is told within seconds", async () => {
  const { url } = await endpoint(() => ({ status: 200 }));
  await new Promise<void>((resolve) => void servers.pop()?.close(() => resolve()));
  await expect(replay(url, [spanFrame("a", 0)])).rejects.toThrow(/ECONNREFUSED/);
}, 15_000);

test("an abort stops a paced replay at once", async () => {
  const { url } = await endpoint(() => ({ status: 200 }));
  const abort = new AbortController();
  const running = replay(url, [spanFrame("a", 0), spanFrame("b", 3_600_000)], { speed: 1, abort: abort.signal });
  setTimeout(() => abort.abort(new Error("stopped")), 300);
  await expect(running).rejects.toThrow(/abort|stopped/i);
});
