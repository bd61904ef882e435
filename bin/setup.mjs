// Makes the project ready to run: installs what package-lock.json names, builds dist/ when the sources have changed.
// In: the project folder. Out: node_modules and dist/ that fit the lock file and the sources; progress on stderr.
// Bounds: one setup at a time; a build becomes visible in one rename; nothing is asked and nothing but Node is needed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./setup-lock.mjs";

/** The project folder. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** What setups and test runs keep between them. */
export const CACHE = join(ROOT, ".cache");
/** The build. */
export const DIST = join(ROOT, "dist");
const COMPILED = ["model", "storage", "ingest", "analyzer", "api", "service", "bench", join("dashboards", "grafana")];
const BUILD_INPUTS = [...COMPILED, join("dashboards", "console"), "package-lock.json", "tsconfig.json", "bin/run.mjs"];
// Code and notes are not runtime files; everything else beside the sources (SQL, JSON, recordings, scripts) is copied.
const NOT_COPIED = new Set([".ts", ".tsx", ".md"]);
const running = new Set();

/** Installs unless node_modules holds what the lock file names. */
export async function ensureInstalled() {
  if (!isInstallStale()) return;
  await withLock(CACHE, "install", async () => {
    if (!isInstallStale()) return;
    const started = Date.now();
    console.error("Installing the packages of package-lock.json (npm ci) ...");
    const npm = process.env.npm_execpath;
    const [program, before] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
    await execute(program, [...before, "ci", "--no-audit", "--no-fund", "--loglevel=error"], "npm ci");
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(installStamp(), hashFiles([join(ROOT, "package-lock.json")]));
    console.error(`Installed (${seconds(started)}).`);
  });
}

function installStamp() {
  return join(CACHE, "installed");
}

// npm writes node_modules/.package-lock.json last, so it tells what is really there, whoever installed it.
function isInstallStale() {
  const installed = readJson(join(ROOT, "node_modules", ".package-lock.json"))?.packages;
  if (installed === undefined) return true;
  const wanted = readJson(join(ROOT, "package-lock.json"))?.packages ?? {};
  let optionalMissing = false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || (installed[path]?.version === entry.version && existsSync(join(ROOT, path)))) continue;
    if (!entry.optional && !entry.devOptional && !entry.peer) return true;
    // Only native packages: what those of other platforms need in turn names no platform.
    if (entry.optional && (entry.os || entry.cpu) && fitsPlatform(entry)) optionalMissing = true;
  }
  // npm skips an optional package that it cannot fetch: try once more per lock file, not at every start.
  return optionalMissing && readText(installStamp()) !== hashFiles([join(ROOT, "package-lock.json")]);
}

function fitsPlatform(entry) {
  const isMusl = process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime === undefined;
  const fits = (list, value) =>
    list === undefined ||
    list.includes(value) ||
    (list.every((one) => one.startsWith("!")) && !list.includes(`!${value}`));
  return (
    fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && fits(entry.libc, isMusl ? "musl" : "glibc")
  );
}

/** Builds unless dist/ was made from these sources. */
export async function ensureBuilt(force) {
  if (!force && readText(join(DIST, ".stamp")) === hashSources()) return;
  await withLock(CACHE, "build", async () => {
    const hash = hashSources();
    if (!force && readText(join(DIST, ".stamp")) === hash) return;
    const started = Date.now();
    const staging = join(CACHE, `dist-${process.pid}`);
    console.error("Building ...");
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging, { recursive: true });
    try {
      const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
      const vite = join(ROOT, "node_modules", "vite", "bin", "vite.js");
      const console_ = join(ROOT, "dashboards", "console");
      const steps = [execute(process.execPath, [tsc, "-p", writeBuildConfig(staging)], "tsc")];
      if (existsSync(join(console_, "index.html"))) {
        const outDir = join(staging, "console");
        steps.push(
          execute(
            process.execPath,
            [vite, "build", console_, "--outDir", outDir, "--emptyOutDir", "--logLevel", "warn"],
            "vite build",
          ),
        );
      }
      const failed = (await Promise.allSettled(steps)).find((step) => step.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      for (const folder of COMPILED) copyRuntimeFiles(folder, staging);
      writeFileSync(join(staging, ".stamp"), hash);
      const old = join(CACHE, `dist-old-${process.pid}`);
      if (existsSync(DIST)) renameSync(DIST, old);
      renameSync(staging, DIST);
      rmSync(old, { recursive: true, force: true });
    } finally {
      rmSync(staging, { recursive: true, force: true });
      rmSync(`${staging}.json`, { force: true });
    }
    console.error(`Built (${seconds(started)}).`);
  });
}

// Tests are checked by `npm run types`, not shipped: a mistake in one must not keep the product from being built.
function writeBuildConfig(staging) {
  const file = `${staging}.json`;
  const include = COMPILED.map((folder) => join(ROOT, folder));
  const compilerOptions = { rootDir: ROOT, outDir: staging, typeRoots: [join(ROOT, "node_modules", "@types")] };
  writeFileSync(
    file,
    JSON.stringify({
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions,
      include,
      exclude: [join(ROOT, "dashboards", "console")],
    }),
  );
  return file;
}

function copyRuntimeFiles(folder, staging) {
  for (const file of listFiles(join(ROOT, folder))) {
    if (!NOT_COPIED.has(extname(file))) cpSync(file, join(staging, relative(ROOT, file)));
  }
}

function hashSources() {
  return hashFiles(BUILD_INPUTS.flatMap((input) => listFiles(join(ROOT, input))));
}

function hashFiles(files) {
  const hash = createHash("sha256").update(process.versions.node.split(".")[0]);
  for (const file of files) hash.update(relative(ROOT, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function listFiles(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return files.filter((file) => !file.includes(`${sep}node_modules${sep}`)).sort();
}

/** Runs a program in the project folder with its output on stderr, or on stdout; rejects unless it exits with 0. */
export function execute(program, programArgs, name, toStdout = false) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArgs, {
      cwd: ROOT,
      stdio: ["ignore", toStdout ? "inherit" : process.stderr, "inherit"],
    });
    running.add(child);
    child.on("error", (error) => reject(new Error(`${name} could not be started: ${error.message}`)));
    child.on("exit", (code, signal) => {
      running.delete(child);
      if (code === 0) resolve();
      else reject(new Error(`${name} failed (${signal ?? `exit code ${String(code)}`}); its messages are above.`));
    });
  });
}

/** Ends the programs that run. */
export function killRunning() {
  for (const child of running) child.kill("SIGTERM");
}

function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** The JSON of a file, or undefined. */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** The time since `started` (ms), in words. */
export function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}
