// A full disk under ClickHouse: senders are told to come back, and when there is room again everything is stored, once.
// In: a limit of ClickHouse's own that refuses inserts for want of space, and, where this user may mount one, a small disk that is really full.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { setLogSink } from "../../model/events.ts";
import { createStorage, type Storage } from "../../storage/client.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import { migrate } from "../../storage/migrate.ts";
import { type Attempt, grpcSender, httpSender, type Sender } from "../fixtures/otlp-senders.ts";
import { type Payload, payloadMaker } from "../fixtures/span-payloads.ts";
import { startTestStorage } from "../fixtures/storage.ts";

const SPANS = 200;
const MIB = 1 << 20;
const DISK_MIB = 256;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  setLogSink(() => {});
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Whether this user may mount a file system. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "faultline-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "ignore" });
    execFileSync("umount", [folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sends until it is acknowledged; what each attempt before it came to. */
async function sendUntilStored(sender: Sender, { body }: Payload): Promise<Attempt[]> {
  const refusals: Attempt[] = [];
  for (let attempt = await sender.send(body); !attempt.ok; attempt = await sender.send(body)) {
    refusals.push(attempt);
    await sleep(100);
  }
  return refusals;
}

/** Rows of `spans` and of the narrow table that a view fills, and how many of them are distinct. */
async function counts(storage: Storage): Promise<{ rows: number; ids: number; edges: number }> {
  const query = `SELECT count() AS rows, uniqExact(TraceId) AS ids, (SELECT count() FROM span_edges) AS edges FROM spans`;
  const result = await storage.client.query({ query, format: "JSONEachRow" });
  const [row] = await result.json<{ rows: number; ids: number; edges: number }>();
  return row ?? { rows: 0, ids: 0, edges: 0 };
}

/** Sends before, while and after the disk is full, as `fill` and `free` make it; how often senders were told to come back. */
async function goThrough(storage: Storage, fill: () => Promise<void>, free: () => Promise<void>): Promise<number> {
  const causes = new Set<string>();
  setLogSink((_level, event, text, { reason }) => {
    if (event === "ingest.insert_failed") causes.add(`${String(reason)}: ${text}`);
  });
  const options = {
    ...INGEST_DEFAULTS,
    httpPort: 0,
    grpcPort: 0,
    receiver: { ...INGEST_DEFAULTS.receiver, ackDeadlineMs: 300 },
  };
  const ingest = await startIngest({ storage, options });
  cleanups.push(() => ingest.stop());
  const senders = [httpSender(ingest.httpUrl), grpcSender(ingest.grpcUrl)];
  cleanups.push(() => senders.forEach((sender) => sender.close()));
  const makePayload = payloadMaker(SPANS, 1);

  for (const sender of senders) expect(await sendUntilStored(sender, makePayload())).toBeInstanceOf(Array);
  const before = await counts(storage);
  expect(before).toEqual({ rows: 2 * SPANS, ids: 2 * SPANS, edges: before.edges });

  await fill();
  const waiting = senders.flatMap((sender) => [1, 2, 3].map(() => sendUntilStored(sender, makePayload())));
  await sleep(2_000);
  expect(await counts(storage)).toEqual(before);
  expect([...causes].join("\n")).toMatch(/unavailable: .*(space|NOT_ENOUGH_SPACE)/i);
  await free();
  const refusals = (await Promise.all(waiting)).flat();
  for (const refusal of refusals) expect(refusal, refusal.answer).toMatchObject({ mayRetry: true, retryAfter: true });
  const edgesEach = before.edges / 2;
  expect(await counts(storage)).toEqual({ rows: 8 * SPANS, ids: 8 * SPANS, edges: 8 * edgesEach });
  return refusals.length;
}

describe("a full disk", { timeout: 120_000 }, () => {
  it("as ClickHouse tells of it by its own limit of free space", async () => {
    const test = await startTestStorage();
    cleanups.push(() => test.stop());
    const alter = (query: string): Promise<void> => test.storage.client.command({ query }).then(() => {});
    const refusals = await goThrough(
      test.storage,
      () => alter(`ALTER TABLE spans MODIFY SETTING min_free_disk_bytes_to_perform_insert = ${2 ** 60}`),
      () => alter("ALTER TABLE spans RESET SETTING min_free_disk_bytes_to_perform_insert"),
    );
    expect(refusals).toBeGreaterThan(0);
  });

  it.skipIf(!canMount())("that is really full (needs the right to mount a small one)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "faultline-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", folder]);
    cleanups.push(() => {
      execFileSync("umount", [folder]);
      rmSync(folder, { recursive: true, force: true });
    });
    const dataDir = join(folder, "data");
    mkdirSync(dataDir);
    const server = await startEmbeddedServer({ dataDir, maxMemoryBytes: 1.5 * 1024 ** 3 });
    cleanups.push(() => server.stop());
    const { url, user, password } = server;
    const storage = createStorage({ url, user, password, database: "faultline" });
    cleanups.push(() => storage.close());
    await migrate(storage);
    const filler = join(folder, "filler");
    const refusals = await goThrough(
      storage,
      () => Promise.resolve(fillDisk(folder, filler)),
      () => Promise.resolve(rmSync(filler)),
    );
    expect(refusals).toBeGreaterThan(0);
  });
});

/** Leaves not even a page; what ClickHouse frees meanwhile, by merges, is taken too. */
function fillDisk(folder: string, filler: string): void {
  const file = openSync(filler, "w");
  const piece = Buffer.alloc(MIB, 1);
  for (let size = piece.length; size >= 4_096;) {
    try {
      writeSync(file, piece, 0, size);
    } catch {
      size /= 2;
    }
  }
  closeSync(file);
  expect(statfsSync(folder).bavail).toBeLessThan(4);
}
