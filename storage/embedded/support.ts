// Where the embedded ClickHouse can run, and where its library is.
// In: platform, processor, C library. Out: the npm package that holds libchdb, or the reason why there is none; then its path.
// Bounds: a table of three platforms; nothing is loaded here.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ServiceError } from "../../model/errors.ts";

/** The C library that Node runs on; '' outside Linux. */
export type LibC = "glibc" | "musl" | "";

/** The package with the library, or a phrase that completes "does not run on ...". */
export type EmbeddedSupport =
  | { readonly ok: true; readonly packageName: string }
  | { readonly ok: false; readonly reason: string };

const PACKAGES: Readonly<Record<string, string>> = {
  "linux x64": "@chdb/lib-linux-x64-gnu",
  "linux arm64": "@chdb/lib-linux-arm64-gnu",
  "darwin arm64": "@chdb/lib-darwin-arm64",
};
const PLATFORM_NAMES: Readonly<Record<string, string>> = { linux: "Linux", darwin: "macOS", win32: "Windows" };
const ARCH_NAMES: Readonly<Record<string, string>> = { x64: "Intel/AMD 64-bit", arm64: "ARM 64-bit" };

/** Says which package holds the engine for a platform, or why there is none. */
export function embeddedSupport(platform: string, arch: string, libc: LibC): EmbeddedSupport {
  const name = `${PLATFORM_NAMES[platform] ?? platform} (${ARCH_NAMES[arch] ?? arch})`;
  const packageName = PACKAGES[`${platform} ${arch}`];
  if (packageName === undefined) return { ok: false, reason: name };
  if (platform === "linux" && libc !== "glibc") {
    return { ok: false, reason: `${name} with musl libc (Alpine); it needs glibc` };
  }
  return { ok: true, packageName };
}

/** The C library of this process. */
export function currentLibC(): LibC {
  if (process.platform !== "linux") return "";
  // Else it looks up the name of every connection's other end; the types of Node 20 do not know it yet.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined ? "musl" : "glibc";
}

/** The path of libchdb for this process; throws STORAGE_PLATFORM where it cannot run or is not installed. */
export function resolveLibrary(platform: string, arch: string, libc: LibC): string {
  const support = embeddedSupport(platform, arch, libc);
  if (!support.ok) throw new ServiceError("STORAGE_PLATFORM", { platform: support.reason });
  const missing = (cause?: unknown): ServiceError =>
    new ServiceError(
      "STORAGE_PLATFORM",
      { platform: `this machine: the optional package ${support.packageName} is not installed` },
      cause,
    );
  let folder: string;
  try {
    folder = dirname(createRequire(import.meta.url).resolve(`${support.packageName}/package.json`));
  } catch (error) {
    throw missing(error);
  }
  const library = join(folder, "libchdb.so"); // the name on macOS as well
  if (!existsSync(library)) throw missing();
  return library;
}
