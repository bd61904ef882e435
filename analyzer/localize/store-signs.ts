// Databases, caches and queues: do they say of themselves that they are blocked, short of something, or falling behind?
// In: the scene, their own figures in both windows. Out: findings on the store, or on the consumers of a queue that grows.
// Bounds: pure; a store is matched to a node of the graph by any of its names; what no caller waits for is no finding.
import type { FaultKind, Indicator } from "../../model/localization.ts";
import type { StoreMetricRow } from "../../storage/store-metrics.ts";
import { logit } from "../statistics.ts";
import { virtualRise } from "./exclusive-time.ts";
import type { Finding } from "./finding.ts";
import type { EdgeScene, Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

// What speaks for trouble: a figure that rose to so many times what it was and by at least so much.
const RULES: readonly { metric: RegExp; ratio: number; least: number; what: string; kind: FaultKind }[] = [
  {
    metric: /waiting_on_lock$|row_locks$|lock\.acquire\.wait_count$/,
    ratio: 2,
    least: 0.5,
    what: "sessions wait for locks",
    kind: "DEPENDENCY",
  },
  { metric: /deadlocks$/, ratio: 2, least: 0.02, what: "deadlocks a second", kind: "DEPENDENCY" },
  { metric: /backends\.active$|mysql\.threads$/, ratio: 3, least: 3, what: "sessions are busy", kind: "DEPENDENCY" },
  { metric: /clients\.blocked$/, ratio: 3, least: 3, what: "clients are blocked", kind: "DEPENDENCY" },
  { metric: /scrape\.duration$/, ratio: 5, least: 0.02, what: "seconds to answer its own probe", kind: "DEPENDENCY" },
  { metric: /keys\.evicted$/, ratio: 3, least: 1, what: "keys evicted a second", kind: "DEPENDENCY" },
];
const QUEUE = /queue\.depth$|consumer_group\.lag$|message\.current$/;
const QUEUE_RATIO = 3;
const QUEUE_LEAST = 20;

// Callers say `postgresql:postgres`, or the first label of a DNS name in its namespace.
function shortName(name: string): string {
  const bare = name.slice(name.indexOf(":") + 1);
  return /^\d+(\.\d+){3}$/.test(bare) ? bare : (bare.split(".")[0] ?? bare);
}

/** True where a node of the graph goes by one of the names, as a whole or as its first label; a pod of the node counts. */
export function isCalled(node: string, names: readonly string[]): boolean {
  const short = shortName(node);
  return names.some((name) => name === node || shortName(name) === short || name.replace(/-\d+$/, "") === short);
}

interface Compared {
  readonly now: StoreMetricRow;
  readonly before: StoreMetricRow | undefined;
}

function compare(rows: readonly StoreMetricRow[]): Compared[] {
  const keyOf = (row: StoreMetricRow) => JSON.stringify([row.cluster, row.names, row.metric, row.destination]);
  const before = new Map(rows.filter((row) => row.side === 0).map((row) => [keyOf(row), row]));
  return rows.filter((row) => row.side === 1).map((now) => ({ now, before: before.get(keyOf(now)) }));
}

const valueOf = (row: StoreMetricRow | undefined) => (row === undefined ? 0 : Math.max(row.average, row.per_second));

/** More than any share of its callers' time could weigh: who says of itself that it is blocked, is, whoever waits for it. */
function weightOf(waiting: readonly EdgeScene[]): number {
  const isOneCaller = waiting.length === 1;
  return isOneCaller ? WEIGHTS.ownMetric + WEIGHTS.share * logit(1) + WEIGHTS.significant : WEIGHTS.ownMetric;
}

function storeFindings(callers: readonly EdgeScene[], { now, before }: Compared, indicator: Indicator): Finding[] {
  const rule = RULES.find(({ metric }) => metric.test(now.metric));
  if (rule === undefined || before === undefined) return [];
  // A counter's level is its past; only what it adds counts.
  const isCounter = now.per_second > 0 || before.per_second > 0;
  const [value, usual] = isCounter ? [now.per_second, before.per_second] : [now.average, before.average];
  if (value < rule.ratio * usual || value - usual < rule.least) return [];
  const places = new Set(callers.filter((edge) => isCalled(edge.target.service, now.names)).map((edge) => edge.to));
  return [...places].map((place) => ({
    place,
    source: "store",
    indicator,
    weight: weightOf(callers.filter((edge) => edge.to === place && virtualRise(edge) > 0)),
    excess: 0,
    summary: `${now.names[0] ?? "it"} says of itself: ${value.toPrecision(2)} ${rule.what}, before ${usual.toPrecision(2)} (${now.metric})`,
    kinds: { [rule.kind]: 4 },
  }));
}

/** A queue that grows: whoever takes from it falls behind. */
function queueFindings(scene: Scene, { now, before }: Compared, indicator: Indicator): Finding[] {
  if (!QUEUE.test(now.metric) || before === undefined) return [];
  if (now.most < QUEUE_RATIO * before.most || now.most - before.most < QUEUE_LEAST) return [];
  const consumers = [...scene.edges.values()].filter(
    (edge) => edge.from.startsWith("messaging|") && isCalled(edge.entity.service, [now.destination, ...now.names]),
  );
  const told = [...scene.services.values()].filter((service) => now.names.includes(service.entity.service));
  const places = new Set(consumers.length > 0 ? consumers.map((edge) => edge.to) : told.map((service) => service.key));
  return [...places].map((place) => ({
    place,
    source: "queue",
    indicator,
    weight: valueOf(now) > 0 ? WEIGHTS.ownMetric : 0,
    excess: 0,
    summary: `the queue ${now.destination || now.names[0] || ""} that it takes from grew to ${now.most.toFixed(0)}, before ${before.most.toFixed(0)} at the most`,
    kinds: {},
  }));
}

/** What stores and queues say of themselves. */
export function findStoreSigns(scene: Scene, rows: readonly StoreMetricRow[], indicator: Indicator): Finding[] {
  const callers = [...scene.edges.values()].filter((edge) => edge.virtual);
  return compare(rows).flatMap((pair) => [
    ...storeFindings(callers, pair, indicator),
    ...queueFindings(scene, pair, indicator),
  ]);
}
