// The benchmarks' program: `npm run bench -- NAME [--json FILE] [--cases FILE] [--recording FILE --truth FILE] [--check]`.
// In: a name and where the data is (FAULTLINE_DATA_DIR). Out: a table, a JSON document, one line a case.
// Bounds: exit 1 when --check meets a missed bound, 2 for a wrong call; absent data is said and is no failure.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { reasonOf } from "../model/errors.ts";
import { openRecordings, runMeshLab } from "./mesh-lab/run.ts";
import { type BenchReport, describeMachine, formatReport } from "./report.ts";

const NAMES = ["mesh-lab"] as const;

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "unknown";
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "string" },
      cases: { type: "string" },
      recording: { type: "string" },
      truth: { type: "string" },
      check: { type: "boolean" },
    },
  });
  const name = positionals[0];
  if (name !== "mesh-lab") {
    console.error(`There is no benchmark "${name ?? ""}"; there is: ${NAMES.join(", ")}.`);
    return 2;
  }
  if ((values.recording === undefined) !== (values.truth === undefined)) {
    console.error("--recording and --truth go together.");
    return 2;
  }
  const dataDir = process.env["FAULTLINE_DATA_DIR"] ?? "../shared/data";
  const labs =
    values.recording === undefined || values.truth === undefined
      ? openRecordings(dataDir)
      : [{ recording: values.recording, truth: values.truth }];
  if (labs.length === 0) {
    console.log(`mesh-lab: skipped, there are no recordings in ${dataDir} (set FAULTLINE_DATA_DIR).`);
    return 0;
  }
  const { figures, cases } = await runMeshLab(labs, (line) => console.log(line));
  const scenario = labs.length === 1 ? "one recording" : `${labs.length} recordings`;
  const report: BenchReport = { name, commit: commit(), machine: describeMachine(), scenario, figures };
  console.log(formatReport(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.cases !== undefined) {
    writeFileSync(values.cases, cases.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  const missed = Object.values(figures).some((f) => f.ok === false);
  return values.check === true && missed ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(reasonOf(error));
  process.exitCode = 1;
}
