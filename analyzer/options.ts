// The analyzer's settings with their defaults.
// In: configuration. Out: a value that every stage reads.
// Bounds: all numbers are positive; units are in the names.

import type { Objective } from "./slo.ts";

/** Settings of the analyzer role. */
export interface AnalyzerOptions {
  /** Time from one cycle's start to the next one's, seconds. */
  readonly intervalSeconds: number;
  /** A bucket is complete when the newest span is this many seconds past its end. */
  readonly graceSeconds: number;
  /** Late data is taken in up to this age, seconds. */
  readonly lookBackSeconds: number;
  /** Buckets remembered of each series (10 s each). */
  readonly historyBuckets: number;
  /** Clean buckets that make a baseline, at most. */
  readonly baselineBuckets: number;
  /** Buckets paired in one statement, at most: bounds the memory of a backlog. */
  readonly maxBucketsPerPairing: number;
  /** When nothing has arrived for this many seconds, the buckets that are left are taken as complete. */
  readonly idleSeconds: number;
  /** What is promised of services; none where it is not given. */
  readonly objectives?: readonly Objective[];
}

/** Defaults of the analyzer role. */
export const ANALYZER_DEFAULTS: AnalyzerOptions = {
  intervalSeconds: 10,
  graceSeconds: 6,
  lookBackSeconds: 3600,
  historyBuckets: 180,
  baselineBuckets: 30,
  maxBucketsPerPairing: 30,
  idleSeconds: 30,
};
