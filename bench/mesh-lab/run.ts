// The mesh-lab benchmark: recordings of a real mesh with injected faults, through OTLP and the live cycle, scored.
// In: recordings with their truth files (the open ones, or --recording and --truth). Out: figures and one line a case.
// Bounds: one whole service in this process on free ports and a temporary folder; the engine is the one users get.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig, overrideDefaults } from "../../service/config.ts";
import { readFoundIncidents, untilAnalyzed } from "../../service/demo/analysis.ts";
import { createOtlpSender } from "../../service/otlp-sender.ts";
import { replayRecording } from "../../service/replay.ts";
import { startService } from "../../service/roles.ts";
import { ROLE_NAMES } from "../../service/settings.ts";
import { summarizeRecording } from "../../service/recording.ts";
import { type Figure, figure } from "../report.ts";
import { askQuietWindows, type QuietAnswers } from "./quiet.ts";
import { type CaseResult, type SeenInstance, scoreCases } from "./score.ts";
import { readTruth } from "./truth.ts";

/** A recording and its labels. */
export interface LabRecording {
  readonly recording: string;
  readonly truth: string;
}

/** The open recordings below a data folder; empty where they are absent. */
export function openRecordings(dataDir: string): LabRecording[] {
  return ["open-a", "open-b"]
    .map((name) => ({
      recording: join(dataDir, "mesh-lab", `${name}.otlp.zst`),
      truth: join(dataDir, "mesh-lab", `${name}.truth.json`),
    }))
    .filter((lab) => existsSync(lab.recording) && existsSync(lab.truth));
}

/** The recording that the demo replays, with its labels. */
export function bundledRecording(): LabRecording {
  return {
    recording: fileURLToPath(new URL("../../service/demo/recording.otlp.zst", import.meta.url)),
    truth: fileURLToPath(new URL("./bundled.truth.json", import.meta.url)),
  };
}

interface RecordingResult {
  readonly cases: CaseResult[];
  readonly quiet: QuietAnswers;
}

async function runRecording(lab: LabRecording, tell: (line: string) => void): Promise<RecordingResult> {
  const folder = mkdtempSync(join(tmpdir(), "faultline-bench-"));
  const abort = new AbortController();
  const config = overrideDefaults(
    loadConfig({ file: null, flags: {}, environment: {} }),
    { "storage.dataDir": join(folder, "data"), "ingest.httpPort": 0, "ingest.grpcPort": 0, "api.port": 0 },
    "bench",
  );
  try {
    const service = await startService(config, ROLE_NAMES, { now: Date.now, abort: abort.signal });
    try {
      const { storage, runCycle, localize, urls } = service.context;
      if (storage === null || runCycle === null || localize === null) throw new Error("every role was asked for");
      const summary = await summarizeRecording(lab.recording);
      const sent = await replayRecording({
        file: lab.recording,
        sender: createOtlpSender(urls.ingest ?? "", null),
        speed: "max",
        keepTimes: false,
        now: Date.now,
        onProgress: () => {},
        abort: abort.signal,
      });
      if (sent === null || summary === null) throw new Error(`${lab.recording} holds no frame`);
      const seconds = (ns: bigint) => Number(ns / 1_000_000n) / 1000;
      const [fromSeconds, toSeconds] = [seconds(sent.firstArrivalUnixNs), seconds(sent.lastArrivalUnixNs)];
      const tenant = config.values.tenant;
      const wait = { storage, tenant, runCycle, fromSeconds, toSeconds, timeoutMs: 600_000 };
      await untilAnalyzed({ ...wait, now: Date.now, abort: abort.signal, onProgress: () => {} });
      const incidents = await readFoundIncidents(storage, tenant, fromSeconds, toSeconds);
      const seen = await storage.query<SeenInstance>("read_instances", { tenant });
      const shiftNs = sent.firstArrivalUnixNs - summary.firstArrivalUnixNs;
      const truth = readTruth(readFileSync(lab.truth, "utf8"), shiftNs);
      const results = scoreCases(truth, incidents, seen);
      for (const result of results) tell(JSON.stringify(result));
      const quiet = await askQuietWindows(localize, tenant, truth);
      for (const summary of quiet.summaries) tell(`quiet, but: ${summary}`);
      return { cases: results, quiet };
    } finally {
      await service.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countOf(results: readonly CaseResult[], test: (result: CaseResult) => boolean): number {
  return results.filter(test).length;
}

/** Runs all recordings; `tell` gets one JSON line a case. */
export async function runMeshLab(
  labs: readonly LabRecording[],
  tell: (line: string) => void,
): Promise<{ figures: Record<string, Figure>; cases: CaseResult[] }> {
  const results: RecordingResult[] = [];
  for (const lab of labs) results.push(await runRecording(lab, tell));
  const cases = results.flatMap((one) => one.cases);
  const sum = (count: (quiet: QuietAnswers) => number) => results.reduce((total, one) => total + count(one.quiet), 0);
  const [windows, found] = [sum((quiet) => quiet.windows), sum((quiet) => quiet.found)];
  const surest = Math.max(0, ...results.flatMap((one) => one.quiet.confidences));
  const faults = cases.filter((c) => !c.control);
  const delays = faults.map((c) => c.secondsToIncident).filter((s) => s !== null);
  return {
    cases,
    figures: {
      faults: figure(faults.length, "cases"),
      found: figure(
        countOf(faults, (c) => c.secondsToIncident !== null),
        "cases",
      ),
      found_within_30_s: figure(
        countOf(faults, (c) => (c.secondsToIncident ?? 99) <= 30),
        "cases",
      ),
      place_at_rank_1: figure(
        countOf(faults, (c) => c.rank === 1),
        "cases",
      ),
      kind_right: figure(
        countOf(faults, (c) => c.kindRight),
        "cases",
      ),
      false_incidents: figure(
        cases.reduce((sum, c) => sum + c.falseIncidents, 0),
        "incidents",
      ),
      quiet_windows_found: figure(
        windows === 0 ? null : found / windows,
        "share",
        "<= 0.05",
        `${found} of ${windows} quiet windows given a cause on demand, ${sum((quiet) => quiet.noFault)} said to be quiet; highest confidence ${surest.toFixed(2)}`,
      ),
      slowest_seconds_to_incident: figure(delays.length === 0 ? null : Math.max(...delays), "s"),
    },
  };
}
