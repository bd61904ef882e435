// The calibration benchmark: how far the confidence of answers can be believed, and what the map and the weights should be.
// In: case lines of other benchmarks. Out: a reliability table, Brier scores, the share right among confident answers; with `fit` the
//   proposed map and factors. Every figure is cross-validated: an answer is judged by the map fitted without its fold.
// Bounds: pure but for `tell`; a seeded source of chance, so that a run repeats.
import { calibrate, rawLogit, uncalibrate } from "../../analyzer/localize/calibrate.ts";
import { CALIBRATION } from "../../analyzer/localize/weights.ts";
import { createRandom } from "../ingest/random.ts";
import { type Figure, figure } from "../report.ts";
import { answersOf, type Answered, readCases } from "./cases.ts";
import { formatProposal, proposeFactors } from "./fit.ts";
import { applyMap, crossValidate, fitPlatt, type Outcome } from "./platt.ts";
import { brier, constantBrier, formatBins, type Judged, reliability } from "./reliability.ts";

const BINS = 4;
const FOLDS = 5;
const CONFIDENT = 0.8;
const SEED = 20_261_123;

/** What to do; `text` is JSONL. */
export interface CalibrationOptions {
  readonly text: string;
  readonly fit: boolean;
  readonly tell: (line: string) => void;
}

function confidentShare(judged: readonly Judged[]): { share: number | null; note: string } {
  const confident = judged.filter((one) => one.confidence >= CONFIDENT);
  const right = confident.filter((one) => one.right).length;
  return { share: confident.length === 0 ? null : right / confident.length, note: `${right} of ${confident.length}` };
}

function judge(answers: readonly Answered[], confidences: readonly number[]): Judged[] {
  return answers.map(({ right }, i) => ({ right, confidence: confidences[i]! }));
}

/** Judges the case lines; null where none of them holds an answer. */
export function runCalibration({ text, fit, tell }: CalibrationOptions): Record<string, Figure> | null {
  const { cases, unreadable } = readCases(text);
  const answers = answersOf(cases);
  if (answers.length === 0) return null;
  const outcomes: Outcome[] = answers.map(({ confidence, right }) => ({ logit: uncalibrate(confidence), right }));
  // Neighbouring lines are alike (one data set, one service): folds take every fifth.
  const validated = judge(
    answers,
    crossValidate(outcomes, (i) => i % FOLDS),
  );
  const groups = [...new Set(answers.map((one) => one.group))];
  const acrossSets = judge(
    answers,
    crossValidate(outcomes, (i) => groups.indexOf(answers[i]!.group)),
  );
  const shown = answers.map(({ right, confidence }) => ({ right, confidence }));
  const random = createRandom(SEED);
  tell("cross-validated over folds of cases:");
  tell(formatBins(reliability(validated, BINS, random)));
  tell("as shown by the engine:");
  tell(formatBins(reliability(shown, BINS, random)));
  if (fit) {
    const map = fitPlatt(outcomes);
    tell(
      `proposed map: slope ${map.slope.toFixed(3)}, intercept ${map.intercept.toFixed(3)} (now ${CALIBRATION.slope}, ${CALIBRATION.intercept})`,
    );
    for (const p of [0.5, 0.7, 0.9, 0.97, 0.99]) {
      tell(`  raw ${p} → ${applyMap(map, rawLogit(p)).toFixed(3)} (now ${calibrate(p).toFixed(3)})`);
    }
    const proposal = proposeFactors(cases);
    tell(proposal === null ? "no case line has candidates: no factors proposed" : formatProposal(proposal));
  }
  const constant = constantBrier(answers);
  const better = (score: number | null, than: number | null) =>
    score === null || than === null || than === 0 ? null : 1 - score / than;
  // An abstention claims nothing: a confidence of 0 that is right to name nobody, on a fault as on a quiet window.
  const abstained = cases.filter((one) => one.confidence === null).map((): Judged => ({ confidence: 0, right: false }));
  const allCases = [...validated, ...abstained];
  const constantOfAll = constantBrier(allCases);
  const scoreOfAll = brier(allCases);
  const confident = confidentShare(validated);
  const confidentShown = confidentShare(shown);
  return {
    cases: figure(cases.length, "cases", null, unreadable === 0 ? "" : `${unreadable} lines are no cases`),
    answers: figure(answers.length, "answers", null, `${groups.length} sets; the others abstained`),
    right_when_confident: figure(confident.share, "share", ">= 0.95", `${confident.note}, confidence ≥ ${CONFIDENT}`),
    right_when_shown_confident: figure(confidentShown.share, "share", null, confidentShown.note),
    brier: figure(brier(validated), "", null, "cross-validated"),
    brier_of_constant: figure(constant, ""),
    brier_better_than_constant: figure(better(brier(validated), constant), "share", ">= 0.3", "answers alone"),
    brier_of_all_cases: figure(scoreOfAll, "", null, "cross-validated; an abstention is a confidence of 0"),
    brier_of_all_cases_better_than_constant: figure(
      better(scoreOfAll, constantOfAll),
      "share",
      null,
      "mostly quiet windows: easy",
    ),
    brier_across_sets: figure(brier(acrossSets), "", null, "each set by a map fitted on the other sets"),
    brier_as_shown: figure(brier(shown), ""),
  };
}
