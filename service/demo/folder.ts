// The data folder of one demo run: fresh, its own, removed at the end.
// In: the folder under which demos keep their data. Out: a new folder named after this process.
// Bounds: folders of demos that were killed are removed at the next start; those of running ones are left alone.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Makes an empty folder for process `pid` and clears those of processes that are gone. */
export function makeDemoFolder(base: string, pid: number, isAlive: (pid: number) => boolean): string {
  mkdirSync(base, { recursive: true });
  for (const name of readdirSync(base)) {
    const owner = Number(name);
    if (Number.isInteger(owner) && (owner === pid || !isAlive(owner))) removeFolder(join(base, name));
  }
  const folder = join(base, String(pid));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Removes a folder with everything in it; an absent one is fine. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Whether a process with this id exists. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
