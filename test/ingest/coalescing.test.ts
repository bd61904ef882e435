// Small payloads make large blocks: 512 spans a payload from many senders, by HTTP and by gRPC, into the real ClickHouse.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type IngestChild, startIngestProcess } from "../fixtures/ingest-child.ts";
import { grpcSender, httpSender } from "../fixtures/otlp-senders.ts";
import { payloadMaker } from "../fixtures/span-payloads.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const SPANS = 512;
/** As of two or three Collectors with ten consumers each; each has one request under way. */
const SENDERS = 24;
const PAYLOADS_EACH = 8;
/** On average; on a machine with nothing else to do it is SENDERS * SPANS. */
const WANTED_ROWS = 8_192;

/** A body that is sent again would be recognised. */
let series = 0;
let database: TestStorage;
let ingest: IngestChild;
beforeAll(async () => {
  database = await startTestStorage();
  const storage = { ...database.connection, database: database.storage.database };
  ingest = await startIngestProcess({ storage, rowsPerSecond: 0 });
});
afterAll(async () => {
  await ingest?.stop();
  await database?.stop();
});

it.each(["http", "grpc"] as const)(
  "under load by %s a block has 8k rows and more",
  { timeout: 90_000, retry: 2 },
  async (way) => {
    const sender = way === "http" ? httpSender(ingest.httpUrl) : grpcSender(ingest.grpcUrl);
    const makePayload = payloadMaker(SPANS, ++series);
    await ingest.ask({ ask: "report" });
    const senders = Array.from({ length: SENDERS }, async () => {
      for (let n = 0; n < PAYLOADS_EACH; n++) {
        const { answer } = await sender.send(makePayload().body);
        expect(answer).toBe(way === "http" ? "200 " : "0");
      }
    });
    await Promise.all(senders);
    sender.close();
    const { blocks } = await ingest.ask({ ask: "report" });
    expect(blocks.reduce((sum, count) => sum + count, 0)).toBe(SENDERS * PAYLOADS_EACH * SPANS);
    // The first blocks are those of senders that have just begun, the last one of senders that have stopped.
    const underLoad = blocks.slice(2, -1);
    const rows = underLoad.reduce((sum, count) => sum + count, 0);
    expect(rows / underLoad.length, `rows of the blocks: ${blocks.join(" ")}`).toBeGreaterThan(WANTED_ROWS);
  },
);
