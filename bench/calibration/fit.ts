// Re-fits the weights: one factor a source by which its nats should be multiplied, from cases with a known true place.
// In: the candidates of each case. Out: a proposed factor a source with its standard error, and the cross-validated loss of now and then.
//   Model: P(candidate | case) = softmax over candidates and "elsewhere" (0 nats) of the sum over sources of factor * weight.
// Bounds: pure; gradient ascent on a concave likelihood, pulled towards the factors of today (1) with the strength of a few cases.
import type { CaseLine } from "./cases.ts";

/** What is proposed for one source. */
export interface ProposedFactor {
  readonly source: string;
  /** Cases in which it spoke of any candidate. */
  readonly cases: number;
  readonly factor: number;
  readonly standardError: number;
}

/** The proposal with mean log loss a case, cross-validated: of the factors of today, and of the proposed ones. */
export interface Proposal {
  readonly factors: readonly ProposedFactor[];
  readonly lossNow: number;
  readonly lossFitted: number;
}

interface Choice {
  /** One row a candidate: weight by source; the last row is "elsewhere". */
  readonly rows: readonly (readonly number[])[];
  readonly truth: number;
}

const PULL = 4;
const ROUNDS = 400;
const STEP = 0.05;
const MAX_FACTOR = 3;
const FOLDS = 5;

function choiceOf(line: CaseLine, sources: readonly string[]): Choice {
  const rows = line.candidates.map((candidate) => sources.map((source) => candidate.sources[source] ?? 0));
  const right = line.candidates.findIndex((candidate) => candidate.right);
  return { rows: [...rows, sources.map(() => 0)], truth: right < 0 || line.control ? rows.length : right };
}

function chances({ rows }: Choice, factors: readonly number[]): number[] {
  const scores = rows.map((row) => row.reduce((sum, weight, i) => sum + weight * factors[i]!, 0));
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function fitFactors(choices: readonly Choice[], count: number): number[] {
  const factors = Array.from({ length: count }, () => 1);
  for (let round = 0; round < ROUNDS; round++) {
    const slope = factors.map((factor) => PULL * (factor - 1));
    for (const choice of choices) {
      const p = chances(choice, factors);
      for (let i = 0; i < count; i++) {
        const expected = choice.rows.reduce((sum, row, c) => sum + p[c]! * row[i]!, 0);
        slope[i]! += expected - choice.rows[choice.truth]![i]!;
      }
    }
    const size = 1 + choices.length;
    factors.forEach((factor, i) => {
      factors[i] = Math.max(0, Math.min(MAX_FACTOR, factor - (STEP * slope[i]!) / size ** 0.5));
    });
  }
  return factors;
}

const loss = (choices: readonly Choice[], factors: readonly number[]) =>
  choices.reduce((sum, choice) => sum - Math.log(Math.max(1e-9, chances(choice, factors)[choice.truth]!)), 0);

function errorOf(choices: readonly Choice[], factors: readonly number[], source: number): number {
  // The curvature of the loss along one factor: the variance of its weight under the model.
  const curvature = choices.reduce((sum, choice) => {
    const p = chances(choice, factors);
    const mean = choice.rows.reduce((m, row, c) => m + p[c]! * row[source]!, 0);
    return sum + choice.rows.reduce((v, row, c) => v + p[c]! * (row[source]! - mean) ** 2, 0);
  }, PULL);
  return 1 / Math.sqrt(curvature);
}

/** Proposes factors; null where no case has candidates. */
export function proposeFactors(cases: readonly CaseLine[]): Proposal | null {
  const told = cases.filter((line) => line.candidates.length > 0);
  if (told.length === 0) return null;
  const sources = [...new Set(told.flatMap((line) => line.candidates.flatMap((c) => Object.keys(c.sources))))].sort();
  const choices = told.map((line) => choiceOf(line, sources));
  const factors = fitFactors(choices, sources.length);
  const ones = sources.map(() => 1);
  let lossFitted = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const train = choices.filter((_, i) => i % FOLDS !== fold);
    const held = choices.filter((_, i) => i % FOLDS === fold);
    lossFitted += loss(held, fitFactors(train, sources.length));
  }
  return {
    factors: sources.map((source, i) => ({
      source,
      cases: choices.filter(({ rows }) => rows.some((row) => row[i] !== 0)).length,
      factor: factors[i]!,
      standardError: errorOf(choices, factors, i),
    })),
    lossNow: loss(choices, ones) / choices.length,
    lossFitted: lossFitted / choices.length,
  };
}

/** The proposal as a table for people. */
export function formatProposal({ factors, lossNow, lossFitted }: Proposal): string {
  const width = Math.max(6, ...factors.map(({ source }) => source.length));
  const rows = factors.map(
    (f) =>
      `${f.source.padEnd(width)} ${String(f.cases).padStart(5)} ${f.factor.toFixed(2).padStart(7)} ±${f.standardError.toFixed(2)}`,
  );
  return [
    `${"source".padEnd(width)} cases  factor (1 = as it is)`,
    ...rows,
    `log loss a case: now ${lossNow.toFixed(3)}, with factors fitted on the other folds ${lossFitted.toFixed(3)}`,
  ].join("\n");
}
