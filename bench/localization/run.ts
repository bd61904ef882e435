// The localization benchmark: public data sets, imported as telemetry, explained by the engine that users get.
// In: a folder of data sets in their original formats. Out: strict ranks, shares with intervals beside published ones, one line a case.
// Bounds: the labels are read by the scorer alone; a folder without data sets gives null.
import { type Figure, figure } from "../report.ts";
import type { LocalizationCase, PublishedResult, RunOptions } from "./case.ts";
import { type DataSet, findDataSets } from "./data-sets.ts";
import { runNezha } from "./nezha-run.ts";
import { runPetshop } from "./petshop-run.ts";
import { NEZHA_PUBLISHED, nezhaApplication, PETSHOP_PUBLISHED } from "./published.ts";
import { recallAt } from "./score.ts";

const RANKS = [1, 3, 5] as const;

/** What to run; `set` null: all that the folder holds. */
export interface LocalizationOptions extends RunOptions {
  readonly dataDir: string;
  readonly set: string | null;
}

const percentage = (share: number | null) => (share === null ? "-" : (share * 100).toFixed(1));

function publishedNote(published: readonly PublishedResult[], index: number): string {
  return published.map(({ who, at }) => `${who} ${percentage(at[index] ?? null)}`).join(", ");
}

function sharesOf(
  ranks: readonly (number | null)[],
  name: string,
  published: readonly PublishedResult[],
): Record<string, Figure> {
  return Object.fromEntries(
    RANKS.map((k, index) => {
      const { hits, total, low, high } = recallAt(ranks, k);
      const interval = `${hits} of ${total}, 95 % interval ${percentage(low)}-${percentage(high)}`;
      const beside = publishedNote(published, index);
      const note = beside === "" ? interval : `${interval}; published: ${beside}`;
      return [`${name}_at_${k}`, figure(total === 0 ? null : (hits / total) * 100, "%", null, note)];
    }),
  );
}

/** The figures of cases that are scored together. */
export function figuresOf(
  group: string,
  cases: readonly LocalizationCase[],
  published: readonly PublishedResult[],
): Record<string, Figure> {
  const name = group.replaceAll(/[^A-Za-z0-9]+/g, "_");
  const faults = cases.filter((one) => !one.control);
  const controls = cases.filter((one) => one.control);
  const inner = faults.filter((one) => one.hasInner).map((one) => one.innerRank);
  const judged = faults.filter((one) => one.kindRight !== null);
  const times = cases.map((one) => one.seconds).toSorted((a, b) => a - b);
  const isQuiet = (one: LocalizationCase) => one.falseIncidents === 0;
  return {
    ...(faults.length === 0
      ? {}
      : sharesOf(
          faults.map((one) => one.rank),
          `${name}_service`,
          published,
        )),
    ...(inner.length === 0 ? {} : sharesOf(inner, `${name}_inner`, [])),
    ...(judged.length === 0
      ? {}
      : {
          [`${name}_kind_right`]: figure(
            judged.filter((one) => one.kindRight === true).length,
            "cases",
            null,
            `of ${judged.length}`,
          ),
        }),
    ...(controls.length === 0
      ? {}
      : {
          [`${name}_specificity`]: figure(
            (controls.filter(isQuiet).length / controls.length) * 100,
            "%",
            null,
            `of ${controls.length} windows without a fault`,
          ),
        }),
    [`${name}_seconds_a_case`]: figure(
      times[Math.floor(times.length / 2)] ?? null,
      "s",
      null,
      `slowest ${(times.at(-1) ?? 0).toFixed(2)} s`,
    ),
  };
}

function runSet(set: DataSet, options: RunOptions): Promise<LocalizationCase[]> {
  return set.format === "nezha" ? runNezha(set.folder, set.name, options) : runPetshop(set.folder, set.name, options);
}

function publishedFor(set: DataSet, group: string, cases: readonly LocalizationCase[]): readonly PublishedResult[] {
  if (set.format === "nezha") return NEZHA_PUBLISHED[nezhaApplication(cases.map((one) => one.truth))];
  return PETSHOP_PUBLISHED[group.slice(set.name.length + 1)] ?? [];
}

/** Runs the data sets below `dataDir`; `tell` gets one JSON line a case. Null when there is none (of that name). */
export async function runLocalization(
  options: LocalizationOptions,
): Promise<{ figures: Record<string, Figure>; cases: LocalizationCase[]; sets: string[] } | null> {
  const sets = findDataSets(options.dataDir).filter(({ name }) => options.set === null || name === options.set);
  const figures: Record<string, Figure> = {};
  const cases: LocalizationCase[] = [];
  for (const set of sets) {
    const results = await runSet(set, options);
    cases.push(...results);
    for (const group of new Set(results.map((one) => one.group))) {
      const together = results.filter((one) => one.group === group);
      Object.assign(figures, figuresOf(group, together, publishedFor(set, group, together)));
    }
  }
  return sets.length === 0 ? null : { figures, cases, sets: sets.map(({ name }) => name) };
}
