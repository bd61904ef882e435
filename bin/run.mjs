#!/usr/bin/env node
// What the npm scripts run: installs and builds when that is missing or stale, then starts the command in this process.
// In: demo | test | chaos [NAME] | build | faultline ... | bench ..., with their own arguments. Out: the command's output and exit code;
// progress goes to stderr, so that stdout is the command's alone.
// Bounds: plain JavaScript and nothing but Node, for it runs before anything is installed. One setup at a time (a lock
// directory with the owner's pid); a build becomes visible in one rename.
import { existsSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { CACHE, DIST, ROOT, ensureBuilt, ensureInstalled, execute, killRunning, readJson, seconds } from "./setup.mjs";
import { releaseLock } from "./setup-lock.mjs";

const NODE_MINIMUM = [20, 19];
const COMMANDS = ["demo", "test", "chaos", "build", "faultline", "bench"];

const [command = "", ...args] = process.argv.slice(2);
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, () => {
    if (inCommand) return;
    killRunning();
    releaseLock();
    process.exit(code);
  });
}
let inCommand = false;

try {
  process.exitCode = await run();
} catch (error) {
  releaseLock();
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor < NODE_MINIMUM[1])) {
    console.error(
      `Faultline needs Node ${NODE_MINIMUM.join(".")} or newer; this is Node ${process.versions.node} (https://nodejs.org).`,
    );
    return 2;
  }
  if (!COMMANDS.includes(command)) {
    console.error(`Unknown command "${command}". Known: ${COMMANDS.join(", ")}.`);
    return 2;
  }
  const started = Date.now();
  await ensureInstalled();
  await ensureBuilt(command === "build" && args.includes("--force"));
  if (command === "build") {
    console.error(`Built in dist/ (${seconds(started)}).`);
    return 0;
  }
  if (command === "test") return await runTests(args);
  if (command === "chaos") {
    // The runs of test/chaos in full; as a part of the tests they are short.
    process.env.FAULTLINE_CHAOS = "full";
    return await runTests([`test/chaos/${args[0] ?? ""}`, ...args.slice(1)]);
  }
  if (command === "bench") return await runBench();
  inCommand = true;
  const { main } = await import(pathToFileURL(join(DIST, "service", "main.js")).href);
  return await main(command === "demo" ? ["demo", ...args] : args);
}

async function runTests(given) {
  const report = join(CACHE, `test-${process.pid}.json`);
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const started = Date.now();
  let code = 0;
  try {
    await execute(
      process.execPath,
      [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...given],
      "vitest",
      true,
    );
  } catch {
    code = 1;
  }
  const result = readJson(report);
  rmSync(report, { force: true });
  if (result === undefined) {
    console.log("0 passed, 1 failed, 0 skipped");
    return 1;
  }
  const skippedGroups = new Map();
  let brokenFiles = 0;
  for (const file of result.testResults) {
    if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) {
      brokenFiles++;
      console.log(`failed to load: ${relative(ROOT, file.name)}`);
    }
    for (const test of file.assertionResults) {
      if (test.status === "passed" || test.status === "failed") continue;
      const group = `${relative(ROOT, file.name)}: ${test.ancestorTitles.join(" > ") || test.title}`;
      skippedGroups.set(group, (skippedGroups.get(group) ?? 0) + 1);
    }
  }
  let missingTools = 0;
  for (const [group, count] of skippedGroups) {
    // A group that names its tool, "needs Java", may be skipped on a bare machine but not where everything must run.
    const mustRun = process.env.CI === "true" && /needs (java|chromium|envoy|kafka)/i.test(group);
    if (mustRun) missingTools += count;
    console.log(`${mustRun ? "failed (its tool is missing under CI=true)" : "skipped"}: ${group} (${count})`);
  }
  const skipped = [...skippedGroups.values()].reduce((sum, count) => sum + count, 0) - missingTools;
  const failed =
    result.numFailedTests +
    brokenFiles +
    missingTools +
    (code !== 0 && result.numFailedTests + brokenFiles === 0 ? 1 : 0);
  console.log(`tests took ${seconds(started)}`);
  console.log(`${result.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

async function runBench() {
  const entry = join(DIST, "bench", "main.js");
  if (!existsSync(entry)) {
    console.error("There is no benchmark in this tree.");
    return 2;
  }
  inCommand = true;
  const { main } = await import(pathToFileURL(entry).href);
  return await main(args);
}
