// The command line as a user meets it: one sentence and an exit code for what goes wrong at start, an orderly end for the rest.
// In: argv, a busy port, an absent ClickHouse, a data directory in use. Out: stdout, stderr and exit codes.
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { main } from "../../service/main.ts";
import { startEmbeddedServer } from "../../storage/embedded/server.ts";
import { startTestStorage } from "../fixtures/storage.ts";

const dir = mkdtempSync(join(tmpdir(), "faultline-main-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs the command line in this process and takes what it writes. */
function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return runWatched({ stdout: "", stderr: "" }, argv);
}

/** The same; what is written can be read in `taken` while the command runs. */
async function runWatched(
  taken: { stdout: string; stderr: string },
  argv: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      taken[name] += String(chunk);
      return true;
    });
  }
  const code = await main(argv);
  vi.restoreAllMocks();
  return { code, ...taken };
}

test("help and version go to stdout with exit 0", async () => {
  expect(await run("help")).toMatchObject({ code: 0, stderr: "" });
  expect(await run("version")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^faultline \d+\.\d+\.\d+ /),
    stderr: "",
  });
});

test("an unknown word is one sentence, advice, exit 2, and nothing on stdout", async () => {
  const { code, stdout, stderr } = await run("sevre");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe(
    'USAGE: There is no command "sevre"; did you mean serve?\nRun `faultline help` for the commands and their options.\n',
  );
});

test("a wrong setting is told before anything starts", async () => {
  const { code, stderr } = await run("serve", "--api.port=x");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^CONFIG_INVALID: api\.port \(flag --api\.port\) cannot be "x"/);
});

test("roles without any ClickHouse are refused", async () => {
  const { code, stderr } = await run("serve", "--roles=api");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^CONFIG_INVALID: storage\.url is empty and the storage role is not among the roles/);
});

test("a ClickHouse that does not answer is told with its URL and the reason, without its password", async () => {
  const url = "--storage.url=http://someone:hunter2@127.0.0.1:1";
  const { code, stderr } = await run("serve", "--roles=analyzer", url, "--storage.connectTimeoutSeconds=0");
  expect(code).toBe(4);
  expect(stderr).toMatch(
    /^STORAGE_UNREACHABLE: ClickHouse at http:\/\/127\.0\.0\.1:1\/ cannot be reached: .*ECONNREFUSED/m,
  );
  expect(stderr).not.toContain("hunter2");
});

test("a data directory in use is told with its path", async () => {
  const dataDir = join(dir, "busy");
  const server = await startEmbeddedServer({ dataDir });
  try {
    const { code, stderr } = await run("migrate", `--storage.dataDir=${dataDir}`);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^STORAGE_DATA_DIR_IN_USE: /);
    expect(stderr).toContain(dataDir);
  } finally {
    await server.stop();
  }
});

test("a busy port is told with role, host and port, and what had started is stopped", async () => {
  const fixture = await startTestStorage({ migrate: false });
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const { port } = busy.address() as AddressInfo;
  const { url, user, password } = fixture.connection;
  const storage = [
    `--storage.url=${url}`,
    `--storage.user=${user}`,
    `--storage.password=${password}`,
    `--storage.database=busy_${process.pid}`,
  ];
  try {
    const ingest = await run("serve", "--roles=ingest", `--ingest.httpPort=${port}`, "--ingest.grpcPort=0", ...storage);
    expect(ingest.code).toBe(3);
    expect(ingest.stderr).toMatch(
      new RegExp(`^PORT_BUSY: Port ${port} on 127\\.0\\.0\\.1 is already in use, so the ingest role`, "m"),
    );
    const grpc = await run("serve", "--roles=ingest", "--ingest.httpPort=0", `--ingest.grpcPort=${port}`, ...storage);
    expect(grpc.code).toBe(3);
    expect(grpc.stderr).toMatch(new RegExp(`^PORT_BUSY: Port ${port} on 127\\.0\\.0\\.1`, "m"));
    const api = await run("serve", "--roles=api", `--api.port=${port}`, ...storage);
    expect(api.code).toBe(3);
    expect(api.stderr).toMatch(/the api role cannot listen there/);
  } finally {
    busy.close();
    await fixture.storage.client.command({ query: `DROP DATABASE IF EXISTS busy_${process.pid}` });
    await fixture.stop();
  }
});

test("serve runs until it is told to stop, and then ends in order with exit 0", async () => {
  const taken = { stdout: "", stderr: "" };
  const running = runWatched(taken, [
    "serve",
    "--roles=storage,analyzer",
    `--storage.dataDir=${join(dir, "serve")}`,
    "--log.format=text",
  ]);
  await vi.waitFor(() => expect(taken.stderr).toContain("Faultline serves"), { timeout: 60_000, interval: 100 });
  process.emit("SIGTERM", "SIGTERM");
  const { code, stdout, stderr } = await running;
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(/Faultline serves storage, analyzer: ClickHouse http:\/\/127\.0\.0\.1:\d+/);
  expect(stderr.indexOf('role="analyzer"')).toBeGreaterThan(-1);
  const stopped = [...stderr.matchAll(/role\.stopped .*role="(\w+)"/g)].map((match) => match[1]);
  expect(stopped).toEqual(["analyzer", "connection", "storage"]);
}, 120_000);
