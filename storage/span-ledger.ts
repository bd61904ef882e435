// What spans tell of calls, as rows with Source 'spans' in edge_buckets_staging (storage/buckets.ts swaps them in).
// In: a range in whole buckets. Out: the edges that pairing makes (paired_edges.sql), and beside them rows that hold nothing but the time that
// their calls spend in the proxies of both sides (proxy_times.sql); both add up to one edge when they are read.
// Bounds: for proxies nothing but a look where they or applications send no spans. Of a bucket with more than SPANS_MEASURED spans one proxied
// call in two, four, eight ... is measured and stands for the others, as the figure is only ever shown as a mean. The share is the bucket's own,
// so ranges may be cut anywhere and add up.
import type { Storage } from "./client.ts";

const ALL_KNOWN = "2299-01-01 00:00:00";
const BUCKET_SECONDS = 10;
// As in paired_edges.sql: how long after its parent a child may begin; where there are spans of more than 5 s, up to a minute.
const REACH_SECONDS = 10;
const REACH_MAX_SECONDS = 60;
const LONG_NS = 5e9;
// A proxied call is four to six spans: thirty buckets, as many as are paired at once, measure some 20,000 calls.
const SPANS_MEASURED = 4_096;

interface ProxiedBucket {
  readonly bucket: number;
  readonly spans: number;
  readonly longest_ns: number;
}

/** One in how many proxied calls of a bucket of so many spans is measured: a power of two, so that what is in a smaller share is in a greater one. */
export function proxyShare(spans: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(spans / SPANS_MEASURED)));
}

/** Stages the edges of the buckets [from, to) (unix seconds, multiples of 10) of all tenants, with the time in their proxies. */
export async function stageSpanLedger(storage: Storage, from: number, to: number): Promise<void> {
  await storage.command("pair_edges", { from, to, known_at: ALL_KNOWN });
  await stageProxyTimes(storage, from, to);
}

async function stageProxyTimes(storage: Storage, from: number, to: number): Promise<void> {
  const rows = await storage.query<ProxiedBucket>("proxied_buckets", { from, to });
  if (rows.length === 0) return;
  const spans = new Map(rows.map((row) => [row.bucket, row.spans]));
  const shares: number[] = [];
  for (let at = from; at < to; at += BUCKET_SECONDS) shares.push(proxyShare(spans.get(at) ?? 0));
  // The attempts of a call may lie in two buckets; the last one's decides.
  const around = [shares[0], ...shares, shares.at(-1)].map((share) => share ?? 1);
  const near = around.map((_, i) => Math.min(...around.slice(Math.max(0, i - 1), i + 2)));
  const reach = rows.some((row) => row.longest_ns > LONG_NS) ? REACH_MAX_SECONDS : REACH_SECONDS;
  await storage.command("proxy_times", { from, to, shares, near, reach });
}
