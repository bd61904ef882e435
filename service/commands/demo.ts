// `faultline demo`: everything in one process, fed with a recording of a real mesh through the real OTLP endpoint.
// In: the bundled recording or --recording FILE. Out: what was wrong, in one sentence an incident, its evidence, and where to look.
// Bounds: a data folder of its own, removed at the end; default ports where they are free, others where not; the analysis is
// waited for at most ANALYSIS_TIMEOUT_MS. Progress and times go to stderr, the result to stdout.
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServiceError } from "../../model/errors.ts";
import { ASK_ANYWHERE, type Localization } from "../../model/localization.ts";
import { overrideDefaults } from "../config.ts";
import { incidentJson, localizationJson } from "../contract-json.ts";
import { type FoundIncident, readFoundIncidents, untilAnalyzed } from "../demo/analysis.ts";
import { openBrowser } from "../demo/browser.ts";
import { isProcessAlive, makeDemoFolder, removeFolder } from "../demo/folder.ts";
import { evidenceLines, findingSentence } from "../finding-text.ts";
import { startLogging } from "../logging.ts";
import type { Command, CommandContext } from "../main.ts";
import { createOtlpSender } from "../otlp-sender.ts";
import { showProgress } from "../progress.ts";
import { checkRecordingHead } from "../recording.ts";
import { type ReplayResult, replayRecording } from "../replay.ts";
import { type RunningService, startService } from "../roles.ts";
import { ROLE_NAMES } from "../settings.ts";

const ANALYSIS_TIMEOUT_MS = 120_000;
const DEMO_FOLDER = join(".faultline", "demo");

/** Runs the demo; exit 0 once it has printed what it found, whatever that is. */
export const demo: Command = async (context) => {
  const { parsed, tell } = context;
  const recording = parsed.options["recording"] ?? bundledRecording();
  if (!existsSync(recording))
    throw new ServiceError("RECORDING_INVALID", { file: recording, cause: "there is no such file" });
  await checkRecordingHead(recording);
  const folder = makeDemoFolder(DEMO_FOLDER, process.pid, isProcessAlive);
  try {
    return await runIn(folder, recording, context);
  } finally {
    removeFolder(folder);
    if (!context.abort.signal.aborted) tell("Stopped.");
  }
};

async function runIn(folder: string, recording: string, context: CommandContext): Promise<number> {
  const { parsed, now, abort, tell } = context;
  const values = { "storage.dataDir": join(folder, "data"), "log.level": "info" } as const;
  const config = overrideDefaults(context.config, values, "demo");
  startLogging({ level: config.values["log.level"], format: "json", file: join(folder, "faultline.log") });
  const timer = stepTimer(now, tell);

  const service = await startService(config, ROLE_NAMES, { now, abort: abort.signal, usePortsIfFree: true });
  try {
    timer.done("ClickHouse and all roles started");
    const replayed = await replayInto(service, recording, context);
    timer.done(
      `recording replayed: ${replayed.framesSent} requests, ${(replayed.bytesSent / 1e6).toFixed(0)} MB of OTLP`,
    );
    const found = await analyse(service, replayed, context);
    timer.done("analysed");
    tell(`In all ${timer.total()}.`);

    if (parsed.options["json"] === undefined) printFindings(found, service, context);
    else context.print(JSON.stringify(findingsJson(found), null, 2));
    if (parsed.options["once"] !== undefined) return 0;

    const opened = found.incidents.at(-1);
    const page = `${service.context.urls.api ?? ""}${opened === undefined ? "" : `/incidents/${opened.incident.id}`}`;
    if (parsed.options["no-open"] === undefined && parsed.options["json"] === undefined) openBrowser(page);
    tell("Serving until Ctrl-C.");
    if (!abort.signal.aborted) await once(abort.signal, "abort");
    return 0;
  } finally {
    await service.stop();
  }
}

/** What there is to tell: incidents oldest first, and an answer for the whole period when there is no incident. */
interface Findings {
  readonly incidents: readonly FoundIncident[];
  readonly latest: Localization | null;
}

async function replayInto(
  service: RunningService,
  recording: string,
  { now, abort }: CommandContext,
): Promise<ReplayResult> {
  const progress = showProgress("Replaying", process.stderr, now);
  const result = await replayRecording({
    file: recording,
    sender: createOtlpSender(service.context.urls.ingest ?? "", null),
    speed: "max",
    keepTimes: false,
    now,
    onProgress: ({ ratio, bytesSent }) => progress.update(ratio, `${(bytesSent / 1e6).toFixed(0)} MB`),
    abort: abort.signal,
  });
  progress.end();
  if (result === null) throw new ServiceError("RECORDING_INVALID", { file: recording, cause: "it holds no frame" });
  return result;
}

async function analyse(
  service: RunningService,
  replayed: ReplayResult,
  { now, abort, tell }: CommandContext,
): Promise<Findings> {
  const { storage, runCycle, localize, config } = service.context;
  if (storage === null || runCycle === null || localize === null) throw new Error("the demo runs every role");
  const tenant = config.values.tenant;
  const fromSeconds = Number(replayed.firstArrivalUnixNs / 1_000_000n) / 1_000;
  const toSeconds = Number(replayed.lastArrivalUnixNs / 1_000_000n) / 1_000;
  const progress = showProgress("Analysing", process.stderr, now);
  const isComplete = await untilAnalyzed({
    storage,
    tenant,
    runCycle,
    fromSeconds,
    toSeconds,
    timeoutMs: ANALYSIS_TIMEOUT_MS,
    now,
    abort: abort.signal,
    onProgress: (ratio, note) => progress.update(ratio, note),
  });
  progress.end();
  if (!isComplete) tell("The analysis has not caught up; this is what it has found so far.");
  const incidents = await readFoundIncidents(storage, tenant, fromSeconds, toSeconds);
  const last = incidents.at(-1);
  const found = last?.localization ?? null;
  if (found !== null) return { incidents, latest: found };
  // No incident, or one without an answer yet: ask about the period itself, so that there is a verdict with a reason.
  const latest = await localize({
    tenant,
    range: {
      from: last?.incident.startedAt ?? new Date(fromSeconds * 1_000).toISOString(),
      to: last?.incident.resolvedAt ?? new Date(toSeconds * 1_000).toISOString(),
    },
    ...ASK_ANYWHERE,
    maxCauses: 5,
  });
  return { incidents, latest };
}

function printFindings(found: Findings, service: RunningService, { print }: CommandContext): void {
  const api = service.context.urls.api ?? "";
  if (found.incidents.length === 0) {
    print("\nNo incident was opened.");
    if (found.latest !== null) print(findingSentence(found.latest, null));
  }
  for (const { incident, localization } of found.incidents) {
    print("");
    print(
      localization === null ? `${incident.title} (no cause named)` : findingSentence(localization, incident.startedAt),
    );
    if (localization !== null) print(`  seen as ${incident.title}`);
    if (localization !== null) for (const line of evidenceLines(localization)) print(`  - ${line}`);
    print(`  ${incident.status === "OPEN" ? "open" : "resolved"}: ${api}/incidents/${incident.id}`);
  }
  print("");
  print(`Console   ${api}/`);
  print(`GraphQL   ${api}/graphql`);
  print(`OTLP/HTTP ${service.context.urls.ingest ?? ""}`);
}

function findingsJson(found: Findings): Record<string, unknown> {
  return {
    ...(found.latest === null ? {} : localizationJson(found.latest)),
    incidents: found.incidents.map(({ incident, localization }) => incidentJson(incident, localization)),
  };
}

function bundledRecording(): string {
  return fileURLToPath(new URL("../demo/recording.otlp.zst", import.meta.url));
}

function stepTimer(
  now: () => number,
  tell: (line: string) => void,
): { done: (what: string) => void; total: () => string } {
  const started = now();
  let last = started;
  return {
    done: (what) => {
      tell(`${((now() - last) / 1_000).toFixed(1).padStart(5)} s  ${what}`);
      last = now();
    },
    total: () => `${((now() - started) / 1_000).toFixed(1)} s`,
  };
}
