// The process that is the embedded ClickHouse: libchdb's own `clickhouse local`, told to listen on HTTP.
// In: one JSON line on standard input { dataDir, library, configText, usersText }; then the input stays open as long as the
// server shall live. Out: exit by SIGKILL of itself after the engine has shut down, or an exit code below with a line on stderr.
// Plain JavaScript because it is started as it is, from the source and from dist.
// Bounds: lives no longer than its parent; 15 s for the engine's shutdown.
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import ffi from "ffi-rs";
import { takeBackUnkeptTokens } from "./unkept-tokens.mjs";

const EXIT_IN_USE = 75;
const SHUTDOWN_LIMIT_MS = 15_000;
const PARENT_POLL_MS = 1_000;
const LOCK_EXCLUSIVE_NONBLOCKING = 2 | 4;

const order = /** @type {{ dataDir: string, library: string, configText: string, usersText: string }} */ (
  JSON.parse(readLine())
);
lockDataDir();
prepareFiles();
watchParent();
// A service manager signals the whole group at once; the roles above still write then, so the supervisor alone ends this.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
run();

// Byte by byte: what follows the line belongs to the engine.
function readLine() {
  const byte = Buffer.alloc(1);
  const bytes = [];
  while (readSync(0, byte, 0, 1, null) === 1 && byte[0] !== 10) bytes.push(byte[0]);
  return Buffer.from(bytes).toString("utf8");
}

// The kernel gives the lock back when this process ends, however it ends. The descriptor is never closed.
function lockDataDir() {
  mkdirSync(order.dataDir, { recursive: true, mode: 0o700 });
  const descriptor = openSync(join(order.dataDir, "lock"), "w", 0o600);
  const library = process.platform === "darwin" ? "/usr/lib/libSystem.B.dylib" : "libc.so.6";
  ffi.open({ library: "c", path: library });
  const refused = ffi.load({
    library: "c",
    funcName: "flock",
    retType: ffi.DataType.I32,
    paramsType: [ffi.DataType.I32, ffi.DataType.I32],
    paramsValue: [descriptor, LOCK_EXCLUSIVE_NONBLOCKING],
  });
  if (refused !== 0) {
    closeSync(descriptor);
    writeSync(2, "the data directory is in use\n");
    process.exit(EXIT_IN_USE);
  }
}

function prepareFiles() {
  const data = join(order.dataDir, "clickhouse");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  takeBackUnkeptTokens(data);
  // The engine cannot reopen its system logs (error 57), and nothing in them is ours.
  rmSync(join(data, "data", "system"), { recursive: true, force: true });
  writeAnew("config.xml", order.configText);
  writeAnew("users.xml", order.usersText);
}

/** @type {(name: string, text: string) => void} */
function writeAnew(name, text) {
  const path = join(order.dataDir, name);
  rmSync(path, { force: true }); // an existing file would keep its mode
  writeFileSync(path, text, { mode: 0o600 });
}

// The engine ends by itself when its input ends; this is for an engine that does not come to its end.
function watchParent() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    setTimeout(endNow, SHUTDOWN_LIMIT_MS);
  }, PARENT_POLL_MS);
}

function run() {
  const statements = [
    "SYSTEM START LISTEN HTTP",
    // Never has a row: it waits for the end of the input, that is, for the supervisor's word or death.
    "SELECT count() FROM file('stdin', 'LineAsString', 'line String') SETTINGS max_execution_time = 0 FORMAT Null",
  ];
  const argv = [
    "clickhouse",
    `--config-file=${join(order.dataDir, "config.xml")}`, // else config.xml of the working directory is taken
    `--path=${join(order.dataDir, "clickhouse")}`,
    "--log-level=warning",
    `--query=${statements.join("; ")}`,
  ];
  ffi.open({ library: "chdb", path: order.library });
  // On a thread of its own, so that this one can watch the parent.
  ffi
    .load({
      library: "chdb",
      funcName: "chdb_query_cmdline",
      retType: ffi.DataType.External,
      paramsType: [ffi.DataType.I32, ffi.DataType.StringArray],
      paramsValue: [argv.length, argv],
      runInNewThread: true,
    })
    .then(
      (result) => {
        report(result);
        endNow();
      },
      (error) => {
        writeSync(2, `${String(error)}\n`);
        process.exit(1);
      },
    );
}

/** @type {(result: import("ffi-rs").JsExternal) => void} */
function report(result) {
  if (ffi.isNullPointer(result)) return;
  const request = {
    library: "chdb",
    funcName: "chdb_result_error",
    paramsType: [ffi.DataType.External],
    paramsValue: [result],
  };
  // No error is a null pointer, and reading a string from that would crash.
  if (ffi.isNullPointer(ffi.load({ ...request, retType: ffi.DataType.External }))) return;
  writeSync(2, `${ffi.load({ ...request, retType: ffi.DataType.String })}\n`);
}

// A regular exit runs the engine's destructors a second time and crashes; by now all is on disk.
function endNow() {
  process.kill(process.pid, "SIGKILL");
}
