// One setup at a time: a lock directory that holds its owner's pid.
// In: the folder for it, a name for what waits. Out: the work done while the lock was held.
// Bounds: waits LOCK_WAIT_SECONDS; the lock of a process that is gone is cleared by exactly one waiter.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const LOCK_WAIT_SECONDS = 900;
let held = null;

/** Runs `work` while this process holds the lock in `folder`. */
export async function withLock(folder, what, work) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "setup.lock");
  const deadline = Date.now() + LOCK_WAIT_SECONDS * 1000;
  for (let told = false; !tryLock(path); told = true) {
    if (!told) console.error(`Waiting for the ${what} of another process ...`);
    if (Date.now() > deadline) throw new Error(`Another process has held ${path} for ${LOCK_WAIT_SECONDS} s.`);
    await sleep(200);
  }
  try {
    await work();
  } finally {
    releaseLock();
  }
}

function tryLock(path) {
  try {
    mkdirSync(path);
  } catch {
    const owner = readPid(path);
    // A lock without a pid is being made right now, unless it is older than that could take.
    const isAbandoned =
      owner > 0
        ? !isAlive(owner)
        : Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > 5000;
    if (isAbandoned) {
      // Renaming succeeds for one process only, so two waiters cannot both clear it and take each other's.
      const grave = `${path}-${process.pid}`;
      try {
        renameSync(path, grave);
        rmSync(grave, { recursive: true, force: true });
      } catch {
        // Somebody else cleared it.
      }
    }
    return false;
  }
  writeFileSync(join(path, "pid"), String(process.pid));
  held = path;
  return true;
}

/** Gives the lock back; nothing when it is not held. */
export function releaseLock() {
  if (held !== null) rmSync(held, { recursive: true, force: true });
  held = null;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function readPid(path) {
  try {
    return Number(readFileSync(join(path, "pid"), "utf8"));
  } catch {
    return 0;
  }
}
