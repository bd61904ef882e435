// What one anomaly is a witness of: its place, the run that it belongs to, and whether it is a fault by itself.
// In: anomalies of a bucket, the runs before it. Out: keys, nodes, runs, and the answer.
// Bounds: pure.
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import { type Anomaly, strengthOf } from "./detect.ts";
import type { BucketFindings, IncidentState } from "./incident.ts";

const isKnown = (node: string) => !node.startsWith("unknown|");

/** What a symptom of an incident is kept by. */
export function symptomKey(anomaly: Anomaly): string {
  return `${anomaly.seriesKey} ${anomaly.indicator}`;
}

/**
 * What an anomaly's run, taint and judgement are kept by: the series for failures and latency (one fault shows as both), and apart from
 * them for TRAFFIC and SATURATION, whose buckets teach what is normal of requests as any other.
 */
export function witnessKey(anomaly: Pick<Anomaly, "seriesKey" | "indicator">): string {
  const { seriesKey, indicator } = anomaly;
  return indicator === "TRAFFIC" || indicator === "SATURATION" ? `${seriesKey} ${indicator}` : seriesKey;
}

/** The known nodes that an anomaly is seen at. */
export function nodesOf(anomaly: Anomaly): string[] {
  return [...new Set([anomaly.from, anomaly.to])].filter(isKnown);
}

/** True when an anomaly is a fault by itself, given the runs up to and with this bucket. */
export function isConfirmed(
  anomaly: Anomaly,
  before: IncidentState["runs"],
  runs: IncidentState["runs"],
  findings: BucketFindings,
): boolean {
  const strength = strengthOf(anomaly, findings.tests);
  const key = witnessKey(anomaly);
  if (anomaly.opensAfter !== undefined) {
    const lasted = (findings.bucket - (runs.get(key) ?? findings.bucket)) / BUCKET_SECONDS + 1;
    return strength === "strong" && anomaly.opensAfter !== null && lasted >= anomaly.opensAfter;
  }
  // Too few requests to say more than that they are no example of what is normal.
  if (anomaly.windowSeconds === BUCKET_SECONDS) return false;
  // A second look at a longer window is no second witness: it holds the requests of the first.
  const ofBucket = anomaly.windowSeconds === undefined ? anomaly.log10P : (anomaly.alone ?? 0);
  const isSeenAgain = before.has(key) && strengthOf({ ...anomaly, log10P: ofBucket }, findings.tests) !== "weak";
  return strength === "strong" || isSeenAgain;
}

/** Start of the run of deviating buckets that each witness is in, after this bucket. */
export function stepRuns(state: IncidentState, findings: BucketFindings): Map<string, number> {
  const runs = new Map<string, number>();
  for (const anomaly of findings.anomalies) {
    const key = witnessKey(anomaly);
    const begin = Math.min(anomaly.since ?? findings.bucket, state.runs.get(key) ?? findings.bucket);
    runs.set(key, Math.min(begin, runs.get(key) ?? begin));
  }
  return runs;
}
