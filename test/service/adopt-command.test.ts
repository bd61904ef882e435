// `faultline adopt status|remove`: what they say and refuse.
import { afterAll, beforeAll, expect, it } from "vitest";
import { startFollower } from "../../ingest/adopt/follower.ts";
import { DECODE_LIMITS } from "../../ingest/otlp/limits.ts";
import { createRowBlocks } from "../../ingest/row-blocks.ts";
import { parseCommandLine } from "../../service/command-line.ts";
import { adoptRemove, adoptStatus } from "../../service/commands/adopt.ts";
import { loadConfig } from "../../service/config.ts";
import type { Command } from "../../service/main.ts";
import { createCollectorTable } from "../fixtures/collector-table.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let test: TestStorage;
let table: string;

beforeAll(async () => {
  test = await startTestStorage();
  table = `collector_${test.storage.database}.otel_traces`;
});

afterAll(() => test.stop());

async function run(command: Command, argv: readonly string[]): Promise<string> {
  const { url, user, password } = test.connection;
  const storage = { url, user, password, database: test.storage.database };
  const flags = Object.entries(storage).map(([name, value]) => `--storage.${name}=${value}`);
  const parsed = parseCommandLine([...argv, ...flags]);
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const config = loadConfig({ file: null, environment: {}, flags: parsed.settingFlags });
  expect(await command({ parsed, config, now: Date.now, abort: new AbortController(), print, tell: print })).toBe(0);
  return lines.join("\n");
}

it("tells what is adopted, what waits, and lets go of it when nobody reads", async () => {
  expect(await run(adoptStatus, ["adopt", "status"])).toContain("storage.adopt is not set.");
  const setting = `--storage.adopt=${table}`;
  expect(await run(adoptStatus, ["adopt", "status", setting])).toContain("The table is not there yet.");

  await createCollectorTable(test.storage, "v0.161", table);
  await test.storage.client.command({
    query: `INSERT INTO ${table} (Timestamp, TraceId, SpanId) VALUES (now64(9), repeat('a', 32), repeat('b', 16))`,
  });
  expect(await run(adoptStatus, ["adopt", "status", setting])).toContain("1 of its parts wait.");

  const follower = await startFollower(
    { storage: test.storage, makeBlock: createRowBlocks(DECODE_LIMITS).traces, clock: Date.now },
    { table, tenant: "default", cluster: "", backfillHours: 1 },
    { pollMs: 20, leaseMs: 60_000 },
  );
  await expect
    .poll(async () => JSON.parse(await run(adoptStatus, ["adopt", "status", "--json", setting])) as unknown, {
      timeout: 20_000,
    })
    .toMatchObject({ setting: table, shown: table, isRead: true, spans: 1, waitingParts: 0 });
  await expect(run(adoptRemove, ["adopt", "remove"])).rejects.toThrow("a process still reads");
  await follower.stop();
  await expect(run(adoptRemove, ["adopt", "remove", setting])).rejects.toThrow("take it away first");
  expect(await run(adoptRemove, ["adopt", "remove"])).toContain("No table is adopted.");
  expect(await run(adoptStatus, ["adopt", "status"])).toContain("No table is shown beside our own spans.");
  await test.storage.client.command({ query: `DROP DATABASE collector_${test.storage.database}` });
});
