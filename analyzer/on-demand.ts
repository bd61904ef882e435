// Localization on demand: any past window, by GraphQL or CLI.
// In: a LocalizeRequest. Out: a stored Localization: FOUND, NO_FAULT, or INCONCLUSIVE with the reason.
// Bounds: windows of at most MAX_WINDOW_SECONDS; the default baseline is the quiet part of the five minutes before the window.
import type { Localization, LocalizeRequest } from "../model/localization.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { readIncidentPage } from "../storage/incidents.ts";
import { writeLocalizations } from "../storage/localizations.ts";
import { comparePoint } from "./detect.ts";
import { localizationId, localizeFault, readScene } from "./localize/localize.ts";
import type { Scene, ServiceScene } from "./localize/scene.ts";
import { bucketAt, bucketsBetween, isoSeconds, rangeOf, unixSeconds } from "./time.ts";

const DEFAULT_BASELINE_SECONDS = 300;
const MAX_WINDOW_SECONDS = 3600;

async function chooseBaseline(storage: Storage, request: LocalizeRequest): Promise<number[]> {
  if (request.baseline !== null) {
    const { from, to } = request.baseline;
    const end = unixSeconds(to);
    return bucketsBetween(Math.max(unixSeconds(from), end - MAX_WINDOW_SECONDS), end);
  }
  const end = bucketAt(unixSeconds(request.range.from));
  const start = end - DEFAULT_BASELINE_SECONDS;
  const incidents = await readIncidentPage(storage, {
    tenant: request.tenant,
    range: { from: isoSeconds(start), to: isoSeconds(end) },
    status: null,
    limit: 100,
    after: null,
  });
  const busy = incidents.map((i) => ({
    from: unixSeconds(i.startedAt) - BUCKET_SECONDS,
    to: i.resolvedAt === null ? Infinity : unixSeconds(i.resolvedAt) + BUCKET_SECONDS,
  }));
  return bucketsBetween(start, end).filter((b) =>
    busy.every((span) => b + BUCKET_SECONDS <= span.from || b >= span.to),
  );
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

async function answerRequest(storage: Storage, request: LocalizeRequest): Promise<Localization> {
  const [from, to] = [unixSeconds(request.range.from), unixSeconds(request.range.to)];
  const fault = bucketsBetween(from, Math.min(to, from + MAX_WINDOW_SECONDS));
  const baseline = await chooseBaseline(storage, request);
  const id = localizationId(request.tenant, JSON.stringify(request), JSON.stringify(baseline));
  const none = { id, range: rangeOf(fault), onset: null, causes: [], rejected: [] };
  if (baseline.length === 0) {
    const reason = "There is no quiet period in the five minutes before the window; give a baseline to compare with.";
    return { ...none, baseline: rangeOf(fault), verdict: "INCONCLUSIVE", reason };
  }
  const windows = { fault, baseline };
  const scene = await readScene(storage, request.tenant, windows);
  const frame = { ...none, baseline: rangeOf(baseline) };
  const traffic = [...scene.services.values()].filter((service) => matches(service, request));
  if (traffic.every((s) => s.fault.requests === 0 || s.baseline.requests === 0)) {
    const reason = "There is no traffic to compare in the window or in its baseline.";
    return { ...frame, verdict: "INCONCLUSIVE", reason };
  }
  const { symptoms, indicator } = findSymptoms(scene, request);
  if (symptoms.size === 0) {
    const reason = "Failures and latency of every service in question are as in the baseline.";
    return { ...frame, verdict: "NO_FAULT", reason };
  }
  const { tenant, maxCauses } = request;
  return localizeFault(storage, { id, tenant, windows, symptoms, indicator, onset: null, maxCauses }, scene);
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
