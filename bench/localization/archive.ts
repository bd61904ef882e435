// Unpacks the benchmark archives into a cache beside nothing of the project's: the folder for temporary files.
// In: the folder that holds NAME.tar.xz or the unpacked NAME. Out: the unpacked folder of a name, null where it is absent.
// Bounds: unpacked once for each size and time of the archive; a half-unpacked cache is never used (it is renamed when whole).
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The folder with the data set of that name below `dataDir`, unpacked where needed; null where there is none. */
export function unpackedFolder(dataDir: string, name: string): string | null {
  const plain = join(dataDir, name);
  if (existsSync(join(plain, "cases.jsonl"))) return plain;
  const archive = resolve(dataDir, `${name}.tar.xz`);
  if (!existsSync(archive)) return null;
  const { size, mtimeMs } = statSync(archive);
  const key = createHash("sha256").update(`${archive} ${size} ${mtimeMs}`).digest("hex").slice(0, 12);
  const cache = join(tmpdir(), "faultline-benchmarks");
  const target = join(cache, `${name}-${key}`);
  if (!existsSync(target)) {
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, "unpacking-"));
    execFileSync("tar", ["xJf", archive, "-C", work], { stdio: ["ignore", "ignore", "inherit"] });
    renameSync(work, target);
  }
  return join(target, name);
}
