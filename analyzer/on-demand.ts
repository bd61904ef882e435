// Localization on demand: any past window, by GraphQL or CLI.
// In: a LocalizeRequest. Out: a stored Localization: FOUND, NO_FAULT, or INCONCLUSIVE with the reason.
// Bounds: windows of at most MAX_WINDOW_SECONDS (the newest part of a longer one); baselines of at most five quiet minutes.
import type { Localization, LocalizeRequest } from "../model/localization.ts";
import { BUCKET_SECONDS, readArrivals } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { readIncidentPage, type StoredIncident } from "../storage/incidents.ts";
import { writeLocalizations } from "../storage/localizations.ts";
import { comparePoint } from "./detect.ts";
import { localizationId, localizeFault, readScene } from "./localize/localize.ts";
import type { Scene, ServiceScene } from "./localize/scene.ts";
import { bucketAt, bucketsBetween, isoSeconds, rangeOf, unixSeconds } from "./time.ts";

const MAX_WINDOW_SECONDS = 21_600;
const BASELINE_LOOK_BACK_SECONDS = 3600;
const MAX_BASELINE_BUCKETS = 30;
const MAX_INCIDENTS = 100;

/** The buckets to compare, and the onset when an incident tells it (unix seconds). */
interface ChosenWindows {
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
async function chooseWindows(storage: Storage, request: LocalizeRequest): Promise<ChosenWindows> {
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

function matches(service: ServiceScene, request: LocalizeRequest): boolean {
  const { entity } = service;
  return (
    (request.cluster === null || entity.cluster === request.cluster) &&
    (request.namespace === null || entity.namespace === request.namespace) &&
    (request.service === null || entity.service === request.service) &&
    (request.operation === null || service.operations.has(request.operation))
  );
}

/** Compares each service's window with its baseline, as detection does with buckets. */
function findSymptoms(scene: Scene, request: LocalizeRequest) {
  const found = [...scene.services.values()]
    .filter((service) => matches(service, request))
    .flatMap((service) => {
      const { fault, baseline } = request.operation === null ? service : service.operations.get(request.operation)!;
      const base = { calls: baseline.requests, failed: baseline.failed, hist: baseline.hist };
      const point = { calls: fault.requests, failed: fault.failed, hist: fault.hist };
      if (base.calls === 0) return [];
      return comparePoint(point, { ...base, buckets: [], points: [base] }).map((deviation) => ({
        key: service.key,
        ...deviation,
      }));
    })
    .filter((d) => request.indicator === null || d.indicator === request.indicator)
    .filter((d) => d.log10P + Math.log10(2 * scene.services.size) <= -2);
  const errors = found.some((d) => d.indicator === "ERRORS");
  const indicator = request.indicator ?? (errors ? ("ERRORS" as const) : ("LATENCY" as const));
  return { symptoms: new Set(found.map((d) => d.key)), indicator };
}

/** Why there is nothing to judge; null when there is. */
function whyNothing(scene: Scene, request: LocalizeRequest): string | null {
  const services = [...scene.services.values()].filter((service) => matches(service, request));
  if (services.length === 0) {
    return scene.services.size === 0
      ? "No service has traffic in the window or in its baseline."
      : "No service that the request names has traffic in the window or in its baseline; the graph lists those that have.";
  }
  if (services.every((service) => service.fault.requests === 0)) return "There is no traffic in the window.";
  if (services.every((service) => service.baseline.requests === 0)) return "There is no traffic in the baseline.";
  return null;
}

async function answerRequest(storage: Storage, request: LocalizeRequest): Promise<Localization> {
  const { fault, baseline, onset } = await chooseWindows(storage, request);
  const id = localizationId(request.tenant, JSON.stringify([request, fault, baseline]));
  const none = { id, range: rangeOf(fault), onset: null, causes: [], rejected: [] };
  if (request.indicator === "TRAFFIC" || request.indicator === "SATURATION") {
    const reason = `${request.indicator} is not judged yet; ask for LATENCY or ERRORS.`;
    return { ...none, baseline: rangeOf(baseline.length === 0 ? fault : baseline), verdict: "INCONCLUSIVE", reason };
  }
  if (baseline.length === 0) {
    const reason =
      request.baseline === null
        ? "There is no quiet period with traffic in the hour before the window to compare with; give a baseline."
        : "Nothing of the baseline lies outside the window, so there is nothing to compare with.";
    return { ...none, baseline: rangeOf(fault), verdict: "INCONCLUSIVE", reason };
  }
  const frame = { ...none, baseline: rangeOf(baseline) };
  const windows = { fault, baseline };
  const scene = await readScene(storage, request.tenant, windows);
  const nothing = whyNothing(scene, request);
  if (nothing !== null) return { ...frame, verdict: "INCONCLUSIVE", reason: nothing };
  const { symptoms, indicator } = findSymptoms(scene, request);
  if (symptoms.size === 0) {
    const what =
      request.indicator === null ? "Failures and latency" : request.indicator === "ERRORS" ? "Failures" : "Latency";
    const reason = `${what} of every service in question are as in the baseline.`;
    return { ...frame, verdict: "NO_FAULT", reason };
  }
  const { tenant, maxCauses } = request;
  return localizeFault(storage, { id, tenant, windows, symptoms, indicator, onset, maxCauses }, scene);
}

/** Localizes on demand, stores the answer and returns it. */
export async function localizeOnDemand(
  storage: Storage,
  request: LocalizeRequest,
  nowMs: number,
): Promise<Localization> {
  const answer = await answerRequest(storage, request);
  const revision = (BigInt(nowMs) * 1_000_000n).toString();
  await writeLocalizations(storage, request.tenant, revision, [answer]);
  return answer;
}
