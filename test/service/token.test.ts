// `faultline token`: made once, used at once over HTTP and gRPC, listed without its text, refused after it was revoked.
// In: the command line on a real ClickHouse, and a running ingest role beside it. Out: stdout, exit codes, rows by tenant.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { INGEST_DEFAULTS, startIngest } from "../../ingest/role.ts";
import { main } from "../../service/main.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import { hashOfToken, readTokens } from "../../storage/tokens.ts";
import { encodeOtlp } from "../fixtures/otlp-oracle.ts";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";

let fixture: TestStorage;
beforeAll(async () => {
  fixture = await startTestStorage();
});
afterAll(() => fixture.stop());
afterEach(() => vi.restoreAllMocks());

/** Runs the command line in this process and takes what it writes. */
async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const taken = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      taken[name] += String(chunk);
      return true;
    });
  }
  const { url, user, password } = fixture.connection;
  const where = [`--storage.url=${url}`, `--storage.user=${user}`, `--storage.password=${password}`];
  const code = await main([...argv, ...where, `--storage.database=${fixture.storage.database}`]);
  vi.restoreAllMocks();
  return { code, ...taken };
}

function span(name: string): Uint8Array {
  const at = "1795388900000000000";
  const spans = [
    { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1), name, startTimeUnixNano: at, endTimeUnixNano: at },
  ];
  return encodeOtlp("traces", { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

test("a token is made, used, listed and revoked", { timeout: 60_000 }, async () => {
  const made = await run("token", "create", "--tenant", "shop", "--name", "the shop's collector");
  expect(made.code).toBe(0);
  const token = made.stdout.trim();
  expect(token).toMatch(/^flt_[\w-]{43}$/);
  expect(made.stderr).not.toContain(token);
  const id = hashOfToken(token).slice(0, 12);
  expect(made.stderr).toContain(id);

  const options = { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0, requireToken: true };
  const ingest = await startIngest({ storage: fixture.storage, options });
  const send = async (authorization: string | null, name: string): Promise<number> => {
    const headers = { "content-type": "application/x-protobuf", ...(authorization === null ? {} : { authorization }) };
    const response = await fetch(`${ingest.httpUrl}/v1/traces`, { method: "POST", headers, body: span(name) });
    return response.status;
  };
  try {
    expect(await send(`Bearer ${token}`, "with the token")).toBe(200);
    expect(await send(null, "without")).toBe(401);
    expect(await send(`Bearer ${token.slice(0, -1)}`, "with another")).toBe(401);
    const query = "SELECT Tenant AS tenant, SpanName AS name FROM spans";
    const rows = await fixture.storage.client.query({ query, format: "JSONEachRow" });
    expect(await rows.json()).toEqual([{ tenant: "shop", name: "with the token" }]);

    const reader = await run("token", "create", "--tenant=shop", "--name=reader", "--scopes=read");
    await sleep(600);
    expect(await send(`Bearer ${reader.stdout.trim()}`, "with the wrong scope")).toBe(403);

    const listed = await run("token", "list", "--tenant=shop");
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).toContain("live");
    expect(listed.stdout).not.toContain(token);
    expect((await run("token", "list", "--tenant=other")).stdout).toBe("Tenant other has no tokens.\n");
    const all: unknown = JSON.parse((await run("token", "list", "--all", "--json")).stdout);
    expect(all).toEqual([
      expect.objectContaining({
        id,
        tenant: "shop",
        name: "the shop's collector",
        scopes: ["ingest"],
        revokedAt: null,
      }),
      expect.objectContaining({ name: "reader", scopes: ["read"] }),
    ]);

    expect(await run("token", "revoke", id)).toMatchObject({ code: 0, stdout: expect.stringContaining("is revoked") });
    await vi.waitFor(async () => expect(await send(`Bearer ${token}`, "revoked")).toBe(401), {
      timeout: 6_000,
      interval: 200,
    });
    expect(await run("token", "list", "--tenant=shop")).toMatchObject({
      stdout: expect.stringContaining("revoked 20"),
    });
    expect((await run("token", "revoke", id)).stderr).toMatch(/^TOKEN_UNKNOWN: /);
  } finally {
    await ingest.stop();
  }
  const stored = await fixture.storage.client.query({ query: "SELECT * FROM tokens", format: "JSONEachRow" });
  expect(JSON.stringify(await stored.json())).not.toContain(token.slice(4));
  expect((await readTokens(fixture.storage, { tenant: "", id: "", limit: 10 })).map(({ name }) => name)).toEqual([
    "the shop's collector",
    "reader",
  ]);
});

test("a running Faultline's embedded storage is found by its data directory", { timeout: 60_000 }, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "faultline-token-"));
  const server = await startEmbeddedServer({ dataDir });
  try {
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const print = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await main(["token", "create", "--name=x", `--storage.dataDir=${dataDir}`])).toBe(0);
    expect(await main(["token", "list", `--storage.dataDir=${dataDir}`])).toBe(0);
    expect(String(print.mock.lastCall?.[0])).toMatch(/^[0-9a-f]{12} {2}default {2}ingest .* live {2}x\n$/);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test.each<[string[], string]>([
  [["create"], "--name needs"],
  [["create", "--name=x", "--scopes=write"], 'not "write"'],
  [["create", "--name=x", "--tenant=a b"], "a tenant has"],
  [["revoke", "no-id"], "token revoke needs the id"],
])("token %j is refused in one sentence", async (words, sentence) => {
  const { code, stdout, stderr } = await run("token", ...words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(sentence);
});
