// Every *.scenario, played on the real ClickHouse through the real cycle.
// In: the files of this folder. Out: a test a scenario; a failure quotes the line that does not hold and what was found.
// FAULTLINE_SCENARIOS (a regular expression) plays only those whose names match.
// Bounds: see world.ts; to understand one scenario, read its file and language.ts.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestStorage, type TestStorage } from "../fixtures/storage.ts";
import { checkClaim } from "./claims.ts";
import { parseScenario } from "./language.ts";
import { type Findings, playScenarios } from "./world.ts";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const WANTED = new RegExp(process.env["FAULTLINE_SCENARIOS"] ?? "");
// All scenarios run side by side: a busy machine takes its time.
const PLAY_MS = 600_000;
const scenarios = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".scenario") && WANTED.test(file))
  .map((file) => parseScenario(file.replace(".scenario", ""), readFileSync(`${FOLDER}${file}`, "utf8")));

describe("scenarios", () => {
  let db: TestStorage;
  let findings: ReadonlyMap<string, Findings>;
  beforeAll(async () => {
    db = await startTestStorage();
    findings = await playScenarios(db.storage, scenarios);
  }, PLAY_MS);
  afterAll(() => db.stop());

  test.each(scenarios)("$name", ({ name, expectations }) => {
    const found = findings.get(name)!;
    expect(expectations.map((one) => checkClaim(one, found)).filter((failure) => failure !== null)).toEqual([]);
  });
});
