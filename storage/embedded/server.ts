// The embedded ClickHouse: starts the child process, watches it, starts it again on the same port when it ends unasked.
// In: a data directory and a memory limit. Out: URL, user and password; events storage.started, .crashed, .stopped.
// Restarts wait 0.1 s, then twice as long each time up to 10 s; a minute of life resets that. It never gives up: senders are
// told to retry meanwhile. A start has 120 s, a stop 20 s before the child is killed (kill -9 loses nothing acknowledged).
// The data directory is locked by the child (flock), its library found by support.ts, its files written by files.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { totalmem } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ServiceError, reasonOf } from "../../model/errors.ts";
import { emitEvent } from "../../model/events.ts";
import { EMBEDDED_USER, readOrCreatePassword, serverConfig, usersConfig } from "./files.ts";
import { currentLibC, resolveLibrary } from "./support.ts";

/** What to start; the port is free by choice and kept over restarts, memory defaults to half of the machine, at most 4 GiB. */
export interface EmbeddedServerOptions {
  readonly dataDir: string;
  readonly port?: number;
  readonly maxMemoryBytes?: number;
  /** For benchmarks: system.query_log tells of each statement. */
  readonly keepsQueryLog?: boolean;
  readonly startTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  /** Told of every unasked end of the child, before it is started again. */
  readonly onUnexpectedExit?: (cause: string) => void;
}

/** A running, supervised server on 127.0.0.1. */
export interface EmbeddedServer {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** The child's process id; undefined between an unasked end and the next start. */
  pid(): number | undefined;
  /** Ends the server and resolves when its process is gone. */
  stop(): Promise<void>;
}

const GIB = 1024 ** 3;
const EXIT_IN_USE = 75; // child.mjs
const READY_POLL_MS = 20;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_LIMIT_MS = 10_000;
const HEALTHY_AFTER_MS = 60_000;
const PORT_ATTEMPTS = 5;
const STDERR_KEPT_CHARS = 4_000;

interface Running {
  readonly child: ChildProcess;
  /** Resolves with the cause when the process is gone. */
  readonly ended: Promise<string>;
}

/** Starts the server and resolves when it answers; throws STORAGE_PLATFORM, _DATA_DIR_IN_USE or _START_FAILED. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const library = resolveLibrary(process.platform, process.arch, currentLibC());
  const dataDir = resolve(options.dataDir);
  let password: string;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    password = readOrCreatePassword(dataDir, () => randomBytes(24).toString("hex"));
  } catch (error) {
    throw new ServiceError("STORAGE_START_FAILED", { cause: reasonOf(error) }, error);
  }
  const maxMemoryBytes = options.maxMemoryBytes ?? defaultMemoryBytes();
  const startTimeoutMs = options.startTimeoutMs ?? 120_000;
  const stopTimeoutMs = options.stopTimeoutMs ?? 20_000;
  const stopping = new AbortController();

  const launch = (port: number): Promise<Running> => {
    const facts = { dataDir, port, password, maxMemoryBytes, keepsQueryLog: options.keepsQueryLog ?? false };
    const order = { dataDir, library, configText: serverConfig(facts), usersText: usersConfig(facts) };
    return startChild(JSON.stringify(order), `http://127.0.0.1:${port}`, password, dataDir, startTimeoutMs);
  };

  let port = options.port ?? (await freePort());
  let running: Running | undefined;
  for (let attempt = 1; running === undefined; attempt++) {
    try {
      running = await launch(port);
    } catch (error) {
      // Between the choice of a free port and its use another process can take it.
      const retry = options.port === undefined && attempt < PORT_ATTEMPTS && /already in use/i.test(reasonOf(error));
      if (!retry || isInUse(error)) throw error;
      port = await freePort();
    }
  }
  const url = `http://127.0.0.1:${port}`;
  emitEvent("storage.started", {}, url);

  const supervise = async (): Promise<void> => {
    let backoffMs = BACKOFF_FIRST_MS;
    while (true) {
      if (running !== undefined) {
        const startedAt = performance.now();
        const cause = await running.ended;
        running = undefined;
        if (stopping.signal.aborted) return;
        if (performance.now() - startedAt > HEALTHY_AFTER_MS) backoffMs = BACKOFF_FIRST_MS;
        emitEvent("storage.crashed", {}, cause);
        options.onUnexpectedExit?.(cause);
      }
      try {
        await sleep(backoffMs, undefined, { signal: stopping.signal });
      } catch {
        return;
      }
      backoffMs = Math.min(backoffMs * 2, BACKOFF_LIMIT_MS);
      try {
        running = await launch(port);
        if (stopping.signal.aborted) return; // `stop` waits for this, and ends what has just started
        emitEvent("storage.started", {}, url);
      } catch (error) {
        if (stopping.signal.aborted) return;
        emitEvent("storage.crashed", {}, reasonOf(error));
      }
    }
  };
  const supervision = supervise();

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    // A start that is under way is let finish, then ended below: its child must not outlive us.
    if (running === undefined) await supervision;
    if (running !== undefined) await endChild(running, stopTimeoutMs);
    await supervision;
    emitEvent("storage.stopped");
  };
  return {
    url,
    user: EMBEDDED_USER,
    password,
    pid: () => running?.child.pid,
    stop: () => (stopped ??= stop()),
  };
}

async function startChild(
  order: string,
  url: string,
  password: string,
  dataDir: string,
  timeoutMs: number,
): Promise<Running> {
  const script = fileURLToPath(new URL("child.mjs", import.meta.url));
  const child = spawn(process.execPath, [script], {
    stdio: ["pipe", "ignore", "pipe"],
    cwd: dataDir,
    // A process group of its own: Ctrl-C in the terminal must not end it before the roles have written their last rows.
    detached: true,
    env: childEnvironment(process.env),
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT_CHARS);
  });
  child.stdin.on("error", () => {}); // EPIPE when it ends first: "close" tells that
  const ended = new Promise<string>((done) => {
    child.once("error", (error) => done(error.message));
    child.once("close", (code, signal) => done(causeOf(stderr, code, signal)));
  });
  child.stdin.write(`${order}\n`);

  let over: string | undefined;
  void ended.then((cause) => (over = cause));
  const running: Running = { child, ended };
  const deadline = performance.now() + timeoutMs;
  while (over === undefined) {
    // A stranger on the port may hold the request; the child's end is told at once all the same.
    if ((await Promise.race([answers(url, password), ended])) === true) return running;
    if (performance.now() > deadline) {
      child.kill("SIGKILL");
      await ended;
      throw new ServiceError("STORAGE_START_FAILED", { cause: `no answer within ${timeoutMs / 1000} s` });
    }
    await sleep(READY_POLL_MS);
  }
  if (child.exitCode === EXIT_IN_USE || /Cannot lock file/.test(over)) {
    throw new ServiceError("STORAGE_DATA_DIR_IN_USE", { dir: dataDir });
  }
  throw new ServiceError("STORAGE_START_FAILED", { cause: over });
}

// Only our server serves this request: the credentials are part of its routing, so a stranger on the port is no answer.
async function answers(url: string, password: string): Promise<boolean> {
  const authorization = `Basic ${Buffer.from(`${EMBEDDED_USER}:${password}`).toString("base64")}`;
  try {
    const response = await fetch(`${url}/?query=SELECT%201`, {
      headers: { authorization, connection: "close" },
      signal: AbortSignal.timeout(2_000),
    });
    return (await response.text()).trim() === "1";
  } catch {
    return false;
  }
}

async function endChild(running: Running, timeoutMs: number): Promise<void> {
  running.child.stdin?.end();
  const patience = new AbortController();
  const kill = sleep(timeoutMs, undefined, { signal: patience.signal }).then(
    () => running.child.kill("SIGKILL"),
    () => false,
  );
  await running.ended;
  patience.abort();
  await kill;
}

function isInUse(error: unknown): boolean {
  return error instanceof ServiceError && error.code === "STORAGE_DATA_DIR_IN_USE";
}

/** The reason of an end in one line: the engine's last error, else the exit code or signal. */
export function causeOf(stderr: string, code: number | null, signal: string | null): string {
  const errors = [...stderr.matchAll(/Code: \d+\. DB::Exception: ([^\n]*?)(?: \(version [^)]*\))?\n/g)];
  const last = errors.at(-1)?.[1];
  if (last !== undefined) return last;
  return signal === null ? `it ended with code ${code ?? "?"}` : `it ended by ${signal}`;
}

// Options that are meant for our process, such as a debugger's port, must not reach the child.
function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...rest } = environment;
  return rest;
}

function defaultMemoryBytes(): number {
  const limit = process.constrainedMemory();
  const machine = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.min(4 * GIB, Math.floor(machine / 2));
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
