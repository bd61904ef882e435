// Which buckets are due: complete by event time, and not yet analysed from all the rows that have arrived.
// In: arrivals against what was analysed, the clock. Out: ranges to pair anew, and from where to analyse again.
// Bounds: pure. A bucket is complete when the newest span is `graceSeconds` past its end; the wall clock only caps that (a span
//   from the future proves nothing), so a recording replayed at any speed is cut into the same buckets as live traffic.
import { type ArrivalRow, BUCKET_SECONDS } from "../storage/buckets.ts";

/** A half-open range of bucket starts, unix seconds. */
export interface BucketRange {
  readonly from: number;
  readonly to: number;
}

/** What is due. */
export interface Plan {
  /** Ranges whose edges are computed anew, ascending, at most `maxBuckets` long. */
  readonly recompute: readonly BucketRange[];
  /** By tenant: the first bucket to analyse (again) and the end (exclusive) of what is complete. */
  readonly analyze: ReadonlyMap<string, BucketRange>;
  /** Rows to remember as analysed. */
  readonly used: readonly ArrivalRow[];
}

/** Limits of a plan; `complete` = take every bucket, nothing more is coming. */
export interface PlanOptions {
  readonly now: number;
  readonly graceSeconds: number;
  readonly complete: boolean;
  readonly maxBuckets: number;
}

// Less late data than this share of a bucket is added to the graph but does not start its analysis again.
const MATERIAL_SHARE = 0.01;

/** The newest event time of each tenant, unix seconds, never past `now`. */
export function watermarks(rows: readonly ArrivalRow[], now: number): Map<string, number> {
  const marks = new Map<string, number>();
  for (const row of rows) {
    const at = Math.min(now, row.last_ms / 1000);
    marks.set(row.tenant, Math.max(marks.get(row.tenant) ?? 0, at));
  }
  return marks;
}

function joinRanges(buckets: ReadonlySet<number>, maxBuckets: number): BucketRange[] {
  const ranges: BucketRange[] = [];
  for (const from of [...buckets].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.to === from && from - last.from < maxBuckets * BUCKET_SECONDS) {
      ranges[ranges.length - 1] = { from: last.from, to: from + BUCKET_SECONDS };
    } else ranges.push({ from, to: from + BUCKET_SECONDS });
  }
  return ranges;
}

/** Plans one cycle. */
export function planCycle(rows: readonly ArrivalRow[], options: PlanOptions): Plan {
  const marks = watermarks(rows, options.now);
  const isComplete = (tenant: string, bucket: number) =>
    options.complete || bucket + BUCKET_SECONDS + options.graceSeconds <= (marks.get(tenant) ?? 0);
  const due = rows.filter((row) => row.arrived !== row.analyzed && isComplete(row.tenant, row.bucket));
  const analyzed = new Set(rows.filter((row) => row.analyzed > 0).map((row) => row.bucket));
  const recompute = new Set<number>();
  const analyze = new Map<string, BucketRange>();
  for (const row of due) {
    // A late span may be the parent or the child of one in a neighbouring bucket.
    for (const b of [row.bucket - BUCKET_SECONDS, row.bucket, row.bucket + BUCKET_SECONDS]) {
      if (b === row.bucket || analyzed.has(b)) recompute.add(b);
    }
    const material = row.arrived - row.analyzed > MATERIAL_SHARE * row.arrived;
    if (!material) continue;
    const range = analyze.get(row.tenant);
    const from = Math.min(range?.from ?? row.bucket, row.bucket);
    analyze.set(row.tenant, { from, to: Math.max(range?.to ?? 0, row.bucket + BUCKET_SECONDS) });
  }
  return { recompute: joinRanges(recompute, options.maxBuckets), analyze, used: due };
}
