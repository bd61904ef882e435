// How much of each service's traffic an incident has hit, counted bucket by bucket while it goes on.
// In: the incident after a bucket, the bucket's anomalies, requests by series. Out: counts of each service that shows it.
// Bounds: pure; services alone (an edge's requests are its callee's). Clean buckets count once the incident has gone on after them. A restarted
//   analyzer goes on from what report.ts stored, which is of the MAX_IMPACT services nearest to the users.
import type { Entity } from "../model/entity.ts";
import { groupBy } from "../model/group-by.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { Anomaly } from "./detect.ts";
import type { ActiveIncident, IncidentState } from "./incident.ts";
import { symptomKey, witnessKey } from "./witness.ts";

/** Of a service's requests since the incident began, how many were hit: failed, slow, or stayed away. */
export interface Hit {
  readonly entity: Entity;
  readonly requests: number;
  readonly affected: number;
}

/** What is counted of an incident: all buckets before `until` (unix seconds), by series key. */
export interface Hits {
  readonly until: number;
  readonly services: ReadonlyMap<string, Hit>;
}

/** Nothing counted yet. */
export const NO_HITS: Hits = { until: 0, services: new Map() };

/** Requests of a series from one time to another, unix seconds. */
export type RequestsBetween = (seriesKey: string, from: number, to: number) => number;

/** What an anomaly takes to be hit of the `requests` that came in some buckets; those that stayed away are counted on top of them. */
function harmOf(anomaly: Anomaly, requests: number, buckets: number): { affected: number; absent: number } {
  if (anomaly.indicator === "TRAFFIC") {
    const windowBuckets = (anomaly.windowSeconds ?? BUCKET_SECONDS) / BUCKET_SECONDS;
    const absent = Math.max(0, (-anomaly.excessCalls * buckets) / windowBuckets);
    return { affected: absent, absent };
  }
  const share = Math.min(1, Math.max(0, anomaly.excessCalls / Math.max(1, anomaly.calls)));
  return { affected: share * requests, absent: 0 };
}

// How full an instance is, or what an hour's budget lost, says nothing of how many requests are hit now.
const isOfRequests = (a: Anomaly) => a.from === a.to && a.indicator !== "SATURATION" && a.objective === undefined;

/** The anomalies of each service that are symptoms of the incident. */
function symptomsByService(incident: ActiveIncident, anomalies: readonly Anomaly[]): Map<string, Anomaly[]> {
  return groupBy(
    anomalies.filter((a) => isOfRequests(a) && incident.symptoms.has(symptomKey(a))),
    (a) => a.seriesKey,
  );
}

/** The counts of an incident after `bucket`, whose anomalies these are; as they were where the bucket was clean of it. */
export function countHits(
  incident: ActiveIncident,
  { bucket, anomalies, runs }: { bucket: number; anomalies: readonly Anomaly[]; runs: IncidentState["runs"] },
  requestsBetween: RequestsBetween,
): Hits {
  if (incident.lastBucket !== bucket) return incident.hits;
  const until = bucket + BUCKET_SECONDS;
  const services = new Map<string, Hit>();
  for (const [key, hit] of incident.hits.services) {
    services.set(key, { ...hit, requests: hit.requests + requestsBetween(key, incident.hits.until, until) });
  }
  for (const [key, shown] of symptomsByService(incident, anomalies)) {
    const before = services.get(key);
    // A service that joins later was well since the incident began, but for the run of buckets that it joins with.
    const runsFrom = Math.min(...shown.map((a) => runs.get(witnessKey(a)) ?? bucket));
    const since = before === undefined ? Math.max(incident.firstBucket, runsFrom) : bucket;
    const came = requestsBetween(key, since, until);
    const harms = shown.map((anomaly) => harmOf(anomaly, came, (until - since) / BUCKET_SECONDS));
    const worst = harms.reduce((a, b) => (b.affected > a.affected ? b : a));
    const known = before?.requests ?? requestsBetween(key, incident.firstBucket, until);
    services.set(key, {
      entity: shown[0]!.entity,
      requests: known + worst.absent,
      affected: (before?.affected ?? 0) + worst.affected,
    });
  }
  return { until, services };
}
