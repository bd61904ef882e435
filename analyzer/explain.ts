// "Why (not) an incident?" for a service and a time: the detectors run once more over stored buckets, and each says what decided.
// In: a service and a time. Out: one check an indicator (and one a deviating edge of it), with observed, expected, p-value and a sentence.
// Bounds: reads half an hour of the service, its edges and its callers, and one bucket of the tenant (for the number of tests); 10-second
//   buckets are kept for hours, before that only the incidents are known.
import type { IncidentCheck, IncidentCheckRequest, IndicatorCheck } from "../model/incident-check.ts";
import { entityName } from "../model/entity.ts";
import { BUCKET_SECONDS, readEdgeBuckets, readServiceBuckets } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { readIncidentPage, type StoredIncident } from "../storage/incidents.ts";
import { readSaturation } from "../storage/saturation.ts";
import { learnBaselines } from "./baseline.ts";
import { detectAll } from "./detectors.ts";
import { checkService, type World } from "./explain-checks.ts";
import { History, type Series } from "./history.ts";
import { witnessKey } from "./witness.ts";
import type { AnalyzerOptions } from "./options.ts";
import { LEVEL_METRICS } from "./saturation.ts";
import { anomaliesOf } from "./tenant.ts";
import { bucketAt, bucketsBetween, isoSeconds, rangeOf, unixSeconds } from "./time.ts";

const MAX_INCIDENTS = 100;

/** Which buckets belong to earlier incidents and must not teach what is normal. */
function taintsOf(incidents: readonly StoredIncident[], until: number): Map<number, Set<string>> {
  const taints = new Map<number, Set<string>>();
  for (const incident of incidents) {
    const keys = anomaliesOf(incident)
      .filter((anomaly) => anomaly.opensAfter !== null)
      .map(witnessKey);
    const to = incident.resolvedAt === null ? until : unixSeconds(incident.resolvedAt);
    for (const b of bucketsBetween(unixSeconds(incident.startedAt), to)) {
      const known = taints.get(b) ?? new Set<string>();
      for (const key of keys) known.add(key);
      taints.set(b, known);
    }
  }
  return taints;
}

async function readWorld(
  storage: Storage,
  request: IncidentCheckRequest,
  bucket: number,
  incidents: readonly StoredIncident[],
  options: AnalyzerOptions,
): Promise<World> {
  const { tenant, service } = request;
  const end = bucket + BUCKET_SECONDS;
  const from = end - options.historyBuckets * BUCKET_SECONDS;
  const [edges, everyone, everyEdge, levels] = await Promise.all([
    readEdgeBuckets(storage, tenant, from, end, [service]),
    readServiceBuckets(storage, tenant, bucket, end),
    readEdgeBuckets(storage, tenant, bucket, end),
    readSaturation(storage, tenant, bucket, Object.keys(LEVEL_METRICS)),
  ]);
  const callers = edges.filter((row) => row.dst_service === service).map((row) => row.src_service);
  const names = [...new Set([service, ...callers])];
  const services = await readServiceBuckets(storage, tenant, from, end, names);
  const history = new History(options.historyBuckets, BUCKET_SECONDS);
  const present = new Set([...services, ...edges].map((row) => row.bucket));
  for (const b of [...present].toSorted((x, y) => x - y)) {
    const at = <Row extends { bucket: number }>(rows: readonly Row[]) => rows.filter((row) => row.bucket === b);
    history.replace(b, b + BUCKET_SECONDS, at(services), at(edges));
  }
  // The bucket itself counts, also where the service was silent in it.
  if (!history.buckets.has(bucket)) history.replace(bucket, end, [], []);
  const taints = taintsOf(incidents, end);
  const isTainted = (key: string, b: number) => b < bucket && (taints.get(b)?.has(key) ?? false);
  const learn = (b: number) =>
    learnBaselines(history, b, (series, at) => isTainted(series.key, at), options.baselineBuckets);
  const baselines = learn(bucket);
  const saturation = levels.filter((row) => row.service === service);
  const detected = detectAll(history, bucket, { baselines, isTainted, saturation });
  const earlier = detectAll(history, bucket - BUCKET_SECONDS, { baselines: learn(bucket - BUCKET_SECONDS), isTainted });
  // Two tests a series, and one for its rate, over the whole tenant: the correction is that of the cycle.
  const tests = 3 * (everyone.length + everyEdge.length);
  return {
    history,
    bucket,
    baselines,
    isTainted,
    detected: { ...detected, tests: Math.max(tests, detected.tests) },
    before: new Set(earlier.anomalies.map(witnessKey)),
  };
}

function isAsked(series: Series, request: IncidentCheckRequest): boolean {
  const { entity } = series;
  return (
    series.from === series.to &&
    entity.service === request.service &&
    (request.namespace === null || entity.namespace === request.namespace) &&
    (request.cluster === null || entity.cluster === request.cluster)
  );
}

function concerns(incident: StoredIncident, request: IncidentCheckRequest): boolean {
  return incident.symptoms.some(
    ({ entity }) =>
      [entity.service, entity.peer?.service].includes(request.service) &&
      (request.namespace === null || [entity.namespace, entity.peer?.namespace].includes(request.namespace)) &&
      (request.cluster === null || [entity.cluster, entity.peer?.cluster].includes(request.cluster)),
  );
}

function summarize(incident: StoredIncident | undefined, checks: readonly IndicatorCheck[], service: string): string {
  const best = checks.toSorted((a, b) => (a.pValue ?? 1) - (b.pValue ?? 1))[0];
  const nearest =
    best === undefined || best.pValue === null
      ? ""
      : ` Nearest: ${entityName(best.entity)}, ${best.indicator.toLowerCase()}: ${best.sentence}`;
  if (incident !== undefined)
    return `${service} was part of the incident "${incident.title}", which began at ${incident.startedAt}.${nearest}`;
  if (checks.length === 0)
    return `Nothing of ${service} is stored for this time: it had no traffic in the half hour before, or the 10-second buckets of that time are no longer kept.`;
  return checks.some((check) => check.verdict === "OPENS")
    ? `No incident shows ${service} at this time, though an indicator deviates enough: the bucket may not have been analysed yet.${nearest}`
    : `No incident: no indicator of ${service} deviates enough.${nearest}`;
}

/** Explains the detection's verdict on a service at a time, from stored buckets. */
export async function explainDetection(
  storage: Storage,
  request: IncidentCheckRequest,
  options: AnalyzerOptions,
): Promise<IncidentCheck> {
  const bucket = bucketAt(unixSeconds(request.at));
  const range = rangeOf([bucket]);
  const since = isoSeconds(bucket - options.historyBuckets * BUCKET_SECONDS);
  const page = { tenant: request.tenant, range: { from: since, to: range.to }, status: null, limit: MAX_INCIDENTS };
  const incidents = await readIncidentPage(storage, { ...page, after: null });
  const incident = incidents.find(
    (one) =>
      concerns(one, request) &&
      unixSeconds(one.startedAt) < bucket + BUCKET_SECONDS &&
      (one.resolvedAt === null || unixSeconds(one.resolvedAt) > bucket),
  );
  const world = await readWorld(storage, request, bucket, incidents, options);
  const asked = [...world.history.series.values()].filter((series) => isAsked(series, request));
  const checks = asked.flatMap((series) => checkService(world, series));
  return { range, incidentId: incident?.id ?? null, sentence: summarize(incident, checks, request.service), checks };
}
