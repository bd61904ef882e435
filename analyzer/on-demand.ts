// Localization on demand: any past window, by GraphQL or CLI.
// In: a LocalizeRequest. Out: a stored Localization: FOUND, NO_FAULT, or INCONCLUSIVE with the reason.
// Bounds: the windows of asked-windows.ts; one scene, one round of evidence. Failures and latency are asked first, then what logs,
//   resources and metrics say: NO_FAULT only where nothing of any source deviates.
import type { Indicator, Localization, LocalizeRequest } from "../model/localization.ts";
import type { Storage } from "../storage/client.ts";
import { writeLocalizations } from "../storage/localizations.ts";
import { findSymptoms, matches, namedPlaces, openingFindings, whyNothing } from "./asked-symptoms.ts";
import { localizeByMetrics } from "./asked-metrics.ts";
import { chooseWindows } from "./asked-windows.ts";
import type { Finding } from "./localize/finding.ts";
import { gatherEvidence, localizationId, localizeFault } from "./localize/localize.ts";
import { readScene } from "./localize/read-scene.ts";
import type { Scene } from "./localize/scene.ts";
import { shareReads } from "./shared-reads.ts";
import { rangeOf } from "./time.ts";

const INDICATOR_WORDS: Readonly<Record<Indicator, string>> = {
  LATENCY: "Latency",
  ERRORS: "Failures",
  TRAFFIC: "The number of requests",
  SATURATION: "Failures and latency",
};

function whyNoFault(request: LocalizeRequest, missing: readonly string[]): string {
  const what = request.indicator === null ? "Failures and latency" : INDICATOR_WORDS[request.indicator];
  const unheard = missing.length === 0 ? "" : ` Not heard, as they failed: ${missing.join(", ")}.`;
  return `${what} of every service in question are as in the baseline, and no other evidence deviates.${unheard}`;
}

/** What nothing but evidence shows is asked about under the evidence's own indicator, unless the request says which. */
function indicatorOf(request: LocalizeRequest, opening: readonly Finding[]): Indicator {
  const [lead] = opening.toSorted((a, b) => b.weight - a.weight);
  return request.indicator ?? lead?.indicator ?? "LATENCY";
}

/** True where neither spans nor proxies tell of any service in question. */
const isUnheard = (scene: Scene, request: LocalizeRequest) =>
  ![...scene.services.values()].some((service) => matches(service, request));

async function answerRequest(storage: Storage, request: LocalizeRequest): Promise<Localization> {
  const { fault, baseline, onset } = await chooseWindows(storage, request);
  const id = localizationId(request.tenant, JSON.stringify([request, fault, baseline]));
  const none = { id, range: rangeOf(fault), onset: null, causes: [], rejected: [] };
  if (baseline.length === 0) {
    const told = await localizeByMetrics(storage, request);
    if (told !== null) return told;
    const reason =
      request.baseline === null
        ? "There is no quiet period with traffic in the hour before the window to compare with; give a baseline."
        : "Nothing of the baseline lies outside the window, so there is nothing to compare with.";
    return { ...none, baseline: rangeOf(fault), verdict: "INCONCLUSIVE", reason };
  }
  const frame = { ...none, baseline: rangeOf(baseline) };
  const windows = { fault, baseline };
  const { tenant, maxCauses } = request;
  const scene = await readScene(storage, tenant, windows, request.operation === null ? "services" : "operations");
  if (isUnheard(scene, request)) {
    const told = await localizeByMetrics(storage, request);
    if (told !== null) return told;
  }
  const found = findSymptoms(scene, request, { fault: fault.length, baseline: baseline.length });
  const named = namedPlaces(scene, request);
  const question = { id, tenant, windows, indicator: found.indicator, onset, maxCauses };
  // Sources look below what is named and what deviates; where neither is, anywhere.
  const gathered = await gatherEvidence(
    storage,
    { ...question, symptoms: new Set([...named, ...found.places]) },
    scene,
  );
  const opening = openingFindings(scene, request, gathered.findings);
  if (found.places.size === 0 && opening.length === 0) {
    const nothing = whyNothing(scene, request);
    return nothing === null
      ? { ...frame, verdict: "NO_FAULT", reason: whyNoFault(request, gathered.missing) }
      : { ...frame, verdict: "INCONCLUSIVE", reason: nothing };
  }
  const indicator = found.places.size > 0 ? found.indicator : indicatorOf(request, opening);
  const symptoms = new Set([...named, ...found.places, ...opening.map((f) => f.place)]);
  return localizeFault(storage, { ...question, indicator, symptoms }, gathered);
}

/** Localizes on demand, stores the answer and returns it. */
export async function localizeOnDemand(
  storage: Storage,
  request: LocalizeRequest,
  nowMs: number,
): Promise<Localization> {
  const answer = await answerRequest(shareReads(storage), request);
  const revision = (BigInt(nowMs) * 1_000_000n).toString();
  await writeLocalizations(storage, request.tenant, revision, [answer]);
  return answer;
}
