// How complete the graph of a range is: how much of it is analysed, from which sources, and who has fallen silent.
// In: a request, the clock. Out: one GraphCoverage.
// Bounds: six small statements; clusters are looked for in the range and the hour before it.
import { BUCKET_SECONDS } from "./buckets.ts";
import type { Storage } from "./client.ts";
import { type KeptSince, planGraph, planParams, readKeptSince, readKeptSums } from "./graph-plan.ts";
import type { BucketRange, GraphCoverage, GraphRequest, GraphSource } from "./graph-reads.ts";
import { GRAPH_READ_SETTINGS } from "./graph-table.ts";

interface AnalyzedRow {
  readonly FirstAnalyzed: number;
  readonly LastAnalyzed: number;
  readonly ReachedMs: number;
  readonly Missing: number[];
  readonly OutdatedCount: number;
}

interface HeardRow {
  readonly Cluster: string;
  readonly LastHeard: number;
}

interface SourceRow {
  readonly Name: GraphSource;
  readonly Seconds: number;
}

const HOUR_SECONDS = 3600;
// A cluster that was heard is silent when its data end this much before the range.
const SILENT_SECONDS = 60;
// The newest data are looked for in buckets, those of the last hours in minutes, older ones in hours.
const HEARD_BUCKETS_SECONDS = 900;
const HEARD_MINUTES_SECONDS = 2 * HOUR_SECONDS;

/** How much of a request's range is analysed at `nowSeconds`, by whom, and what may be missing. */
export async function readGraphCoverage(
  storage: Storage,
  request: GraphRequest,
  nowSeconds: number,
): Promise<GraphCoverage> {
  const { tenant, range, knownAtMs, detail } = request;
  const { fromSeconds: from_s, toSeconds } = range;
  const read = <Row>(name: string, params: Record<string, unknown>): Promise<Row[]> =>
    storage.query<Row>(name, { tenant, ...params }, GRAPH_READ_SETTINGS);
  const [kept, since] = await Promise.all([readKeptSums(storage, range), readKeptSince(storage)]);
  const plan = planGraph(range, kept, detail === "INSTANCE" || knownAtMs !== null);
  const [analyzed, silent, sources] = await Promise.all([
    read<AnalyzedRow>("graph_coverage", { from_s, to_s: toSeconds }),
    readSilent(read, range, since, nowSeconds),
    read<SourceRow>("graph_sources", planParams(plan)),
  ]);
  const marks = analyzed[0] ?? { FirstAnalyzed: 0, LastAnalyzed: 0, ReachedMs: 0, Missing: [], OutdatedCount: 0 };
  const { FirstAnalyzed, LastAnalyzed, Missing, OutdatedCount } = marks;
  const isOlder = LastAnalyzed !== 0 && plan.range.fromSeconds < FirstAnalyzed;
  const [first] = isOlder ? await read<{ FirstHour: number }>("graph_first_hour", {}) : [];
  const firstHour = first?.FirstHour ?? 0;
  const begin = firstHour === 0 ? FirstAnalyzed : Math.min(firstHour, FirstAnalyzed);
  const grains = detail === "INSTANCE" ? [] : [since.FirstMinute, since.FirstHour];
  const firsts = knownAtMs === null ? [kept.FirstBucket, ...grains] : [since.FirstSpan];
  return {
    FirstAnalyzed,
    LastAnalyzed,
    Missing,
    OutdatedCount,
    CoveredSeconds: coveredSeconds(plan.range, begin, reachOf(marks, nowSeconds), Missing),
    Silent: silent,
    BySource: sources.map(({ Name, Seconds }) => ({ source: Name, seconds: Seconds })),
    Grain: plan.hours.length > 0 ? "hours" : plan.minutes.length > 0 ? "minutes" : "buckets",
    FirstAvailable:
      Math.min(...firsts.filter((seconds) => seconds > 0), Number.MAX_SAFE_INTEGER) % Number.MAX_SAFE_INTEGER,
  };
}

// Almost always every cluster was just heard; only where one was not, it is looked for further back.
async function readSilent(
  read: <Row>(name: string, params: Record<string, unknown>) => Promise<Row[]>,
  range: BucketRange,
  kept: KeptSince,
  nowSeconds: number,
): Promise<GraphCoverage["Silent"]> {
  const to_s = range.toSeconds;
  const end = Math.min(to_s, Math.floor(nowSeconds));
  const since_s = Math.max(0, range.fromSeconds - HOUR_SECONDS);
  const lately = end - SILENT_SECONDS - BUCKET_SECONDS;
  const [clusters, justHeard] = await Promise.all([
    read<{ Cluster: string }>("graph_clusters", { since_s }),
    read<HeardRow>("graph_heard", { since_s: 0, hours_to_s: 0, minutes_s: lately, buckets_s: lately, to_s }),
  ]);
  const isHeard = ({ LastHeard }: HeardRow): boolean => LastHeard + SILENT_SECONDS >= end;
  const names = new Set(justHeard.filter(isHeard).map(({ Cluster }) => Cluster));
  if (clusters.every(({ Cluster }) => names.has(Cluster))) return [];
  const minutes_s = Math.max(since_s, end - HEARD_MINUTES_SECONDS);
  const hasMinutes = kept.FirstMinute !== 0 && kept.FirstMinute <= end;
  const heard = await read<HeardRow>("graph_heard", {
    since_s,
    hours_to_s: hasMinutes ? minutes_s : to_s,
    minutes_s,
    buckets_s: Math.max(since_s, end - HEARD_BUCKETS_SECONDS),
    to_s,
  });
  return heard
    .filter((row) => !isHeard(row))
    .map(({ Cluster, LastHeard }) => ({ cluster: Cluster, lastSeen: LastHeard }));
}

// Where the graph ends: with the newest span while its bucket may still grow, else with the bucket.
function reachOf({ LastAnalyzed, ReachedMs }: AnalyzedRow, nowSeconds: number): number {
  const bucketEnd = LastAnalyzed + BUCKET_SECONDS;
  const isOpen = nowSeconds < bucketEnd + SILENT_SECONDS && ReachedMs > 0;
  return isOpen ? Math.min(bucketEnd, Math.ceil(ReachedMs / 1000)) : bucketEnd;
}

function coveredSeconds(range: BucketRange, begin: number, reach: number, missing: readonly number[]): number {
  if (begin === 0) return 0;
  const from = Math.max(range.fromSeconds, begin);
  const to = Math.min(range.toSeconds, reach);
  const absent = missing.filter((bucket) => bucket >= from && bucket < to).length;
  return Math.max(0, to - from - absent * BUCKET_SECONDS);
}
