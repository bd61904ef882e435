// Event time in the analyzer: unix seconds inside, RFC 3339 outside.
// In: bucket starts (multiples of 10 s). Out: strings and ranges of the model.
// Bounds: pure; an empty list of buckets is a programmer's error.
import assert from "node:assert";
import type { TimeRange } from "../model/localization.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";

/** Unix seconds (fractions allowed) as RFC 3339 UTC with milliseconds. */
export function isoSeconds(unixSeconds: number): string {
  return new Date(Math.round(unixSeconds * 1000)).toISOString();
}

/** RFC 3339 as unix seconds. */
export function unixSeconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

/** Start of the bucket that holds a time. */
export function bucketAt(unixTime: number): number {
  return Math.floor(unixTime / BUCKET_SECONDS) * BUCKET_SECONDS;
}

/** The bucket starts in [from, to). */
export function bucketsBetween(from: number, to: number): number[] {
  const buckets: number[] = [];
  for (let b = bucketAt(from); b < to; b += BUCKET_SECONDS) buckets.push(b);
  return buckets;
}

/** The range from the first bucket's start to the last one's end. */
export function rangeOf(buckets: readonly number[]): TimeRange {
  assert(buckets.length > 0);
  const [first, last] = [Math.min(...buckets), Math.max(...buckets)];
  return { from: isoSeconds(first), to: isoSeconds(last + BUCKET_SECONDS) };
}
