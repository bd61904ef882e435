// The onset of an incident to its bucket, measured: faults begin at any second, of any strength, in busy and in quiet services.
import { describe, expect, test } from "vitest";
import { learnBaselines } from "../../analyzer/baseline.ts";
import { detectAll } from "../../analyzer/detectors.ts";
import { History } from "../../analyzer/history.ts";
import { type IncidentState, NO_INCIDENTS, stepIncidents, taintedSeries } from "../../analyzer/incident.ts";
import { bucketOf, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import type { ServiceBucketRow } from "../../storage/buckets.ts";
import { lognormal, seededRandom } from "../scenarios/traffic.ts";

interface Trial {
  /** Requests in 10 s. */
  readonly rate: number;
  readonly failing: number;
  readonly slower: number;
}

const QUIET_SECONDS = 400;
const FAULT_SECONDS = 120;

/** Seconds from the true onset's bucket to the incident's first; null when it was not found. */
function onsetError(trial: Trial, seed: number): number | null {
  const random = seededRandom(seed);
  const onset = QUIET_SECONDS + Math.floor(random() * 10_000) / 1000;
  const rows = new Map<number, { requests: number; failed: number; hist: number[] }>();
  for (let at = 0; at < QUIET_SECONDS + FAULT_SECONDS; at += (-Math.log(1 - random()) * 10) / trial.rate) {
    const bucket = Math.floor(at / 10) * 10;
    const row = rows.get(bucket) ?? {
      requests: 0,
      failed: 0,
      hist: Array.from({ length: HISTOGRAM_BUCKETS }, () => 0),
    };
    rows.set(bucket, row);
    const isFaulty = at >= onset;
    row.requests++;
    if (random() < (isFaulty ? trial.failing : 0) + 0.005) row.failed++;
    row.hist[bucketOf(20e6 * lognormal(random, 0.4) * (isFaulty ? trial.slower : 1))]! += 1;
  }
  const history = new History(180, 10);
  const taints = new Map<number, ReadonlySet<string>>();
  const isTainted = (key: string, b: number) => taints.get(b)?.has(key) ?? false;
  let state: IncidentState = NO_INCIDENTS;
  for (let bucket = 0; bucket < QUIET_SECONDS + FAULT_SECONDS; bucket += 10) {
    const row = rows.get(bucket);
    const about = {
      bucket,
      cluster: "",
      namespace: "",
      service: "s",
      degraded: 0,
      origin_failed: 0,
      total_ns: 0,
      self_ns: 0,
    };
    const services: ServiceBucketRow[] = row === undefined ? [] : [{ ...about, ...row }];
    history.replace(bucket, bucket + 10, services, []);
    const baselines = learnBaselines(history, bucket, (series, b) => isTainted(series.key, b), 30);
    const found = detectAll(history, bucket, { baselines, isTainted });
    state = stepIncidents(state, { tenant: "t", bucket, ...found, callees: new Map(), graceSeconds: 6 }).state;
    taints.set(bucket, taintedSeries(state, found.anomalies, found.tests));
    const [incident] = state.open;
    if (incident !== undefined) return incident.firstBucket - Math.floor(onset / 10) * 10;
  }
  return null;
}

describe("the first bucket of an incident", () => {
  const TRIALS = 60;
  test.each([
    { name: "busy, half of the requests fail", rate: 120, failing: 0.5, slower: 1 },
    { name: "busy, a fifth fails", rate: 120, failing: 0.2, slower: 1 },
    { name: "busy, three times slower", rate: 120, failing: 0, slower: 3 },
    { name: "twenty requests in 10 s, half fail", rate: 20, failing: 0.5, slower: 1 },
    { name: "twenty requests in 10 s, five times slower", rate: 20, failing: 0, slower: 5 },
    { name: "four requests in 10 s, all fail", rate: 4, failing: 1, slower: 1 },
    { name: "four requests in 10 s, ten times slower", rate: 4, failing: 0, slower: 10 },
  ])("$name: within a bucket of the truth in 95 of 100", (trial) => {
    const errors = Array.from({ length: TRIALS }, (_, seed) => onsetError(trial, seed + 1));
    const found = errors.filter((error) => error !== null);
    expect(found.length).toBeGreaterThanOrEqual(TRIALS - 1);
    const near = found.filter((error) => Math.abs(error) <= 10);
    expect(near.length / found.length, JSON.stringify(errors)).toBeGreaterThanOrEqual(0.95);
  });
});
