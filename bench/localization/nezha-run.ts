// One Nezha data set from files to scored cases.
// In: an unpacked folder. Out: one scored line a case.
// From a case the engine is handed the window to explain and the ones to compare with; never the answer.
// Bounds: minutes are sent in the order of their time, the clock following; every case is asked once all telemetry is in, each by itself.
import type { Cause, FaultKind, Localization } from "../../model/localization.ts";
import { candidateFeatures } from "../calibration/features.ts";
import type { LocalizationCase, RunOptions } from "./case.ts";
import { type Engine, isoOf, withEngine } from "./engine.ts";
import {
  MINUTE_SECONDS,
  nezhaCases,
  type NezhaCase,
  nezhaMetrics,
  nezhaMinutes,
  type NezhaMinute,
  type NezhaTruth,
  readMinute,
  referenceMinute,
} from "./nezha.ts";
import { rankOf } from "./score.ts";

/** Which of our kinds a label's kind may be called; a fault in code shows as an error, or as time lost. */
const KINDS: Readonly<Record<string, readonly FaultKind[]>> = {
  cpu: ["CPU"],
  memory: ["MEMORY"],
  network: ["NETWORK"],
  code: ["CODE_ERROR"],
};

const isPlace = (cause: Pick<Cause, "entity">, truth: NezhaTruth) =>
  cause.entity.service === truth.service && (cause.entity.instance === "" || cause.entity.instance === truth.pod);

/**
 * True when a cause names the label's inner place: for code, the two lines that the label's path goes between, in their order; for a
 * resource, the kind of it.
 */
export function isInner(cause: Pick<Cause, "codeRegion" | "faultKind">, truth: NezhaTruth): boolean {
  if (truth.kind !== "code") return KINDS[truth.kind]?.includes(cause.faultKind) === true;
  return cause.codeRegion?.replace(" → ", "_") === truth.inner;
}

function describe(one: NezhaCase, answer: Localization, group: string, seconds: number): LocalizationCase {
  const { truth } = one;
  const best = answer.causes[0];
  return {
    case: one.id,
    control: false,
    truth: `${truth.service} ${truth.inner}`,
    answer: best === undefined ? null : best.entity.service,
    rank: rankOf(answer.causes, (cause) => isPlace(cause, truth)),
    confidence: best?.confidence ?? null,
    faultKind: best?.faultKind ?? null,
    kindRight:
      KINDS[truth.kind] === undefined ? null : KINDS[truth.kind]?.includes(best?.faultKind ?? "UNKNOWN") === true,
    secondsToIncident: null,
    falseIncidents: 0,
    group,
    verdict: answer.verdict,
    reason: answer.reason,
    codeRegion: best?.codeRegion ?? null,
    instance: best?.entity.instance ?? null,
    hasInner: true,
    innerRank: rankOf(answer.causes, (cause) => isPlace(cause, truth) && isInner(cause, truth)),
    seconds,
    candidates: candidateFeatures(answer, (place) => isPlace({ entity: place }, truth)),
  };
}

/** Sends all of a folder's telemetry from its first minute until `until`, as if it arrived now. */
export async function sendNezha(
  engine: Engine,
  folder: string,
  minutes: readonly NezhaMinute[],
  until: number,
): Promise<void> {
  const first = minutes[0]?.start ?? until;
  engine.setClock(first + MINUTE_SECONDS);
  for (const request of nezhaMetrics(folder, first, until)) await engine.send("metrics", request);
  for (const minute of minutes.filter(({ start }) => start < until)) {
    engine.setClock(minute.end + MINUTE_SECONDS);
    const { traces, logs } = readMinute(minute);
    if (traces !== undefined) await engine.send("traces", traces);
    if (logs !== undefined) await engine.send("logs", logs);
    await engine.runCycle();
  }
}

/** Asks the engine about one case. */
export async function askNezha(
  engine: Engine,
  minutes: readonly NezhaMinute[],
  cases: readonly NezhaCase[],
  one: NezhaCase,
): Promise<{ answer: Localization; seconds: number }> {
  const reference = referenceMinute(minutes, cases, one.minute);
  const started = performance.now();
  const answer = await engine.localize({
    range: { from: isoOf(one.minute), to: isoOf(one.minute + MINUTE_SECONDS) },
    baseline: reference === null ? null : { from: isoOf(reference.start), to: isoOf(reference.end) },
  });
  return { answer, seconds: (performance.now() - started) / 1000 };
}

/** Runs the data set of a folder; `group` is its name. */
export function runNezha(folder: string, group: string, { maxCases, tell }: RunOptions): Promise<LocalizationCase[]> {
  const minutes = nezhaMinutes(folder);
  const all = nezhaCases(folder);
  const cases = all.slice(0, maxCases);
  return withEngine(async (engine) => {
    const asked = cases.map((one) => Math.max(one.minute, referenceMinute(minutes, all, one.minute)?.end ?? 0));
    await sendNezha(engine, folder, minutes, Math.max(...asked) + MINUTE_SECONDS);
    const results: LocalizationCase[] = [];
    for (const one of cases) {
      const { answer, seconds } = await askNezha(engine, minutes, all, one);
      const result = describe(one, answer, group, seconds);
      tell(JSON.stringify(result));
      results.push(result);
    }
    return results;
  });
}
