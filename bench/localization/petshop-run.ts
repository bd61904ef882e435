// One PetShop data set from files to scored cases, and its quiet time as controls.
// In: an unpacked folder. Out: one scored line a case: faults against the normal record, windows of the normal record's second half
// against its first.
// From a case the engine is handed the time of the alarm, the node and the indicator that alarmed, and the time to compare with.
// Bounds: one service a scenario; telemetry is sent in the order of its time, the clock following; every case is asked by itself.
import { existsSync } from "node:fs";
import { candidateFeatures } from "../calibration/features.ts";
import type { Localization } from "../../model/localization.ts";
import type { LocalizationCase, RunOptions } from "./case.ts";
import { type Engine, isoOf, withEngine } from "./engine.ts";
import { type PetshopCase, petshopCalls, petshopCases, petshopRequests, petshopRows, STEP_SECONDS } from "./petshop.ts";
import { rankOf } from "./score.ts";

// Ten minutes from the alarm: two points of each node, so that no single one decides.
const WINDOW_POINTS = 2;
const WINDOW_SECONDS = WINDOW_POINTS * STEP_SECONDS;

interface Asked {
  readonly id: string;
  readonly target: Pick<PetshopCase, "target" | "metric" | "indicator">;
  readonly from: number;
  readonly baseline: { readonly from: number; readonly to: number };
  /** Null: there is no fault. */
  readonly truth: string | null;
  readonly group: string;
}

/** The middle of a node's requests at a time, over all the files. */
function usualRequests(files: readonly string[], node: string): number {
  const counts = files
    .flatMap(petshopRows)
    .map(({ samples }) => samples.find((sample) => sample.node === node)?.requests ?? 0)
    .toSorted((a, b) => a - b);
  return counts[Math.floor(counts.length / 2)] ?? 0;
}

/** The record without faults to compare a scenario with: its own, else the one with the nearest traffic. */
function normalFor(own: readonly PetshopCase[], all: readonly PetshopCase[]): string | null {
  const told = own.find(({ files }) => files.normal !== null)?.files.normal;
  const [lead] = own;
  if (told !== undefined || lead === undefined) return told ?? null;
  const records = [...new Set(all.map(({ files }) => files.normal))].filter(
    (file) => file !== null && existsSync(file),
  );
  if (records.length < 2) return records[0] ?? null;
  const busy = usualRequests(
    own.map(({ files }) => files.metrics),
    lead.target,
  );
  const distance = (file: string) => Math.abs(Math.log((usualRequests([file], lead.target) + 1) / (busy + 1)));
  const near = records.filter((file) => file !== null).map((file) => ({ file, distance: distance(file) }));
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.file ?? null;
}

/** Sends files in the order of their time. */
async function sendFiles(engine: Engine, files: readonly string[], graph: string): Promise<void> {
  const calls = petshopCalls(graph);
  const tables = files.map(petshopRows).toSorted((a, b) => (a[0]?.at ?? 0) - (b[0]?.at ?? 0));
  for (const rows of tables) {
    for (const { at, body } of petshopRequests(rows, calls)) {
      engine.setClock(at + 1);
      await engine.send("metrics", body);
    }
  }
}

function describe({ id, truth, group }: Asked, answer: Localization, seconds: number): LocalizationCase {
  const best = answer.causes[0];
  return {
    case: id,
    control: truth === null,
    truth: truth ?? "",
    answer: best?.entity.service ?? null,
    rank: truth === null ? null : rankOf(answer.causes, (cause) => cause.entity.service === truth),
    confidence: best?.confidence ?? null,
    faultKind: best?.faultKind ?? null,
    kindRight: null,
    secondsToIncident: null,
    falseIncidents: truth === null && answer.verdict !== "NO_FAULT" ? 1 : 0,
    group,
    verdict: answer.verdict,
    reason: answer.reason,
    codeRegion: best?.codeRegion ?? null,
    instance: best?.entity.instance ?? null,
    hasInner: false,
    innerRank: null,
    seconds,
    candidates: candidateFeatures(answer, (place) => place.service === truth),
  };
}

async function ask(engine: Engine, asked: Asked): Promise<LocalizationCase> {
  const { from, baseline, target } = asked;
  const started = performance.now();
  const answer = await engine.localize({
    range: { from: isoOf(from), to: isoOf(from + WINDOW_SECONDS) },
    baseline: { from: isoOf(baseline.from), to: isoOf(baseline.to) },
    service: target.target,
    indicator: target.indicator,
  });
  return describe(asked, answer, (performance.now() - started) / 1000);
}

/** The windows of a record's second half, each against the first half. */
function quietQuestions(times: readonly number[], target: Asked["target"], group: string): Asked[] {
  const half = Math.floor(times.length / 2);
  const first = { from: (times[0] ?? 0) - STEP_SECONDS, to: times[half - 1] ?? 0 };
  // Each window begins where the one before ended: every point is judged once.
  const starts = times.slice(half, times.length - WINDOW_POINTS + 1).filter((_, i) => i % WINDOW_POINTS === 0);
  return starts.map((at) => ({
    id: `${group} without a fault ${at}`,
    target,
    from: at - STEP_SECONDS,
    baseline: first,
    truth: null,
    group,
  }));
}

async function runScenario(
  name: string,
  cases: readonly PetshopCase[],
  normal: string | null,
  { maxCases, tell }: RunOptions,
): Promise<LocalizationCase[]> {
  const [lead] = cases;
  if (lead === undefined || normal === null || !existsSync(normal)) return [];
  const times = petshopRows(normal).map(({ at }) => at);
  const baseline = { from: Math.min(...times) - STEP_SECONDS, to: Math.max(...times) };
  const groupOf = (metric: string) => `${name} ${lead.scenario} ${metric}`;
  const faults = cases.map((one): Asked => ({
    id: one.id,
    target: one,
    from: one.at,
    baseline,
    truth: one.truth,
    group: groupOf(one.metric),
  }));
  const targets = new Map(cases.map((one) => [`${one.target} ${one.metric}`, one]));
  // Another scenario's record is that scenario's quiet time.
  const isOwn = lead.files.normal === normal && normal.split("/").includes(lead.scenario);
  const quiet = isOwn
    ? [...targets.values()].flatMap((target) => quietQuestions(times, target, groupOf(target.metric)))
    : [];
  return withEngine(async (engine) => {
    await sendFiles(engine, [...cases.map(({ files }) => files.metrics), normal], lead.files.graph);
    const results: LocalizationCase[] = [];
    for (const asked of [...faults.slice(0, maxCases), ...quiet.slice(0, maxCases)]) {
      const result = await ask(engine, asked);
      tell(JSON.stringify(result));
      results.push(result);
    }
    return results;
  });
}

/** Runs the data set of a folder, `name` its name; at most `maxCases` faults and as many windows without one, a scenario. */
export async function runPetshop(folder: string, name: string, options: RunOptions): Promise<LocalizationCase[]> {
  const cases = petshopCases(folder);
  const results: LocalizationCase[] = [];
  for (const scenario of new Set(cases.map((one) => one.scenario))) {
    const own = cases.filter((one) => one.scenario === scenario);
    results.push(...(await runScenario(name, own, normalFor(own, cases), options)));
  }
  return results;
}
