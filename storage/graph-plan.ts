// Which sums a range of the graph is read from: whole hours, whole minutes, and 10-second buckets for the rest.
// In: a range, which sums hold (storage/rollups.ts). Out: hours and minutes with their revisions, minutes to read from buckets.
// Every second of the range is in exactly one of the three, as far as anything is kept. Where only a coarser grain is still kept, the range is
// widened to it: half an hour of last month is answered by its hour.
// Bounds: pure but for the reads; one step a minute of the range that no hour holds.
import { BUCKET_SECONDS } from "./buckets.ts";
import type { Storage } from "./client.ts";
import type { BucketRange } from "./graph-reads.ts";

/** A sum that holds: its start (unix seconds) and the revision of its rows. */
export type HoldingSum = readonly [start: number, revision: number];

/** What there is to read from; the bounds are unix seconds, 0 when there is none. */
export interface KeptSums {
  readonly Hours: readonly HoldingSum[];
  readonly Minutes: readonly HoldingSum[];
  readonly FirstBucket: number;
  readonly LastBucket: number;
}

/** How far back the other grains and raw spans go; unix seconds, 0 when there is none. */
export interface KeptSince {
  readonly FirstHour: number;
  readonly FirstMinute: number;
  readonly FirstSpan: number;
}

/** What to read. `open`: minutes (unix seconds) whose buckets inside `range` are read; `range`: as asked, or wider. */
export interface GraphPlan {
  readonly hours: readonly HoldingSum[];
  readonly minutes: readonly HoldingSum[];
  readonly open: readonly number[];
  readonly range: BucketRange;
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3600;

/** Divides a range; `fromBuckets`: only 10-second buckets tell what is asked (instances). */
export function planGraph(range: BucketRange, kept: KeptSums, fromBuckets: boolean): GraphPlan {
  const hourRevisions = new Map(fromBuckets ? [] : kept.Hours);
  const minuteRevisions = new Map(fromBuckets ? [] : kept.Minutes);
  const hours: HoldingSum[] = [];
  const minutes: HoldingSum[] = [];
  const open: number[] = [];
  let { fromSeconds, toSeconds } = range;
  const widen = (from: number, length: number): void => {
    fromSeconds = Math.min(fromSeconds, from);
    toSeconds = Math.max(toSeconds, from + length);
  };
  const isInside = (from: number, length: number): boolean =>
    from >= range.fromSeconds && from + length <= range.toSeconds;
  const hasBuckets = (minute: number): boolean =>
    kept.FirstBucket !== 0 && minute + MINUTE_SECONDS > kept.FirstBucket && minute <= kept.LastBucket;

  for (let hour = floorTo(range.fromSeconds, HOUR_SECONDS); hour < range.toSeconds; hour += HOUR_SECONDS) {
    const hourRevision = hourRevisions.get(hour);
    if (hourRevision !== undefined && isInside(hour, HOUR_SECONDS)) {
      hours.push([hour, hourRevision]);
      continue;
    }
    let isFiner = false;
    const last = Math.min(hour + HOUR_SECONDS, range.toSeconds);
    for (let minute = floorTo(Math.max(hour, range.fromSeconds), MINUTE_SECONDS); minute < last; minute += 60) {
      const revision = minuteRevisions.get(minute);
      const isWhole = isInside(minute, MINUTE_SECONDS);
      if (revision !== undefined && (isWhole || minute < floorTo(kept.FirstBucket, MINUTE_SECONDS))) {
        minutes.push([minute, revision]);
        if (!isWhole) widen(minute, MINUTE_SECONDS);
        isFiner = true;
      } else if (hasBuckets(minute)) {
        open.push(minute);
        isFiner = true;
      }
    }
    if (!isFiner && hourRevision !== undefined) {
      hours.push([hour, hourRevision]);
      widen(hour, HOUR_SECONDS);
    }
  }
  return { hours, minutes, open, range: { fromSeconds, toSeconds } };
}

function floorTo(seconds: number, step: number): number {
  return seconds - (seconds % step);
}

// Reads of one graph begin at the same time and rest on one plan.
const inFlight = new WeakMap<Storage, Map<string, Promise<KeptSums>>>();

/** Reads which sums hold in a range, and which buckets there are; those who ask while another's read is under way share it. */
export function readKeptSums(storage: Storage, range: BucketRange): Promise<KeptSums> {
  const key = `${range.fromSeconds}-${range.toSeconds}`;
  const reads = inFlight.get(storage) ?? new Map<string, Promise<KeptSums>>();
  inFlight.set(storage, reads);
  const known = reads.get(key);
  if (known !== undefined) return known;
  const read = readPlan(storage, range).finally(() => reads.delete(key));
  reads.set(key, read);
  return read;
}

async function readPlan(storage: Storage, range: BucketRange): Promise<KeptSums> {
  const rows = await storage.query<KeptSums>(
    "graph_plan",
    {
      from_s: range.fromSeconds,
      to_s: range.toSeconds,
      whole_from_s: floorTo(range.fromSeconds, HOUR_SECONDS),
      whole_to_s: floorTo(range.toSeconds + HOUR_SECONDS - BUCKET_SECONDS, HOUR_SECONDS),
    },
    { max_execution_time: 5 },
  );
  return rows[0] ?? { Hours: [], Minutes: [], FirstBucket: 0, LastBucket: 0 };
}

/** Reads how far back the other grains and raw spans go. */
export async function readKeptSince(storage: Storage): Promise<KeptSince> {
  const [row] = await storage.query<KeptSince>("graph_kept_since", {}, { max_execution_time: 5 });
  return row ?? { FirstHour: 0, FirstMinute: 0, FirstSpan: 0 };
}

/** The parameters of the statements that read a plan. */
export function planParams(plan: GraphPlan): Record<string, unknown> {
  return {
    hours: tuples(plan.hours),
    minutes: tuples(plan.minutes),
    open: plan.open,
    from_s: plan.range.fromSeconds,
    to_s: plan.range.toSeconds,
  };
}

/** Sums as a parameter of type Array(Tuple(DateTime, UInt64)). */
export function tuples(sums: readonly HoldingSum[]): string {
  return `[${sums.map(([start, revision]) => `(${start},${revision})`).join(",")}]`;
}
