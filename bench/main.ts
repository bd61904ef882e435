// The benchmarks' program: `npm run bench -- NAME [--json FILE] [--check]`; HELP has the options of each.
// In: a name and where the data is (FAULTLINE_DATA_DIR). Out: a table, a JSON document, one line a case.
// Bounds: exit 1 when --check meets a missed bound, 2 for a wrong call; absent data is said and is no failure.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCalibration } from "./calibration/run.ts";
import { GRAPH_PARTS, runGraph } from "./graph/run.ts";
import { INGEST_PARTS, runIngest } from "./ingest/run.ts";
import { LARGE_MESH, measureLocalizationCost, SMALL_MESH } from "./localization/cost.ts";
import { runLocalization } from "./localization/run.ts";
import { bundledRecording, type LabRecording, openRecordings, runMeshLab } from "./mesh-lab/run.ts";
import { type BenchReport, describeMachine, type Figure, formatReport } from "./report.ts";

interface Call {
  readonly smoke: boolean;
  readonly recording: string | undefined;
  readonly truth: string | undefined;
  readonly cases: string | undefined;
  /** One of the benchmark's PARTS; null: all. */
  readonly part: string | null;
  readonly collector: string | null;
  /** Where data sets are; null: below FAULTLINE_DATA_DIR. */
  readonly data: string | null;
  /** One data set by name; null: all. */
  readonly set: string | null;
  /** At most so many cases of a data set; null: all. */
  readonly max: number | null;
  /** Propose new weights as well. */
  readonly fit: boolean;
}

interface Result {
  readonly scenario: string;
  readonly figures: Readonly<Record<string, Figure>>;
}

/** Every benchmark by name; null when its data is absent. */
const BENCHMARKS: Readonly<Record<string, (call: Call) => Promise<Result | null>>> = {
  localization,
  "mesh-lab": meshLab,
  calibration,
  ingest,
  graph,
};

/** What can be run by itself of a benchmark. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  ingest: INGEST_PARTS,
  graph: GRAPH_PARTS,
  localization: ["cost"],
};

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "unknown";
  }
}

function chooseRecordings({ smoke, recording, truth }: Call): LabRecording[] {
  if (smoke) return [bundledRecording()];
  if (recording !== undefined && truth !== undefined) return [{ recording, truth }];
  return openRecordings(process.env["FAULTLINE_DATA_DIR"] ?? "../shared/data");
}

async function meshLab(call: Call): Promise<Result | null> {
  const labs = chooseRecordings(call);
  if (labs.length === 0) {
    console.log("mesh-lab: skipped, there are no recordings (set FAULTLINE_DATA_DIR to the data folder).");
    return null;
  }
  const { figures, cases } = await runMeshLab(labs, (line) => console.log(line));
  if (call.cases !== undefined) {
    writeFileSync(call.cases, cases.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  return { scenario: call.smoke ? "the bundled recording" : `${labs.length} recording(s)`, figures };
}

async function calibration({ cases, fit }: Call): Promise<Result | null> {
  const figures =
    cases === undefined
      ? null
      : runCalibration({ text: readFileSync(cases, "utf8"), fit, tell: (line) => console.log(line) });
  if (figures === null) {
    console.log(
      "calibration: skipped, there are no answers (--cases FILE names what other benchmarks' --cases wrote).",
    );
    return null;
  }
  return { scenario: "the answers of a case file", figures };
}

const SMOKE_CASES = 2;

async function localization({ smoke, data, set, max, cases: file, part }: Call): Promise<Result | null> {
  const tell = (line: string): void => console.log(line);
  if (part === "cost") {
    const figures = await measureLocalizationCost(smoke ? SMALL_MESH : LARGE_MESH, tell);
    return { scenario: `a made mesh of ${smoke ? "a dozen" : "a thousand"} services`, figures };
  }
  if (smoke) await measureLocalizationCost(SMALL_MESH, tell);
  const dataDir = data ?? join(process.env["FAULTLINE_DATA_DIR"] ?? "../shared/data", "rca");
  const maxCases = max ?? (smoke ? SMOKE_CASES : Number.POSITIVE_INFINITY);
  const ran = await runLocalization({ dataDir, set, maxCases, tell });
  if (ran === null) {
    console.log(
      `localization: skipped, there is no data set${set === null ? "" : ` "${set}"`} in ${dataDir} (--data DIR names another folder).`,
    );
    return null;
  }
  if (file !== undefined) writeFileSync(file, ran.cases.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return { scenario: ran.sets.join(", "), figures: ran.figures };
}

async function ingest({ smoke, part: name, collector }: Call): Promise<Result> {
  const part = INGEST_PARTS.find((known) => known === name) ?? null;
  const figures = await runIngest({ smoke, part, collector }, (line) => console.log(line));
  return { scenario: smoke ? "a few thousand spans, once" : "Istio-like spans, medians of rounds", figures };
}

async function graph({ smoke, part: name }: Call): Promise<Result> {
  const part = GRAPH_PARTS.find((known) => known === name) ?? null;
  const figures = await runGraph({ smoke, part }, (line) => console.log(line));
  return { scenario: smoke ? "a dozen services, once" : "generated meshes with a known true graph", figures };
}

function parseCall(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      cases: { type: "string" },
      recording: { type: "string" },
      truth: { type: "string" },
      part: { type: "string" },
      collector: { type: "string" },
      data: { type: "string" },
      set: { type: "string" },
      max: { type: "string" },
      check: { type: "boolean" },
      fit: { type: "boolean" },
      smoke: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
}

const HELP = `npm run bench -- NAME [--json FILE] [--check]
npm run bench -- --smoke                 every benchmark at its smallest

  localization [--data DIR] [--set NAME] [--max N] [--cases FILE] [--part cost]
  mesh-lab     [--recording FILE --truth FILE] [--cases FILE]
  calibration  --cases FILE [--fit]
  ingest       [--part decode|storage|kafka|collector] [--collector BINARY]
  graph        [--part truth|cost|reads|visible|large]

--json writes the figures, --check ends with 1 where a bound is missed. Data is looked for in FAULTLINE_DATA_DIR (../shared/data).`;

/** Runs a benchmark by its command line; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let call;
  try {
    call = parseCall(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)} --help tells what there is.`);
    return 2;
  }
  const { values, positionals } = call;
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const absent = [values.recording, values.truth].find((file) => file !== undefined && !existsSync(file));
  if (absent !== undefined) {
    console.error(`There is no file ${absent}.`);
    return 2;
  }
  const smoke = values.smoke === true;
  const names = smoke && positionals.length === 0 ? Object.keys(BENCHMARKS) : positionals;
  const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
  if (unknown !== undefined || names.length === 0) {
    console.error(`There is no benchmark "${unknown ?? ""}"; there is: ${Object.keys(BENCHMARKS).join(", ")}.`);
    return 2;
  }
  if ((values.recording === undefined) !== (values.truth === undefined)) {
    console.error("--recording and --truth go together.");
    return 2;
  }
  const part = values.part ?? null;
  const stranger = part === null ? undefined : names.find((name) => PARTS[name]?.includes(part) !== true);
  if (stranger !== undefined) {
    console.error(`${stranger}: --part takes one of ${(PARTS[stranger] ?? ["nothing"]).join(", ")}.`);
    return 2;
  }
  if (values.json !== undefined && names.length > 1) {
    console.error("--json takes the figures of one benchmark.");
    return 2;
  }
  const max = values.max === undefined ? null : Number(values.max);
  if (max !== null && !(Number.isInteger(max) && max > 0)) {
    console.error("--max takes a positive whole number.");
    return 2;
  }
  let isMissed = false;
  for (const name of names) {
    const result = await BENCHMARKS[name]?.({
      smoke,
      recording: values.recording,
      truth: values.truth,
      cases: values.cases,
      part,
      collector: values.collector ?? null,
      data: values.data ?? null,
      set: values.set ?? null,
      max,
      fit: values.fit === true,
    });
    if (result === undefined || result === null) continue;
    const report: BenchReport = { name, commit: commit(), machine: describeMachine(), ...result };
    console.log(formatReport(report));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    isMissed ||= Object.values(report.figures).some((f) => f.ok === false);
  }
  return values.check === true && isMissed ? 1 : 0;
}
