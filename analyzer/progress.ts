// Which buckets are due: for the graph as soon as rows have arrived, for the analysis when they are complete by event time.
// In: arrivals against what was used, the clock. Out: ranges to compute anew and from which sources, and from where to analyse again.
// Reach: a span may be the parent of one that begins later, the child of one that began earlier. So what arrives in a bucket changes its
//   neighbours, the earlier buckets whose longest span reaches it, and the later ones that its own longest span (or a message) reaches.
//   paired_edges.sql looks as far and no further, so the graph ends the same in whatever order spans arrive.
// Bounds: pure. A bucket is complete when the newest span is `graceSeconds` past its end; the wall clock only caps that (a span
//   from the future proves nothing), so a recording replayed at any speed is cut into the same buckets as live traffic.
import { type ArrivalRow, BUCKET_SECONDS, type UsedBucket } from "../storage/buckets.ts";

/** A half-open range of bucket starts, unix seconds. */
export interface BucketRange {
  readonly from: number;
  readonly to: number;
}

/** A range to compute anew, and what of it: edges of spans, of access logs, of mesh metrics. */
export interface DueRange extends BucketRange {
  readonly spans: boolean;
  readonly logs: boolean;
  readonly points: boolean;
}

/** What is due. */
export interface Plan {
  /** Ranges whose edges are computed anew, ascending, bounded in buckets and rows. */
  readonly recompute: readonly DueRange[];
  /** By tenant: the first bucket to analyse (again) and the end (exclusive) of what is complete. */
  readonly analyze: ReadonlyMap<string, BucketRange>;
  /** What the graph will have used when `recompute` is done; the analysis as before. */
  readonly paired: readonly UsedBucket[];
  /** The same for the buckets that are due for the analysis, when that is done too. */
  readonly used: readonly UsedBucket[];
}

/** Limits of a plan; `complete` = take every bucket, nothing more is coming. `others`: buckets due for reasons of their own. */
export interface PlanOptions {
  readonly now: number;
  readonly graceSeconds: number;
  readonly complete: boolean;
  readonly maxBuckets: number;
  readonly others?: { readonly spans: readonly number[]; readonly points: readonly BucketRange[] };
}

// Less late data than this share of a bucket is added to the graph but does not start its analysis again.
const MATERIAL_SHARE = 0.01;
// As in paired_edges.sql: how long after its parent a child may begin.
const REACH_SECONDS = 10;
const REACH_MAX_SECONDS = 60;
const LONG_NS = 5e9;
const REACH_BEYOND_SECONDS = 5;
// What one statement pairs, at most: bounds its memory, some 130 bytes a span.
const MAX_ROWS = 1_000_000;

const SPANS = 1;
const LOGS = 2;
const POINTS = 4;

/** The newest event time of each tenant, unix seconds, never past `now`. */
export function watermarks(rows: readonly ArrivalRow[], now: number): Map<string, number> {
  const marks = new Map<string, number>();
  for (const row of rows) {
    const at = Math.min(now, row.last_ms / 1000);
    marks.set(row.tenant, Math.max(marks.get(row.tenant) ?? 0, at));
  }
  return marks;
}

/** Where mesh metrics have arrived that the graph has not used: by tenant, runs of buckets. */
export function changedPoints(rows: readonly ArrivalRow[]): { readonly tenant: string; readonly range: BucketRange }[] {
  const runs: { tenant: string; range: BucketRange }[] = [];
  for (const { tenant, bucket, rows: now, paired } of rows) {
    if (now.points === paired.points) continue;
    const last = runs.at(-1);
    const to = bucket + BUCKET_SECONDS;
    if (last !== undefined && last.tenant === tenant && last.range.to === bucket)
      last.range = { from: last.range.from, to };
    else runs.push({ tenant, range: { from: bucket, to } });
  }
  return runs;
}

/** Seconds after the bucket's end within which children of its spans may begin. */
function reachOf(row: ArrivalRow): number {
  return row.longest_ns > LONG_NS
    ? Math.min(REACH_MAX_SECONDS, row.longest_ns / 1e9 + REACH_BEYOND_SECONDS)
    : REACH_SECONDS;
}

/** The first and the last bucket whose edges the spans of a changed bucket may change; `near` are the tenant's buckets by start. */
function neighbourhood(row: ArrivalRow, near: ReadonlyMap<number, ArrivalRow>): BucketRange {
  let from = row.bucket - BUCKET_SECONDS;
  for (let at = row.bucket - REACH_MAX_SECONDS - BUCKET_SECONDS; at < from; at += BUCKET_SECONDS) {
    const before = near.get(at);
    if (before !== undefined && at + BUCKET_SECONDS + reachOf(before) > row.bucket) from = at;
  }
  const reach = row.producers > 0 ? REACH_MAX_SECONDS : reachOf(row);
  const end = row.bucket + BUCKET_SECONDS + reach;
  return { from, to: Math.max(row.bucket + 2 * BUCKET_SECONDS, Math.ceil(end / BUCKET_SECONDS) * BUCKET_SECONDS) };
}

function joinRanges(
  due: ReadonlyMap<number, number>,
  rowsOf: ReadonlyMap<number, number>,
  maxBuckets: number,
): DueRange[] {
  const ranges: { from: number; to: number; what: number; rows: number }[] = [];
  for (const [from, what] of [...due].sort((a, b) => a[0] - b[0])) {
    const last = ranges.at(-1);
    const rows = rowsOf.get(from) ?? 0;
    const fits =
      last !== undefined && last.to - last.from < maxBuckets * BUCKET_SECONDS && last.rows + rows <= MAX_ROWS;
    if (fits && last.to === from && last.what === what) {
      last.to = from + BUCKET_SECONDS;
      last.rows += rows;
    } else ranges.push({ from, to: from + BUCKET_SECONDS, what, rows });
  }
  return ranges.map(({ from, to, what }) => {
    return { from, to, spans: (what & SPANS) !== 0, logs: (what & LOGS) !== 0, points: (what & POINTS) !== 0 };
  });
}

/** Plans one cycle. */
export function planCycle(rows: readonly ArrivalRow[], options: PlanOptions): Plan {
  const marks = watermarks(rows, options.now);
  const tenants = new Map<string, Map<number, ArrivalRow>>();
  const rowsOf = new Map<number, number>();
  for (const row of rows) {
    const near = tenants.get(row.tenant) ?? new Map<number, ArrivalRow>();
    tenants.set(row.tenant, near.set(row.bucket, row));
    rowsOf.set(row.bucket, (rowsOf.get(row.bucket) ?? 0) + row.rows.spans);
  }
  const due = new Map<number, number>();
  const add = (bucket: number, what: number) => due.set(bucket, (due.get(bucket) ?? 0) | what);
  const changed = rows.filter(
    ({ rows: now, paired }) => now.spans !== paired.spans || now.logs !== paired.logs || now.points !== paired.points,
  );
  for (const row of changed) {
    const { bucket, paired } = row;
    const near = tenants.get(row.tenant)!;
    if (row.rows.spans !== paired.spans) {
      add(bucket, SPANS);
      const { from, to } = neighbourhood(row, near);
      for (let b = from; b < to; b += BUCKET_SECONDS) if ((near.get(b)?.paired.spans ?? 0) > 0) add(b, SPANS);
    }
    if (row.rows.logs !== paired.logs) {
      // A request's other record may lie half a minute away.
      for (let b = bucket - 3 * BUCKET_SECONDS; b <= bucket + 3 * BUCKET_SECONDS; b += BUCKET_SECONDS) {
        if (b === bucket || (near.get(b)?.paired.logs ?? 0) > 0) add(b, LOGS);
      }
    }
    if (row.rows.points !== paired.points) add(bucket, POINTS);
  }
  for (const bucket of options.others?.spans ?? []) add(bucket, SPANS);
  for (const { from, to } of options.others?.points ?? []) {
    for (let b = from; b < to; b += BUCKET_SECONDS) add(b, POINTS);
  }
  const isComplete = (row: ArrivalRow) =>
    options.complete || row.bucket + BUCKET_SECONDS + options.graceSeconds <= (marks.get(row.tenant) ?? 0);
  const settled = rows.filter((row) => row.arrived !== row.analyzed && isComplete(row));
  const analyze = new Map<string, BucketRange>();
  for (const { tenant, bucket, arrived, analyzed } of settled) {
    if (arrived - analyzed <= MATERIAL_SHARE * arrived) continue;
    const range = analyze.get(tenant);
    const from = Math.min(range?.from ?? bucket, bucket);
    analyze.set(tenant, { from, to: Math.max(range?.to ?? 0, bucket + BUCKET_SECONDS) });
  }
  return {
    recompute: joinRanges(due, rowsOf, options.maxBuckets),
    analyze,
    paired: changed.map(({ tenant, bucket, analyzed, rows: paired }) => ({ tenant, bucket, analyzed, paired })),
    used: settled.map(({ tenant, bucket, arrived, rows: paired }) => ({ tenant, bucket, analyzed: arrived, paired })),
  };
}
