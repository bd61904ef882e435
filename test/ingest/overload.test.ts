// Ten times more than storage takes, over HTTP and gRPC at once: memory stays bounded, senders are told to slow down, and what was
// acknowledged is there once. FAULTLINE_OVERLOAD_SECONDS=60 runs it for a minute (npm run test:overload), the default is a few seconds.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WRITER_LIMITS } from "../../ingest/writer.ts";
import { type IngestChild, startIngestProcess } from "../fixtures/ingest-child.ts";
import { type Attempt, grpcSender, httpSender, type Sender } from "../fixtures/otlp-senders.ts";
import { type Payload, payloadMaker } from "../fixtures/span-payloads.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const SECONDS = Number(process.env["FAULTLINE_OVERLOAD_SECONDS"] ?? 5);
const PATIENCE_SECONDS = 60;
/** Times what storage takes. */
const OVER = 10;
const SPANS = 512;
/** A minute is long enough to fill the default limits; in seconds only smaller ones fill, and fewer senders do. */
const IS_LONG = SECONDS >= 30;
const WRITER = IS_LONG ? WRITER_LIMITS : { ...WRITER_LIMITS, maxWaitingBytes: 4 << 20, targetRows: 2_048 };
const ROWS_PER_SECOND = IS_LONG ? 4_000 : 1_000;
const SENDERS_EACH = IS_LONG ? 96 : 32;
/** Hostile: less than Retry-After, which is a second. */
const PAUSE_MS = 200;
const MIB = 1 << 20;
/** What may wait, be in flight and be in blocks by the default limits, with what the JavaScript heap has not given back yet. */
const MEMORY_MIB = 420;

let database: TestStorage;
let ingest: IngestChild;
beforeAll(async () => {
  database = await startTestStorage();
  const storage = { ...database.connection, database: database.storage.database };
  ingest = await startIngestProcess({ storage, rowsPerSecond: ROWS_PER_SECOND, options: { writer: WRITER } });
});
afterAll(async () => {
  await ingest?.stop();
  await database?.stop();
});

/** Rows and distinct spans of each payload that is stored, by the payload's id. */
async function storedPayloads(): Promise<Map<string, { readonly rows: number; readonly spans: number }>> {
  const query = `SELECT substring(TraceId, 1, 16) AS id, count() AS rows, uniqExact(TraceId) AS spans FROM spans GROUP BY id`;
  const result = await database.storage.client.query({ query, format: "JSONEachRow" });
  const rows = await result.json<{ id: string; rows: number; spans: number }>();
  return new Map(rows.map(({ id, rows: count, spans }) => [id, { rows: count, spans }]));
}

/** Sends payloads one after the other until it is over, each again and again until it is acknowledged. */
async function push(
  sender: Sender,
  makePayload: () => Payload,
  isOver: () => boolean,
  attempts: Map<string, number>,
): Promise<string[]> {
  const acknowledged: string[] = [];
  while (!isOver()) {
    const { id, body } = makePayload();
    for (let attempt: Attempt | null = null; attempt?.ok !== true;) {
      attempt = await sender.send(body);
      const kind = attempt.ok ? "ok" : `${attempt.answer}${attempt.retryAfter ? " with Retry-After" : ""}`;
      attempts.set(kind, (attempts.get(kind) ?? 0) + 1);
      if (attempt.ok) acknowledged.push(id);
      else if (attempt.mayRetry) await sleep(PAUSE_MS);
      else throw new Error(`${attempt.answer}: a sender would drop the data`);
    }
  }
  return acknowledged;
}

it(`for ${SECONDS} s`, { timeout: SECONDS * 1_000 + 180_000 }, async () => {
  const http = httpSender(ingest.httpUrl);
  const grpc = grpcSender(ingest.grpcUrl);
  const attempts = { http: new Map<string, number>(), grpc: new Map<string, number>() };
  const total = (): number =>
    [...attempts.http.values(), ...attempts.grpc.values()].reduce((sum, count) => sum + count, 0);
  const startMs = Date.now();
  const isOver = (): boolean => {
    const seconds = (Date.now() - startMs) / 1_000;
    // A busy machine may need longer to send ten times as much.
    return (
      seconds >= SECONDS + PATIENCE_SECONDS ||
      (seconds >= SECONDS && total() * SPANS > OVER * seconds * ROWS_PER_SECOND)
    );
  };
  const makers = { http: payloadMaker(SPANS, 1), grpc: payloadMaker(SPANS, 2) };
  const senders = Array.from({ length: SENDERS_EACH }, () => [
    push(http, makers.http, isOver, attempts.http),
    push(grpc, makers.grpc, isOver, attempts.grpc),
  ]).flat();
  const pushing = Promise.all(senders);
  while (!isOver()) await Promise.race([pushing, sleep(100)]);
  const seconds = (Date.now() - startMs) / 1_000;
  const offered = total() * SPANS;
  const { blocks, peakRss, startRss, events } = await ingest.ask({ ask: "speed", rowsPerSecond: 0 });
  const taken = blocks.reduce((sum, rows) => sum + rows, 0);

  // What is left comes through as soon as there is room.
  const acknowledged = (await pushing).flat();
  http.close();
  grpc.close();
  console.log(
    `${Math.round(offered / seconds)} rows/s offered, ${Math.round(taken / seconds)} rows/s stored, ` +
      `RSS ${Math.round(startRss / MIB)} MiB at the start, at most ${Math.round(peakRss / MIB)} MiB; ` +
      `${acknowledged.length} payloads acknowledged; ${JSON.stringify({ http: [...attempts.http], grpc: [...attempts.grpc], events })}`,
  );

  expect(offered / Math.max(taken, seconds * ROWS_PER_SECOND)).toBeGreaterThan(OVER);
  expect((peakRss - startRss) / MIB).toBeLessThan(MEMORY_MIB);
  for (const [way, kinds] of Object.entries(attempts)) {
    const told = [...kinds.keys()].filter((kind) => kind.endsWith("with Retry-After"));
    expect(told, `${way}: ${[...kinds.keys()].join(", ")}`).not.toEqual([]);
  }
  const found = await storedPayloads();
  expect([...found.keys()].sort()).toEqual(acknowledged.toSorted());
  for (const [id, counts] of found) expect(counts, id).toEqual({ rows: SPANS, spans: SPANS });
});
