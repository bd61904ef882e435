// OTLP/gRPC senders who want our memory: large requests that never end, gzip bombs, senders that go on after they were refused.
// The ingest role runs in a process of its own, whose memory is watched.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type IngestChild, startIngestProcess } from "../fixtures/ingest-child.ts";
import { grpcSender } from "../fixtures/otlp-senders.ts";
import { payloadMaker } from "../fixtures/span-payloads.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const MIB = 1 << 20;
const HOSTILE = 24;
const REQUEST_BYTES = 60 * MIB;
/** The room (64 MiB) as sent and put together, and what the heap has not given back; without bounds it is over 2 GiB. */
const MEMORY_MIB = 320;

let database: TestStorage;
let ingest: IngestChild;
const sessions: ClientHttp2Session[] = [];
beforeAll(async () => {
  database = await startTestStorage();
  const storage = { ...database.connection, database: database.storage.database };
  ingest = await startIngestProcess({ storage, rowsPerSecond: 0 });
});
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});
afterAll(async () => {
  await ingest?.stop();
  await database?.stop();
});

function open(headers: Record<string, string> = {}): ClientHttp2Stream {
  const session = connect(ingest.grpcUrl);
  session.on("error", () => {});
  sessions.push(session);
  const stream = session.request({
    ":method": "POST",
    ":path": EXPORT,
    "content-type": "application/grpc",
    ...headers,
  });
  stream.on("error", () => {});
  stream.resume();
  return stream;
}

function frame(length: number, isCompressed: boolean): Buffer {
  const head = Buffer.alloc(5);
  head[0] = isCompressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return head;
}

/** Writes `pieces` times a MiB as fast as it is taken; true when all went. */
async function pour(stream: ClientHttp2Stream, pieces: number): Promise<boolean> {
  const piece = Buffer.alloc(MIB, 7);
  stream.setMaxListeners(0);
  for (let n = 0; n < pieces && !stream.destroyed; n++) {
    const isClosed = await new Promise<boolean>((resolve) => {
      stream.once("close", () => resolve(true));
      stream.write(piece, () => resolve(false));
    });
    if (isClosed) return false;
  }
  return !stream.destroyed;
}

/** How a call ended: its gRPC status. */
function ended(stream: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve) => {
    const take = (headers: Record<string, unknown>): void => {
      const code = headers["grpc-status"];
      if (typeof code === "string" || typeof code === "number") resolve(String(code));
    };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.once("close", () => resolve("closed"));
  });
}

/** An honest sender gets through, sooner or later. */
async function sendHonestly(series: number): Promise<void> {
  const sender = grpcSender(ingest.grpcUrl);
  const { body } = payloadMaker(50, series)();
  const deadline = Date.now() + 30_000;
  for (let isStored = false; !isStored;) {
    const attempt = await sender.send(body);
    expect(attempt.ok || attempt.mayRetry, attempt.answer).toBe(true);
    isStored = attempt.ok;
    expect(Date.now()).toBeLessThan(deadline);
    if (!isStored) await sleep(200);
  }
  sender.close();
}

async function grownMib(): Promise<number> {
  const { peakRss, startRss } = await ingest.ask({ ask: "report" });
  return (peakRss - startRss) / MIB;
}

describe("memory stays bounded, and honest senders get through,", () => {
  it("when many large requests never come to their end", { timeout: 90_000 }, async () => {
    const streams = Array.from({ length: HOSTILE }, () => open());
    const ends = streams.map(ended);
    const poured = streams.map((stream) => {
      stream.write(frame(REQUEST_BYTES, false));
      return pour(stream, REQUEST_BYTES / MIB - 1);
    });
    await Promise.race([Promise.all(poured), sleep(8_000)]);
    expect(await grownMib()).toBeLessThan(MEMORY_MIB);
    await sendHonestly(1);
    // 8: told to come later; 4: too slow.
    const codes = new Set(await Promise.all(ends));
    expect([...codes].every((code) => code === "8" || code === "4")).toBe(true);
    expect(codes).toContain("8");
  });

  it("when bombs come by the dozen", { timeout: 90_000 }, async () => {
    const bomb = gzipSync(Buffer.alloc(REQUEST_BYTES));
    const streams = Array.from({ length: HOSTILE }, () => open({ "grpc-encoding": "gzip" }));
    const ends = streams.map(ended);
    for (const stream of streams) stream.end(Buffer.concat([frame(bomb.length, true), bomb]));
    const codes = await Promise.all(ends);
    // Whoever is alone is read whole, and is no OTLP (3); the others find no room.
    expect(codes.every((code) => code === "8" || code === "3")).toBe(true);
    expect(await grownMib()).toBeLessThan(MEMORY_MIB);
    await sendHonestly(2);
  });

  it("when a sender sends on after it was refused", { timeout: 90_000 }, async () => {
    const streams = Array.from({ length: HOSTILE }, () => open({ authorization: "Bearer unknown" }));
    const ends = streams.map(ended);
    for (const stream of streams) {
      stream.write(frame(REQUEST_BYTES, false));
      void pour(stream, 20);
    }
    expect(new Set(await Promise.all(ends))).toEqual(new Set(["16"]));
    expect(await grownMib()).toBeLessThan(MEMORY_MIB);
    await sendHonestly(3);
  });
});
