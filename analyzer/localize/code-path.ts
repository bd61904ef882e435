// Code path: a service whose code goes another way than before, as its log lines and the spans it contains tell; missing ones speak as new
//   ones do.
// In: counted steps from line to line in both windows (storage/code-paths.ts), the calls. Out: at most one finding a service, with its
//   code region.
// A shift of the request mix moves the shares of steps; a changed or failing piece of code makes a step vanish, or appear. So only
//   these two count. The evidence is the log-likelihood ratio of two shares against one, of at most EFFECTIVE steps each side, because
//   the requests of a window share its mix (G-test; Nezha, ESEC/FSE 2023, looks at event patterns in the same spirit).
// Bounds: pure but for one read; a step seen fewer than MIN_STEPS times in either window is not judged.
import { type CodeStepRow, readCodeSteps } from "../../storage/code-paths.ts";
import { serviceKey } from "../history.ts";
import type { EvidenceSource } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { type EdgeScene, type EdgeSide, reachableFrom, type Scene } from "./scene.ts";
import { CODE_PATH_WEIGHTS } from "./weights.ts";

/** One change of a service's way; `weight` in nats, `place` a service key. */
export interface CodePathChange {
  readonly place: string;
  readonly weight: number;
  readonly via: "lines" | "calls";
  /** True where the ways part before anything was called: no callee can have caused it. */
  readonly isAtStart: boolean;
  readonly codeRegion: string;
  readonly summary: string;
}

const MIN_STEPS = 3;
const EFFECTIVE = 15;
// A step must have been the rule, not an exception, for its absence to mean something; and the reverse.
const MIN_SHARE = 0.3;
// Seen at all on the other side: a rest below this share is a request or two that began before the change.
const REST_SHARE = 0.02;
// A way that keeps no more than this of its share has been replaced, though some requests still take it.
const REPLACED_SHARE = 0.25;
// Below, the lost way was one of several before: which one is taken depends on the requests and their data. Were a way's share in a window
// Beta distributed with a weight of ten, half of all would fall to none once in e^10 windows, three tenths once in e^7.
const CERTAIN_SHARE = 0.5;
// A caller whose calls get lost by this share more than before notices.
const LOST_SHARE = 0.05;
const END = "end";
const START = " start";
// A line names the place in the code, a call only the function around it.
const LINES_BEFORE_CALLS = 0.5;

interface Side {
  readonly hits: number;
  readonly trials: number;
}

interface Step {
  readonly to: string;
  isError: boolean;
  fault: number;
  baseline: number;
}

/** All that follows one line of one service. */
interface Fork {
  readonly place: string;
  readonly service: string;
  readonly via: "lines" | "calls";
  readonly from: string;
  readonly steps: Map<string, Step>;
}

function logLikelihood({ hits, trials }: Side, ratio: number): number {
  const p = Math.min(1 - 1e-3, Math.max(1e-3, ratio));
  return hits * Math.log(p) + (trials - hits) * Math.log(1 - p);
}

/**
 * How much better two shares explain the counts than one, in nats, never below 0; each side counts as at most EFFECTIVE trials. A second share fits
 * chance too: by half the logarithm of the trials (the Bayesian information criterion), which is taken off.
 */
export function shareChange(fault: Side, baseline: Side): number {
  const shrink = ({ hits, trials }: Side) => {
    const factor = Math.min(1, EFFECTIVE / trials);
    return { hits: hits * factor, trials: trials * factor };
  };
  const [f, b] = [shrink(fault), shrink(baseline)];
  const trials = f.trials + b.trials;
  const together = (f.hits + b.hits) / trials;
  const better =
    logLikelihood(f, f.hits / f.trials) +
    logLikelihood(b, b.hits / b.trials) -
    logLikelihood(f, together) -
    logLikelihood(b, together);
  return Math.max(0, better - Math.log(trials) / 2);
}

function collectForks(rows: readonly CodeStepRow[]): Fork[] {
  const forks = new Map<string, Fork>();
  for (const row of rows) {
    const place = serviceKey(row);
    const key = JSON.stringify([place, row.via, row.from_step]);
    const { service, via, from_step: from } = row;
    const fork = forks.get(key) ?? { place, service, via, from, steps: new Map<string, Step>() };
    forks.set(key, fork);
    const step = fork.steps.get(row.to_step) ?? { to: row.to_step, isError: false, fault: 0, baseline: 0 };
    fork.steps.set(row.to_step, step);
    step.isError ||= row.to_error === 1;
    if (row.side === 1) step.fault += row.step_count;
    else step.baseline += row.step_count;
  }
  return [...forks.values()];
}

interface Judged {
  readonly step: Step;
  readonly now: number;
  readonly before: number;
  readonly weight: number;
}

const heaviest = (judged: readonly Judged[]): Judged | null =>
  judged.toSorted((a, b) => b.weight - a.weight)[0] ?? null;

function describe(fork: Fork, lost: Judged, fresh: Judged | null, totals: Totals): string {
  const { step } = lost;
  const instead = fresh === null ? "" : ` and goes to "${fresh.step.to}" instead`;
  const verb = step.fault === 0 ? "no longer gets" : "seldom gets";
  return `${fork.service} ${verb} from "${fork.from}" to "${step.to}"${instead}: ${step.baseline} of ${totals.baseline} times before, ${step.fault} of ${totals.fault} now`;
}

interface Totals {
  readonly fault: number;
  readonly baseline: number;
}

/** How often a fork was passed; null where too seldom to judge it. */
function totalsOf({ steps }: Fork): Totals | null {
  let [fault, baseline] = [0, 0];
  for (const step of steps.values()) {
    fault += step.fault;
    baseline += step.baseline;
  }
  return fault < MIN_STEPS || baseline < MIN_STEPS ? null : { fault, baseline };
}

/** What changed at one fork; null where nothing did, or where the code only does better than before. */
function judgeFork(fork: Fork, totals: Totals): CodePathChange | null {
  const steps = [...fork.steps.values()];
  const judged = steps.map((step) => ({
    step,
    now: step.fault / totals.fault,
    before: step.baseline / totals.baseline,
    weight: shareChange({ hits: step.fault, trials: totals.fault }, { hits: step.baseline, trials: totals.baseline }),
  }));
  const gone = heaviest(judged.filter(({ now, before }) => before >= MIN_SHARE && now <= REST_SHARE));
  // It used to end here or to tell of an error, and gets further now: the baseline had the trouble, not the fault's window.
  if (gone !== null && (gone.step.to === END || gone.step.isError)) return null;
  const fresh = heaviest(judged.filter(({ now, before }) => now >= MIN_SHARE && before <= REST_SHARE));
  // The region is where the old way is lost, whether it is lost wholly or in part.
  const lost = gone ?? judged.toSorted((a, b) => a.now - a.before - (b.now - b.before))[0]!;
  const isReplaced = lost.before >= MIN_SHARE && lost.now <= REPLACED_SHARE * lost.before;
  const isCertain = lost.before >= CERTAIN_SHARE;
  const weight =
    Math.max(gone?.weight ?? 0, (fresh?.weight ?? 0) * (isReplaced ? 1 : CODE_PATH_WEIGHTS.onlyNew)) *
    (isCertain ? 1 : CODE_PATH_WEIGHTS.branch);
  if (weight === 0) return null;
  return {
    place: fork.place,
    weight,
    via: fork.via,
    isAtStart: fork.via === "calls" && fork.from.endsWith(START),
    codeRegion: `${fork.from} → ${lost.step.to}`,
    summary: describe(fork, lost, fresh, totals),
  };
}

function louder(a: CodePathChange, b: CodePathChange | undefined): CodePathChange {
  if (b === undefined) return a;
  if (a.via === b.via) return a.weight > b.weight ? a : b;
  const [lines, calls] = a.via === "lines" ? [a, b] : [b, a];
  const weight = Math.max(lines.weight, calls.weight);
  return { ...(lines.weight >= LINES_BEFORE_CALLS * calls.weight ? lines : calls), weight };
}

/** The change that speaks loudest in each service, loudest first. Who looks at many forks finds one that changed by chance: their number is taken off. */
export function findCodePathChanges(rows: readonly CodeStepRow[]): CodePathChange[] {
  const best = new Map<string, CodePathChange>();
  const judged = new Map<string, number>();
  for (const fork of collectForks(rows)) {
    const totals = totalsOf(fork);
    if (totals === null) continue;
    judged.set(fork.place, (judged.get(fork.place) ?? 0) + 1);
    const change = judgeFork(fork, totals);
    if (change !== null) best.set(change.place, louder(change, best.get(change.place)));
  }
  const changes = [...best.values()].map((change) => {
    return { ...change, weight: change.weight - Math.log(judged.get(change.place)!) };
  });
  return changes
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight || (a.place < b.place ? -1 : 1));
}

/** The places whose calls no longer arrive: their code handles that, whatever lies below it. */
function placesOfLostCalls(scene: Scene): ReadonlySet<string> {
  const share = ({ callerCalls, neverArrived }: EdgeSide) => (callerCalls === 0 ? 0 : neverArrived / callerCalls);
  const isLosing = ({ fault, baseline }: EdgeScene) =>
    fault.neverArrived >= MIN_STEPS && share(fault) - share(baseline) >= LOST_SHARE;
  return new Set([...scene.edges.values()].filter(isLosing).map(({ from }) => from));
}

/**
 * Takes from each change what a change below it explains, or calls that get lost: code that calls something which fails or answers otherwise
 * goes another way itself (error handling, early returns), while a callee that is only called less often does not change its ways at all.
 */
export function explainByCallees(changes: readonly CodePathChange[], scene: Scene): CodePathChange[] {
  const below = new Map(changes.map(({ place }) => [place, reachableFrom(scene, [place])]));
  const losing = placesOfLostCalls(scene);
  return changes
    .map((change) => {
      const callees = changes.filter(
        (other) =>
          other !== change && below.get(change.place)!.has(other.place) && !below.get(other.place)!.has(change.place),
      );
      const { most, explained: share } = CODE_PATH_WEIGHTS;
      if (change.isAtStart) return { ...change, weight: Math.min(most, change.weight) };
      const explained = callees.reduce((loudest, callee) => Math.max(loudest, callee.weight), 0);
      const rest = Math.min(most, change.weight - share * Math.min(change.weight, explained));
      return { ...change, weight: losing.has(change.place) ? (1 - share) * rest : rest };
    })
    .toSorted((a, b) => b.weight - a.weight || (a.place < b.place ? -1 : 1));
}

const VOTE = 3;

/** Code paths as a source of evidence. */
export const CODE_PATH: EvidenceSource = {
  name: "code-path",
  collect: async ({ storage, question, scene }) => {
    const requests = [...scene.services.values()].reduce(
      (sum, { fault, baseline }) => sum + fault.requests + baseline.requests,
      0,
    );
    const rows = await readCodeSteps(storage, question.tenant, question.windows, requests);
    return explainByCallees(findCodePathChanges(rows), scene).map((change): Finding => ({
      place: change.place,
      source: "code-path",
      // Code that goes another way is as good an explanation of failures as of time.
      indicator: question.indicator,
      weight: change.weight,
      excess: 0,
      summary: change.summary,
      kinds: { CODE_ERROR: VOTE },
      codeRegion: change.codeRegion,
      ...(change.weight >= CODE_PATH_WEIGHTS.symptom ? { isSymptom: true } : {}),
    }));
  },
};
