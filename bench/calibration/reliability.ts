// How far confidence can be believed: bins of equal mass, Brier score, the share right among confident answers.
// In: confidences with outcomes. Out: a table of bins with bootstrap intervals, scores.
// Bounds: pure; chance is an argument.
import type { Random } from "../ingest/random.ts";

/** One answer's confidence 0..1 and whether it was right. */
export interface Judged {
  readonly confidence: number;
  readonly right: boolean;
}

/** One bin of a reliability table; `low` and `high` bound the share right (95 %, bootstrap). */
export interface Bin {
  readonly answers: number;
  readonly from: number;
  readonly to: number;
  readonly meanConfidence: number;
  readonly shareRight: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The 2.5 % and 97.5 % quantiles of a statistic over resampled answers; null of no answers. */
export function bootstrap<Item>(
  items: readonly Item[],
  statistic: (sample: readonly Item[]) => number,
  random: Random,
): { low: number; high: number } | null {
  if (items.length === 0) return null;
  const values = Array.from({ length: RESAMPLES }, () => statistic(items.map(() => random.pick(items)))).toSorted(
    (a, b) => a - b,
  );
  return { low: values[Math.floor(0.025 * RESAMPLES)]!, high: values[Math.ceil(0.975 * RESAMPLES) - 1]! };
}

const shareRight = (answers: readonly Judged[]) => mean(answers.map((one) => (one.right ? 1 : 0)));

/** Equal-mass bins by confidence, lowest first; fewer where there are fewer answers than bins. */
export function reliability(answers: readonly Judged[], bins: number, random: Random): Bin[] {
  const sorted = answers.toSorted((a, b) => a.confidence - b.confidence);
  const table: Bin[] = [];
  for (let i = 0; i < bins; i++) {
    const members = sorted.slice(Math.round((i * sorted.length) / bins), Math.round(((i + 1) * sorted.length) / bins));
    const interval = bootstrap(members, shareRight, random);
    if (interval === null) continue;
    table.push({
      answers: members.length,
      from: members[0]!.confidence,
      to: members.at(-1)!.confidence,
      meanConfidence: mean(members.map((one) => one.confidence)),
      shareRight: shareRight(members),
      ...interval,
    });
  }
  return table;
}

/** Mean squared distance of confidence and outcome (Brier 1950); null of no answers. */
export function brier(answers: readonly Judged[]): number | null {
  return answers.length === 0 ? null : mean(answers.map((one) => (one.confidence - (one.right ? 1 : 0)) ** 2));
}

/** The Brier score of saying the overall share right every time. */
export function constantBrier(answers: readonly Judged[]): number | null {
  if (answers.length === 0) return null;
  const share = shareRight(answers);
  return share * (1 - share);
}

/** The table for people. */
export function formatBins(table: readonly Bin[]): string {
  const rows = table.map((bin) =>
    [
      `${bin.from.toFixed(2)}-${bin.to.toFixed(2)}`.padEnd(11),
      String(bin.answers).padStart(7),
      bin.meanConfidence.toFixed(3).padStart(15),
      bin.shareRight.toFixed(3).padStart(11),
      `  ${bin.low.toFixed(2)}-${bin.high.toFixed(2)}`,
    ].join(" "),
  );
  return ["confidence  answers mean confidence share right  95 % bootstrap", ...rows].join("\n");
}
