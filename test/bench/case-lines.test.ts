// The case file of a data set: what is no case is told with its line and field, and ends the run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { petshopCases } from "../../bench/localization/petshop.ts";

const folder = mkdtempSync(join(tmpdir(), "faultline-cases-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CASE = {
  id: "a",
  scenario: "low",
  metrics: "metrics.csv",
  topology: "graph.csv",
  target: { node: "web", metric: "availability", timestamp: 60 },
  root_cause: { node: "db" },
};

function casesOf(...lines: readonly string[]) {
  writeFileSync(join(folder, "cases.jsonl"), lines.join("\n"));
  return petshopCases(folder);
}

describe("cases.jsonl", () => {
  it("is one case a line; what the engine does not need may be absent", () => {
    const { scenario, ...bare } = CASE;
    expect(scenario).toBe("low");
    const read = casesOf(JSON.stringify(CASE), "", JSON.stringify({ ...bare, id: 7, normal: "quiet.csv", more: 1 }));
    expect(read.map((one) => [one.id, one.indicator, one.at, one.files.normal])).toEqual([
      ["a", "ERRORS", 60, null],
      ["7", "ERRORS", 60, join(folder, "quiet.csv")],
    ]);
  });

  it("tells file, line and field where a line is no case", () => {
    const file = join(folder, "cases.jsonl");
    expect(() => casesOf(JSON.stringify(CASE), "{")).toThrow(`${file}, line 2, is not JSON.`);
    expect(() => casesOf(JSON.stringify({ ...CASE, target: { node: "web" } }))).toThrow(
      `${file}, line 1, is no case of this format: look at "target.metric".`,
    );
    expect(() => casesOf("[]")).toThrow(`${file}, line 1, is no case of this format: look at the line.`);
  });
});
