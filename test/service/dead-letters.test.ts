// `faultline dead-letters`: letters of a real ClickHouse are listed, shown, replayed once, and dropped; what still fails stays with its new reason.
// In: letters as the Kafka sink buries them, argv. Out: stdout, stderr, exit codes, rows.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { main } from "../../service/main.ts";
import { type Storage, createStorage } from "../../storage/client.ts";
import { type DeadLetter, MAX_LETTER_BODY_BYTES, writeDeadLetters } from "../../storage/dead-letters.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import { migrate } from "../../storage/migrate.ts";
import { logsOf, tracesOf } from "../fixtures/kafka-otlp.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

const AT_MS = Date.UTC(2026, 0, 5, 10);
const AT_NS = BigInt(AT_MS) * 1_000_000n;
let database: TestStorage;
let letterCount = 0;

afterEach(() => vi.restoreAllMocks());

/** Runs the command line in this process and takes what it writes. */
async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const taken = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      taken[name] += Buffer.from(chunk).toString("latin1");
      return true;
    });
  }
  const code = await main(argv);
  vi.restoreAllMocks();
  return { code, ...taken };
}

function letters(word: string, ...more: string[]): ReturnType<typeof run> {
  const { url, user, password } = database.connection;
  return run(
    "dead-letters",
    word,
    ...more,
    `--storage.url=${url}`,
    `--storage.user=${user}`,
    `--storage.password=${password}`,
    `--storage.database=${database.storage.database}`,
  );
}

function call(traceId: string): Uint8Array {
  return tracesOf([{ traceId, startUnixNs: AT_NS, durationNs: 5_000_000n }], "otlp_proto");
}

async function bury(storage: Storage, more: Partial<DeadLetter>): Promise<void> {
  const offset = ++letterCount;
  const letter: DeadLetter = {
    tenant: "default",
    source: "kafka",
    origin: `otlp_spans/0/${offset}`,
    signal: "traces",
    encoding: "protobuf",
    reason: "truncated",
    detail: "it ends in a field",
    body: call("70000000000000000000000000000001"),
    atMs: AT_MS + offset,
    tables: [],
    ...more,
  };
  await writeDeadLetters(storage, [letter], `test:${offset}`);
}

async function read<Row>(query: string): Promise<Row[]> {
  const result = await database.storage.client.query({ query, format: "JSONEachRow" });
  return await result.json<Row>();
}

const spans = async (): Promise<number> => (await read<{ n: number }>("SELECT count() AS n FROM spans"))[0]?.n ?? 0;
const listed = async (...more: string[]): Promise<Record<string, unknown>[]> =>
  JSON.parse((await letters("list", "--json", ...more)).stdout) as Record<string, unknown>[];

describe("dead letters", { timeout: 60_000 }, () => {
  beforeEach(async () => {
    database = await startTestStorage();
  }, 120_000);
  afterEach(async () => {
    await database?.stop();
  });
  // One server for all: the last to stop ends it.
  let anchor: TestStorage;
  beforeAll(async () => {
    anchor = await startTestStorage({ migrate: false });
  }, 120_000);
  afterAll(async () => {
    await anchor?.stop();
  });

  test("are listed oldest first, by reason, time and tenant", async () => {
    await bury(database.storage, { reason: "json_syntax", encoding: "json", body: Buffer.from("{") });
    await bury(database.storage, { reason: "truncated" });
    await bury(database.storage, { tenant: "shop" });
    const all = await listed();
    expect(all.map(({ reason, state, bodyBytes }) => [reason, state, bodyBytes])).toEqual([
      ["json_syntax", "waiting", 1],
      ["truncated", "waiting", call("70000000000000000000000000000001").length],
    ]);
    expect(await listed("--reason=truncated")).toHaveLength(1);
    expect(await listed(`--since=${String(all[1]?.["at"])}`)).toHaveLength(1);
    expect(await listed("--tenant=shop")).toHaveLength(1);
    const { stdout, stderr } = await letters("list", "--limit=1");
    expect(stdout).toMatch(
      /^[0-9a-f]{16} {2}2026-01-05T10:00:00\.\d{3}Z {2}waiting {2}traces\/json {2}1 B {2}json_syntax {2}otlp_spans\/0\/\d+/,
    );
    expect(stderr).toContain("There are more than these 1");
    expect((await letters("list", "--since=-1m")).stderr).toBe("There are no such dead letters.\n");
  });

  test("are shown with their body, in hex or as it came", async () => {
    const body = Uint8Array.from([0xff, 0x00, 0xfe]);
    await bury(database.storage, { body });
    const [letter] = await listed();
    const id = String(letter?.["id"]);
    expect((await letters("show", id)).stdout).toMatch(/origin {5}otlp_spans\/0\/\d+\n[^]*\nbody\nff00fe\n$/);
    expect(Buffer.from((await letters("show", id, "--raw")).stdout, "latin1")).toEqual(Buffer.from(body));
    const unknown = await letters("show", "0000000000000000");
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toMatch(/^LETTER_UNKNOWN: /);
  });

  test("are replayed once, into views too, and then wait no more", async () => {
    await bury(database.storage, { reason: "storage", tenant: "default" });
    const dry = await letters("replay", "--dry-run");
    expect([dry.code, await spans()]).toEqual([0, 0]);
    expect(dry.stdout).toContain("would be stored: 2 rows");
    const [first, second] = [await letters("replay"), await letters("replay")];
    expect(first.stdout).toContain("stored: 2 rows");
    expect(second).toMatchObject({ code: 0, stdout: "" });
    expect(second.stderr).toContain("Nothing waits");
    expect(await spans()).toBe(2);
    expect(await read("SELECT count() AS n FROM span_edges")).toEqual([{ n: 2 }]);
    expect(await listed()).toEqual([]);
    expect(await listed("--all")).toMatchObject([{ state: "replayed" }]);
  });

  test("are stored once although a replay ended before it could mark them", async () => {
    await bury(database.storage, {});
    await letters("replay");
    await database.storage.client.command({ query: "TRUNCATE TABLE dead_letter_marks" });
    expect((await letters("replay")).stdout).toContain("stored: 2 rows");
    expect(await spans()).toBe(2);
  });

  test("that still fail stay, with their new reason", async () => {
    await bury(database.storage, { reason: "storage", body: call("70000000000000000000000000000002").subarray(0, 70) });
    await bury(database.storage, { encoding: "json", signal: "logs", body: Buffer.from('{"resourceLogs":[{') });
    await bury(database.storage, { reason: "nesting", body: new Uint8Array(MAX_LETTER_BODY_BYTES + 1) });
    await bury(database.storage, {});
    const { code, stderr } = await letters("replay");
    expect(code).toBe(1);
    expect(stderr).toContain("1 dead letters stored (2 rows), 3 still cannot be.");
    const left = await listed();
    expect(left.map(({ reason, state }) => [reason, state])).toEqual([
      [expect.stringMatching(/^(truncated|overrun)$/), "failed"],
      ["json_syntax", "failed"],
      ["cut", "failed"],
    ]);
  });

  test("go only to the tables that had refused them", async () => {
    const body = logsOf(["one"], AT_NS, "otlp_proto");
    await bury(database.storage, { signal: "logs", body, reason: "storage", tables: ["access_logs"] });
    await letters("replay");
    expect(await read("SELECT count() AS n FROM logs")).toEqual([{ n: 0 }]);
    expect(await listed("--all")).toMatchObject([{ state: "replayed" }]);
  });

  test("belong to their tenant when they are replayed", async () => {
    await bury(database.storage, { tenant: "shop" });
    expect((await letters("replay")).stdout).toBe("");
    await letters("replay", "--tenant=shop");
    expect(await read("SELECT DISTINCT Tenant FROM spans")).toEqual([{ Tenant: "shop" }]);
  });

  test("are dropped only when it is said which", async () => {
    await bury(database.storage, { reason: "json_syntax" });
    await bury(database.storage, {});
    expect(await letters("drop")).toMatchObject({ code: 2, stdout: "" });
    expect((await letters("drop", "--reason=json_syntax")).stdout).toBe("1 dead letters dropped.\n");
    expect(await listed()).toMatchObject([{ reason: "truncated" }]);
    await letters("replay");
    expect((await letters("drop", "--replayed")).stdout).toBe("1 dead letters dropped.\n");
    expect(await listed("--all")).toEqual([]);
  });
});

test("letters of a Faultline that runs with its embedded ClickHouse are reached, and so are those of one that does not", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "faultline-letters-"));
  const list = (): ReturnType<typeof run> => run("dead-letters", "list", "--json", `--storage.dataDir=${dataDir}`);
  try {
    const server = await startEmbeddedServer({ dataDir });
    const { url, user, password } = server;
    const storage = createStorage({ url, user, password, database: "faultline" });
    await migrate(storage);
    await bury(storage, {});
    await storage.close();
    expect(JSON.parse((await list()).stdout)).toHaveLength(1);
    await server.stop();
    expect(JSON.parse((await list()).stdout)).toHaveLength(1);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 120_000);
