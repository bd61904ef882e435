// Which buckets a request compares: the window asked about, narrowed to an incident in it, and a quiet time to hold against it.
// In: a LocalizeRequest, the incidents and arrivals around it. Out: fault and baseline buckets, the onset where an incident tells it.
// Bounds: windows of at most MAX_WINDOW_SECONDS (the newest part of a longer one); baselines of at most five quiet minutes.
import type { LocalizeRequest } from "../model/localization.ts";
import { BUCKET_SECONDS, readArrivals } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { readIncidentPage, type StoredIncident } from "../storage/incidents.ts";
import { bucketAt, bucketsBetween, isoSeconds, unixSeconds } from "./time.ts";

const MAX_WINDOW_SECONDS = 21_600;
const BASELINE_LOOK_BACK_SECONDS = 3600;
const MAX_BASELINE_BUCKETS = 30;
const MAX_INCIDENTS = 100;

/** The buckets to compare, and the onset when an incident tells it (unix seconds). */
export interface ChosenWindows {
  readonly fault: readonly number[];
  readonly baseline: readonly number[];
  readonly onset: number | null;
}

interface BusyPeriod {
  readonly from: number;
  readonly to: number;
  readonly incident: StoredIncident;
}

async function readBusyPeriods(storage: Storage, tenant: string, from: number, to: number): Promise<BusyPeriod[]> {
  const range = { from: isoSeconds(from), to: isoSeconds(to) };
  const page = await readIncidentPage(storage, { tenant, range, status: null, limit: MAX_INCIDENTS, after: null });
  return page.map((incident) => ({
    incident,
    from: unixSeconds(incident.startedAt),
    to: incident.resolvedAt === null ? to : unixSeconds(incident.resolvedAt),
  }));
}

const overlaps = (period: { from: number; to: number }, bucket: number, margin = 0) =>
  bucket + BUCKET_SECONDS > period.from - margin && bucket < period.to + margin;

/** True when an incident shows what the request asks about. */
function concerns(incident: StoredIncident, request: LocalizeRequest): boolean {
  return incident.symptoms.some(
    ({ entity, indicator }) =>
      (request.indicator === null || indicator === request.indicator) &&
      (request.service === null || entity.service === request.service) &&
      (request.namespace === null || entity.namespace === request.namespace) &&
      (request.cluster === null || entity.cluster === request.cluster),
  );
}

/**
 * Chooses what to compare. Without a baseline of the caller's: the newest quiet buckets of the hour before the range; where that
 * holds none, the quiet buckets inside the range. A range that holds incidents is narrowed to the newest one that concerns the
 * request, for quiet time would dilute it. The answer reports both windows.
 */
export async function chooseWindows(storage: Storage, request: LocalizeRequest): Promise<ChosenWindows> {
  const [from, to] = [bucketAt(unixSeconds(request.range.from)), unixSeconds(request.range.to)];
  const asked = bucketsBetween(Math.max(from, to - MAX_WINDOW_SECONDS), to);
  const since = from - BASELINE_LOOK_BACK_SECONDS;
  const [busy, arrivals] = await Promise.all([
    readBusyPeriods(storage, request.tenant, since, to),
    readArrivals(storage, since, Math.ceil(to)),
  ]);
  const [newest] = busy
    .filter((period) => concerns(period.incident, request) && asked.some((b) => overlaps(period, b)))
    .toSorted((a, b) => b.from - a.from);
  const fault = newest === undefined ? asked : asked.filter((b) => overlaps(newest, b));
  const onset = newest === undefined ? null : newest.from;
  if (request.baseline !== null) {
    const end = unixSeconds(request.baseline.to);
    const start = Math.max(unixSeconds(request.baseline.from), end - MAX_WINDOW_SECONDS);
    return { fault: asked, baseline: bucketsBetween(start, end).filter((b) => !asked.includes(b)), onset };
  }
  const quiet = arrivals
    .filter((row) => row.tenant === request.tenant && row.analyzed > 0)
    .map((row) => row.bucket)
    .filter((b) => busy.every((period) => !overlaps(period, b, BUCKET_SECONDS)))
    .toSorted((a, b) => b - a);
  const before = quiet.filter((b) => b < from);
  if (before.length > 0) return { fault, baseline: before.slice(0, MAX_BASELINE_BUCKETS), onset };
  const inside = quiet.filter((b) => b >= from && b < to);
  const rest = fault.filter((b) => !inside.includes(b));
  return {
    fault: rest.length > 0 ? rest : fault,
    baseline: rest.length > 0 ? inside.slice(0, MAX_BASELINE_BUCKETS) : [],
    onset,
  };
}
