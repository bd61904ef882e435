// Instances near a limit, behind their queue, or started again and again.
// In: levels of the platform and of brokers just before a bucket. Out: SATURATION anomalies with a p-value.
// Bounds: pure. A level only accompanies harm: a busy instance that answers in time is none. A container that keeps restarting is a fault
//   by itself, of low impact where retries hide it: two restarts in five minutes, the last one just now.
import { makeEntity } from "../model/entity.ts";
import type { SaturationRow } from "../storage/saturation.ts";
import type { Anomaly } from "./detect.ts";
import { nodeKey } from "./history.ts";
import { witnessKey } from "./witness.ts";

/** Levels that are read; a share of a limit (0..1), or a backlog (messages). */
export const LEVEL_METRICS: Readonly<Record<string, "share" | "backlog">> = {
  "k8s.pod.cpu_limit_utilization": "share",
  "k8s.container.cpu_limit_utilization": "share",
  "k8s.pod.memory_limit_utilization": "share",
  "k8s.container.memory_limit_utilization": "share",
  "messaging.queue.depth": "backlog",
  "kafka.consumer_group.lag": "backlog",
  kafka_consumergroup_lag: "backlog",
  "rabbitmq.message.current": "backlog",
};

const RESTARTS = "k8s.container.restarts";

/** Limits of the detector. */
export const SATURATION_LIMITS = {
  /** From this share of its limit an instance is saturated. */
  share: 0.9,
  minShareRise: 0.1,
  minBacklog: 50,
  minBacklogRatio: 3,
  minPoints: 6,
  /** Restarts in five minutes that make a crash loop, and the chance of one restart in five minutes in a healthy container. */
  crashRestarts: 2,
  restartChance: 1e-4,
} as const;

/** log10 of the upper tail of a robust z-score, by Chebyshev-like tails of Student's t with six degrees of freedom (levels have heavy tails). */
function levelTailLog10(z: number): number {
  return z <= 0 ? 0 : (-3.5 * Math.log1p((z * z) / 6)) / Math.LN10;
}

/** log10 of P(so many restarts) where each is rare and independent. */
export function restartTailLog10(restarts: number): number {
  let factorial = 0;
  for (let i = 2; i <= restarts; i++) factorial += Math.log10(i);
  return restarts * Math.log10(SATURATION_LIMITS.restartChance) - factorial;
}

function place(row: SaturationRow, bucket: number) {
  const node = nodeKey("service", row.cluster, row.namespace, row.service);
  const { cluster, namespace, service, version, instance } = row;
  return {
    seriesKey: `instance ${node} ${instance} ${row.metric} ${row.container}`,
    entity: makeEntity("INSTANCE", { cluster, namespace, service, version, instance }),
    from: node,
    to: node,
    bucket,
    indicator: "SATURATION" as const,
    quantile: null,
    calls: 1,
    excessCalls: 0,
  };
}

function judgeLevel(row: SaturationRow, bucket: number): Anomaly | null {
  const { now, usual, low, high, points } = row;
  const kind = LEVEL_METRICS[row.metric];
  if (kind === undefined || points < SATURATION_LIMITS.minPoints || !Number.isFinite(now)) return null;
  const isHigh =
    kind === "share"
      ? now >= SATURATION_LIMITS.share && now - usual >= SATURATION_LIMITS.minShareRise
      : now >= SATURATION_LIMITS.minBacklog && now >= SATURATION_LIMITS.minBacklogRatio * usual;
  if (!isHigh) return null;
  const floor = kind === "share" ? 0.03 : Math.max(5, 0.25 * usual);
  const log10P = levelTailLog10((now - usual) / Math.max(floor, (high - low) / 1.349));
  const unit = kind === "share" ? ("ratio" as const) : ("messages" as const);
  return { ...place(row, bucket), log10P, observed: now, expected: usual, unit, metric: row.metric, opensAfter: null };
}

function judgeRestarts(row: SaturationRow, bucket: number): Anomaly | null {
  const { restarts, last } = row;
  if (last < 1 || restarts < SATURATION_LIMITS.crashRestarts) return null;
  const found = { log10P: restartTailLog10(restarts), observed: restarts, expected: 0, unit: "restarts" as const };
  return { ...place(row, bucket), ...found, metric: row.metric, opensAfter: 1, windowSeconds: 300 };
}

/** SATURATION anomalies of a bucket, and what was clean in it (by witnessKey); instances that no span names are left out. */
export function detectSaturation(
  rows: readonly SaturationRow[],
  bucket: number,
): { anomalies: Anomaly[]; judged: Set<string>; tests: number } {
  const anomalies: Anomaly[] = [];
  const judged = new Set<string>();
  for (const row of rows) {
    if (row.service === "") continue;
    const found = row.metric === RESTARTS ? judgeRestarts(row, bucket) : judgeLevel(row, bucket);
    if (found === null) judged.add(witnessKey(place(row, bucket)));
    else anomalies.push(found);
  }
  return { anomalies, judged, tests: rows.length };
}
