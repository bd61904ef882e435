// Objectives of services, and how fast their error budgets burn: multi-window burn rates, each minute of event time.
// In: objectives and what their services did in 5 min, 30 min, 1 h and 6 h. Out: burn rates (a gauge too), and anomalies where both windows
//   of a rule burn: 14.4 times over 1 h and 5 min, 6 times over 6 h and 30 min.
// Bounds: pure but for the gauge; an objective counts for every service of its name that it does not exclude. Source: The Site Reliability
//   Workbook, chapter 5 (2 % of a 30-day budget in an hour, 5 % in six); a window shorter than its name counts as far as it is filled.
import { metrics } from "@opentelemetry/api";
import { makeEntity } from "../model/entity.ts";
import { bucketOf, tailAbove } from "../model/histogram.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { SloWindowRow } from "../storage/slo-windows.ts";
import type { Anomaly } from "./detect.ts";
import { nodeKey } from "./history.ts";
import { effectiveSize, upperTailLog10 } from "./statistics.ts";

/** What is promised of a service; `objective` is a ratio (0..1) of its requests: not failed, or within `thresholdMs`. */
export interface Objective {
  readonly name: string;
  readonly service: string;
  readonly namespace?: string;
  readonly cluster?: string;
  readonly indicator: "availability" | "latency";
  readonly objective: number;
  /** For latency: a request that takes longer does not count as good; exact to the histogram's 14 %. */
  readonly thresholdMs?: number;
}

/** Both windows of a rule must burn the budget so many times faster than it lasts. */
export const BURN_RULES = [
  { longSeconds: 3600, shortSeconds: 300, rate: 14.4 },
  { longSeconds: 21_600, shortSeconds: 1800, rate: 6 },
] as const;
/** Requests of the short window below which nothing is said: one failure of five is no burning budget. */
export const MIN_SLO_REQUESTS = 30;
// Requests of hours share less of their conditions than those of a bucket.
const ALIKENESS = 0.0005;

/** One objective of one service over one window. */
export interface BurnRate {
  readonly objective: Objective;
  readonly cluster: string;
  readonly namespace: string;
  readonly windowSeconds: number;
  readonly requests: number;
  readonly bad: number;
  /** How many times faster than allowed the budget is spent. */
  readonly rate: number;
}

/** True at the end of a minute: then the burn rates are worked out. */
export function isSloDue(bucket: number): boolean {
  return (bucket + BUCKET_SECONDS) % 60 === 0;
}

function badOf(row: SloWindowRow, objective: Objective): number {
  if (objective.indicator === "availability") return row.failed;
  return tailAbove(row.hist, bucketOf((objective.thresholdMs ?? 0) * 1e6));
}

/** Burn rates of every objective, service and window. */
export function burnRates(objectives: readonly Objective[], rows: readonly SloWindowRow[]): BurnRate[] {
  return objectives.flatMap((objective) =>
    rows
      .filter(
        (row) =>
          row.service === objective.service &&
          (objective.namespace === undefined || row.namespace === objective.namespace) &&
          (objective.cluster === undefined || row.cluster === objective.cluster) &&
          row.requests > 0,
      )
      .map((row): BurnRate => {
        const { cluster, namespace, window_seconds: windowSeconds, requests } = row;
        const bad = badOf(row, objective);
        const rate = bad / requests / (1 - objective.objective);
        return { objective, cluster, namespace, windowSeconds, requests, bad, rate };
      }),
  );
}

/** Anomalies of the budgets that burn at `bucket`, and which objectives were judged (by witnessKey). */
export function detectBurns(rates: readonly BurnRate[], bucket: number): { anomalies: Anomaly[]; judged: Set<string> } {
  const anomalies: Anomaly[] = [];
  const judged = new Set<string>();
  const keyOf = ({ objective, cluster, namespace }: BurnRate) =>
    `slo ${objective.name} ${cluster}|${namespace}|${objective.service}`;
  for (const key of new Set(rates.map(keyOf))) {
    const mine = rates.filter((one) => keyOf(one) === key);
    judged.add(key);
    const at = (seconds: number) => mine.find((one) => one.windowSeconds === seconds);
    const burning = BURN_RULES.flatMap(({ longSeconds, shortSeconds, rate }) => {
      const [long, short] = [at(longSeconds), at(shortSeconds)];
      const burns =
        long !== undefined &&
        short !== undefined &&
        short.requests >= MIN_SLO_REQUESTS &&
        long.rate >= rate &&
        short.rate >= rate;
      return burns ? [long] : [];
    });
    const worst = burning.toSorted((a, b) => b.rate - a.rate)[0];
    if (worst === undefined) continue;
    const { objective, cluster, namespace, requests, bad, rate, windowSeconds } = worst;
    const { service } = objective;
    const node = nodeKey("service", cluster, namespace, service);
    const size = effectiveSize(requests, ALIKENESS);
    anomalies.push({
      seriesKey: key,
      entity: makeEntity("SERVICE", { cluster, namespace, service }),
      from: node,
      to: node,
      bucket,
      indicator: objective.indicator === "availability" ? "ERRORS" : "LATENCY",
      log10P: upperTailLog10((bad / requests) * size, size, 1 - objective.objective),
      observed: bad / requests,
      expected: 1 - objective.objective,
      unit: "ratio",
      quantile: null,
      calls: requests,
      excessCalls: bad - (1 - objective.objective) * requests,
      windowSeconds,
      opensAfter: 1,
      objective: { name: objective.name, burnRate: rate },
    });
  }
  return { anomalies, judged };
}

let gauge: ReturnType<ReturnType<typeof metrics.getMeter>["createGauge"]> | undefined;

/** Exposes the burn rates as the gauge `faultline.slo.burn_rate` by tenant, objective, service and window. */
export function recordBurnRates(tenant: string, rates: readonly BurnRate[]): void {
  gauge ??= metrics.getMeter("faultline").createGauge("faultline.slo.burn_rate", {
    description: "How many times faster than allowed the error budget of an objective is spent",
  });
  for (const { objective, cluster, namespace, windowSeconds, rate } of rates) {
    const { name, service } = objective;
    gauge.record(rate, { tenant, slo: name, cluster, namespace, service, window_seconds: String(windowSeconds) });
  }
}
