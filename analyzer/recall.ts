// The state of the incidents before a restart, found again: the pure stages run once more over the remembered buckets.
// In: the history and the incidents as stored. Out: the state to go on from, with the clean buckets and runs that no table holds.
// Bounds: the last RECALLED_BUCKETS buckets; nothing is read, written or localized. An incident that storage does not know is
//   not invented; a stored one that is not found again stays open as it was stored.
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import { type IsTainted, learnBaselines } from "./baseline.ts";
import { detectAll } from "./detectors.ts";
import type { History } from "./history.ts";
import {
  type ActiveIncident,
  CLEAN_BUCKETS,
  type IncidentState,
  pastOf,
  stepIncidents,
  taintedSeries,
} from "./incident.ts";
import { bucketsBetween } from "./time.ts";

/** The settings that the stages need. */
export interface RecallOptions {
  readonly baselineBuckets: number;
  readonly graceSeconds: number;
}

// Six minutes: longer than any run of buckets that decides whether an incident opens or closes.
const RECALLED_BUCKETS = 36;

/** True when the incident was opened in a bucket before this one. */
export function isOpenedBefore(incident: ActiveIncident, bucket: number, graceSeconds: number): boolean {
  return incident.detectedAt - graceSeconds <= bucket;
}

/** The incident as it was at a bucket's start; null when it was not open then. */
function asOf(incident: ActiveIncident, bucket: number, graceSeconds: number): ActiveIncident | null {
  if (!isOpenedBefore(incident, bucket, graceSeconds)) return null;
  const clean = Math.max(0, bucket - (incident.resolvedAt ?? bucket)) / BUCKET_SECONDS;
  if (clean >= CLEAN_BUCKETS) return null;
  const lastBucket = bucket - (1 + clean) * BUCKET_SECONDS;
  return { ...incident, status: "OPEN", resolvedAt: null, lastBucket, clean };
}

/** The state after the last bucket before `until`, and which series deviated in which recalled bucket; `isTainted` knows of older ones. */
export function recallIncidents(
  tenant: string,
  history: History,
  stored: readonly ActiveIncident[],
  until: number,
  wasTainted: (key: string, bucket: number) => boolean,
  options: RecallOptions,
): { state: IncidentState; taints: ReadonlyMap<number, ReadonlySet<string>> } {
  const { graceSeconds } = options;
  const known = new Map(stored.map((incident) => [incident.id, incident]));
  const oldest = Math.min(until, ...history.buckets);
  const from = Math.max(oldest, until - RECALLED_BUCKETS * BUCKET_SECONDS);
  const before = stored.map((one) => asOf(one, from, graceSeconds)).filter((one) => one !== null);
  const isPast = (one: ActiveIncident) =>
    isOpenedBefore(one, from, graceSeconds) && !before.some(({ id }) => id === one.id);
  let state: IncidentState = {
    open: before,
    runs: new Map(),
    spans: stored.filter(isPast).map(pastOf),
  };
  const taints = new Map<number, ReadonlySet<string>>();
  const isKeyTainted = (key: string, bucket: number) => taints.get(bucket)?.has(key) ?? wasTainted(key, bucket);
  const isTainted: IsTainted = (series, bucket) => isKeyTainted(series.key, bucket);
  const callees = history.callees();
  for (const bucket of bucketsBetween(from, until)) {
    const baselines = learnBaselines(history, bucket, isTainted, options.baselineBuckets);
    const { anomalies, judged, tests } = detectAll(history, bucket, { baselines, isTainted: isKeyTainted });
    state = stepIncidents(state, { tenant, bucket, anomalies, tests, judged, callees, graceSeconds }).state;
    taints.set(bucket, taintedSeries(state, anomalies, tests));
  }
  const found = state.open.flatMap((incident) => {
    const kept = known.get(incident.id);
    if (kept === undefined) return [];
    const { startedAt, detectedAt, hits, localization } = kept;
    return [{ ...incident, startedAt, detectedAt, hits, localization }];
  });
  const ids = new Set(found.map((incident) => incident.id));
  const lost = stored
    .filter((one) => one.status === "OPEN" && !ids.has(one.id))
    .map((one) => asOf(one, until, graceSeconds))
    .filter((one) => one !== null);
  return { state: { ...state, open: [...found, ...lost] }, taints };
}
