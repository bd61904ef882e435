// The console as users get it: built by Vite.
// In: the sources. Out: the folder dist/console, built anew when any source is newer than it.
// Bounds: one build a test run; tests never see the development server.
import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

async function newestChange(folder: string): Promise<number> {
  let newest = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) newest = Math.max(newest, (await stat(join(entry.parentPath, entry.name))).mtimeMs);
  }
  return newest;
}

/** Builds the console when it is missing or stale; returns its folder. */
export async function buildConsole(): Promise<string> {
  const built = join(ROOT, "dist", "console");
  const builtAt = await stat(join(built, "index.html")).then(
    (found) => found.mtimeMs,
    () => 0,
  );
  if (builtAt < (await newestChange(join(ROOT, "dashboards", "console")))) {
    const vite = join(ROOT, "node_modules", "vite", "bin", "vite.js");
    await promisify(execFile)(process.execPath, [vite, "build", "dashboards/console"], { cwd: ROOT });
  }
  return built;
}
