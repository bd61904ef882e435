// The benchmarks' program: `npm run bench -- NAME [--json FILE] [--cases FILE] [--recording FILE --truth FILE] [--check]`,
// or `npm run bench -- --smoke`: every benchmark at its smallest.
// In: a name and where the data is (FAULTLINE_DATA_DIR). Out: a table, a JSON document, one line a case.
// Bounds: exit 1 when --check meets a missed bound, 2 for a wrong call; absent data is said and is no failure.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { bundledRecording, type LabRecording, openRecordings, runMeshLab } from "./mesh-lab/run.ts";
import { type BenchReport, describeMachine, formatReport } from "./report.ts";

const NAMES = ["mesh-lab"] as const;

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "unknown";
  }
}

function chooseRecordings(values: { smoke?: boolean; recording?: string; truth?: string }): LabRecording[] {
  if (values.smoke === true) return [bundledRecording()];
  if (values.recording !== undefined && values.truth !== undefined) {
    return [{ recording: values.recording, truth: values.truth }];
  }
  return openRecordings(process.env["FAULTLINE_DATA_DIR"] ?? "../shared/data");
}

/** Runs a benchmark by its command line; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      cases: { type: "string" },
      recording: { type: "string" },
      truth: { type: "string" },
      check: { type: "boolean" },
      smoke: { type: "boolean" },
    },
  });
  const name = values.smoke === true ? (positionals[0] ?? "mesh-lab") : positionals[0];
  if (name !== "mesh-lab") {
    console.error(`There is no benchmark "${name ?? ""}"; there is: ${NAMES.join(", ")}.`);
    return 2;
  }
  if ((values.recording === undefined) !== (values.truth === undefined)) {
    console.error("--recording and --truth go together.");
    return 2;
  }
  const labs = chooseRecordings(values);
  if (labs.length === 0) {
    console.log("mesh-lab: skipped, there are no recordings (set FAULTLINE_DATA_DIR to the data folder).");
    return 0;
  }
  const { figures, cases } = await runMeshLab(labs, (line) => console.log(line));
  const scenario = values.smoke === true ? "the bundled recording" : `${labs.length} recording(s)`;
  const report: BenchReport = { name, commit: commit(), machine: describeMachine(), scenario, figures };
  console.log(formatReport(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.cases !== undefined) {
    writeFileSync(values.cases, cases.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  const missed = Object.values(figures).some((f) => f.ok === false);
  return values.check === true && missed ? 1 : 0;
}
