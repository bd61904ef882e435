// The graph benchmark: how true the drawn graph is, what it costs to make and to read, and how soon a call is seen.
// In: how large, which part. Out: figures with the bounds that the product promises.
// Bounds: CPU from the engine's query log, medians of rounds; the true graph is generated, never guessed from what was stored.
import { type Figure, figure } from "../report.ts";
import { measureCost } from "./cost.ts";
import { measureReads, type ReadCost } from "./reads.ts";
import { measureTruth } from "./truth-figures.ts";
import { measureVisible } from "./visible.ts";

/** How large to run: `smoke` only shows that everything works. */
export interface GraphPlan {
  readonly smoke: boolean;
  /** Null: all parts but `large`. */
  readonly part: GraphPart | null;
}

/** What can be run by itself; `large` is the truth of 3,000 services. */
export const GRAPH_PARTS = ["truth", "cost", "reads", "visible", "large"] as const;
export type GraphPart = (typeof GRAPH_PARTS)[number];

const MB = 1e6;
const SIZES = [50, 300, 1_000];
const LARGE = 3_000;
const SMOKE_SERVICES = 12;
/** At 3.7 s from one to the next these fall on every part of the analyzer's cycle. */
const VISIBLE_TRIES = 20;

/** Runs the parts; `tell` gets a line when something is done. */
export async function runGraph(plan: GraphPlan, tell: (line: string) => void): Promise<Record<string, Figure>> {
  const runs = (part: GraphPart): boolean => (plan.part === null ? part !== "large" : plan.part === part);
  const { smoke } = plan;
  const sizes = smoke ? [SMOKE_SERVICES] : [...(runs("truth") ? SIZES : []), ...(runs("large") ? [LARGE] : [])];
  return {
    ...(runs("truth") || runs("large") ? await truthFigures(sizes, smoke, tell) : {}),
    ...(runs("cost") ? await costFigures(smoke, tell) : {}),
    ...(runs("reads") ? await readFigures(smoke, tell) : {}),
    ...(runs("visible") ? await visibleFigures(smoke, tell) : {}),
  };
}

async function truthFigures(
  sizes: readonly number[],
  smoke: boolean,
  tell: (line: string) => void,
): Promise<Record<string, Figure>> {
  const figures: Record<string, Figure> = {};
  for (const services of sizes) {
    const { comparison, edges, spans } = await measureTruth(services, Date.now(), smoke);
    const { precision, recall, worstCount, worstRetryFactor, missing, wrong, miscounted } = comparison;
    const isBounded = !smoke;
    const note = `${edges} edges, ${spans} spans of twice as many; half lost, 30 % late, 5 % twice, shuffled; access logs`;
    figures[`edge_precision_${services}`] = figure(precision, "", isBounded ? ">= 0.99" : null, note);
    figures[`edge_recall_${services}`] = figure(recall, "", isBounded ? ">= 0.99" : null);
    figures[`count_error_${services}`] = figure(
      worstCount,
      "",
      isBounded ? "<= 0.01" : null,
      "worst of calls and failures of every side that access logs tell of",
    );
    figures[`retry_factor_error_${services}`] = figure(
      worstRetryFactor,
      "",
      isBounded ? "<= 0.05" : null,
      "worst of attempts a request, where access logs tell of the caller",
    );
    tell(
      `truth of ${services} services: precision ${precision.toFixed(4)}, recall ${recall.toFixed(4)}, worst count ${(worstCount * 100).toFixed(2)} %`,
    );
    // Some of each: many that are missing must not hide one that is miscounted.
    const some = [miscounted, missing.map((edge) => `missing ${edge}`), wrong.map((edge) => `wrong ${edge}`)];
    for (const line of some.flatMap((lines) => lines.slice(0, 5))) tell(`  ${line}`);
  }
  return figures;
}

async function costFigures(smoke: boolean, tell: (line: string) => void): Promise<Record<string, Figure>> {
  const size = smoke
    ? { requests: 100, spans: 2_000, rounds: 1, warmUps: 0 }
    : { requests: 2_500, spans: 1_000_000, rounds: 5, warmUps: 1 };
  const bound = (text: string): string | null => (smoke ? null : text);
  const dense = await measureCost({ ...size, services: 12 }, tell);
  const per = "CPU s/1M spans";
  const figures = {
    pairing: figure(dense.pairing, per, bound("<= 0.5"), `${dense.spans} spans of 12 services, 5 minutes in one block`),
    pairing_peak: figure(dense.pairingPeakBytes / MB, "MB", bound("<= 150")),
    pairing_floor: figure(
      dense.pairingFloor,
      per,
      null,
      "the same spans by the simplest rules: services' names and sums alone",
    ),
    pairing_of_nothing: figure(
      dense.pairingOfNothing,
      "CPU s",
      null,
      "ten seconds without spans: reading the statement itself",
    ),
    pairing_windows: figure(dense.windows, per, bound("<= 0.7"), "the same minute by minute, with margins"),
    window_differences: figure(
      dense.differences,
      "rows",
      "<= 0",
      "edge rows of the windows that are not those of the whole",
    ),
    view: figure(dense.view, per, bound("<= 0.5"), "the view's part of the insert"),
    all_views: figure(
      dense.allViews,
      per,
      null,
      "all views on spans: edges, arrivals, entities, limits, compatibility",
    ),
    own_time: figure(dense.ownTime, per, bound("<= 1.0"), "exclusive time and origin of failures"),
    own_time_peak: figure(dense.ownTimePeakBytes / MB, "MB", bound("<= 300")),
    proxy_times: figure(dense.proxyTimes, per, null, "time in proxies: every call here passes two"),
    swap: figure(dense.swap, per, null, "staging and replacing of minutes"),
  };
  if (smoke) return figures;
  const wide = await measureCost({ services: 300, requests: 5_000, spans: 500_000, rounds: 3, warmUps: 1 }, tell);
  return {
    ...figures,
    wide_pairing: figure(wide.pairing, per, null, `300 services, ${wide.edgeRows} edge rows of 10 s by instance`),
    wide_pairing_peak: figure(wide.pairingPeakBytes / MB, "MB"),
    wide_own_time: figure(wide.ownTime, per),
    wide_window_differences: figure(wide.differences, "rows", "<= 0"),
  };
}

async function readFigures(smoke: boolean, tell: (line: string) => void): Promise<Record<string, Figure>> {
  const result = await measureReads(smoke ? { edges: 100, rounds: 1 } : { edges: 5_000, rounds: 15 }, tell);
  const bound = (text: string | null): string | null => (smoke ? null : text);
  const read = (
    name: string,
    cost: ReadCost,
    bounds: { readonly cpu: string | null; readonly p95: string | null; readonly eight: string | null },
    note: string,
  ): Record<string, Figure> => ({
    [`${name}_cpu`]: figure(cost.cpuSeconds, "CPU s", bound(bounds.cpu), note),
    [`${name}_p95`]: figure(cost.p95Ms, "ms", bound(bounds.p95), "one reader, rows parsed"),
    [`${name}_p95_of_8`]: figure(cost.p95OfEightMs, "ms", bound(bounds.eight), "eight readers at once"),
  });
  return {
    ...read(
      "quarter_histograms",
      result.histograms,
      { cpu: "<= 0.08", p95: "<= 250", eight: null },
      "15 minutes, 5,000 edges, latency by edge",
    ),
    ...read("quarter_counts", result.counts, { cpu: null, p95: "<= 60", eight: "<= 400" }, "15 minutes, counts"),
    ...read("day_histograms", result.day, { cpu: "<= 0.12", p95: null, eight: null }, "24 hours by hours"),
    row_bytes: figure(result.bytesARow, "B", null, "a row of edge_minutes with two histograms"),
    histogram_bytes: figure(result.bytesAHistogram, "B", bound("<= 25"), "a histogram of 16 calls"),
    answer_engine: figure(result.answerEngineSeconds, "CPU s", null, "all reads of a serviceGraph with latencies"),
    answer_own: figure(result.answerOwnSeconds, "CPU s", null, "parsing and folding of them in the API's process"),
  };
}

async function visibleFigures(smoke: boolean, tell: (line: string) => void): Promise<Record<string, Figure>> {
  const seen = smoke ? await measureVisible(1, 1) : await measureVisible(VISIBLE_TRIES, null);
  const seconds = seen.map((ms) => ms / 1_000).sort((a, b) => a - b);
  tell(`a call is an edge after ${seconds.map((s) => s.toFixed(1)).join(", ")} s`);
  const at = (share: number): number => seconds[Math.ceil(share * seconds.length) - 1] ?? Number.NaN;
  const note = smoke ? "one try, cycles of a second" : `${VISIBLE_TRIES} tries, default settings`;
  return {
    seconds_to_visible: figure(at(1), "s", smoke ? null : "<= 15", `slowest of ${note}`),
    seconds_to_visible_p95: figure(at(0.95), "s"),
    seconds_to_visible_median: figure(at(0.5), "s"),
  };
}
