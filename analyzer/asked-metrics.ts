// A question about services that only metrics tell of: answered from their requests, failures and mean latency.
// In: a LocalizeRequest. Out: the answer, or null where metrics say nothing of what is asked about.
// Bounds: the windows of metric-question.ts, so that histories of days are compared with; other evidence sees the newest
//   MAX_BASELINE_BUCKETS of that history.
import type { Localization, LocalizeRequest, TimeRange } from "../model/localization.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import type { MetricRange } from "../storage/service-metrics.ts";
import { gatherEvidence, localizationId, localizeFault } from "./localize/localize.ts";
import { askMetrics } from "./localize/metric-question.ts";
import { sceneOfMetrics } from "./localize/metric-services.ts";
import { bucketsBetween, isoSeconds } from "./time.ts";

const MAX_BASELINE_BUCKETS = 30;

const isoRange = ({ from, to }: MetricRange): TimeRange => ({ from: isoSeconds(from), to: isoSeconds(to) });

/** Answers from metrics; null where they tell nothing of the services in question. */
export async function localizeByMetrics(storage: Storage, request: LocalizeRequest): Promise<Localization | null> {
  const told = await askMetrics(storage, request);
  if (told.kind === "unknown") return null;
  const id = localizationId(request.tenant, JSON.stringify([request, told.baseline, "metrics"]));
  const baseline = isoRange(told.baseline);
  if (told.kind !== "fault") {
    const verdict = told.kind === "normal" ? ("NO_FAULT" as const) : ("INCONCLUSIVE" as const);
    const { reason } = told;
    return { id, range: request.range, baseline, onset: null, causes: [], rejected: [], verdict, reason };
  }
  const { scene: metrics, symptom, window } = told;
  const fault = bucketsBetween(window.from, window.to);
  const usual = bucketsBetween(
    Math.max(told.baseline.from, told.baseline.to - MAX_BASELINE_BUCKETS * BUCKET_SECONDS),
    told.baseline.to,
  );
  const { tenant, maxCauses } = request;
  const scene = sceneOfMetrics(metrics, usual.length / fault.length);
  const symptoms = new Set([symptom.key, ...symptom.blames.map((blame) => blame.key)]);
  const question = {
    id,
    tenant,
    windows: { fault, baseline: usual },
    symptoms,
    indicator: symptom.indicator,
    onset: null,
    maxCauses,
    metrics: { scene: metrics, symptom },
  };
  const answer = await localizeFault(storage, question, await gatherEvidence(storage, question, scene));
  return { ...answer, range: isoRange(window), baseline };
}
