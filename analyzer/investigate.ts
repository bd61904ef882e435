// From an incident to its answer: the baseline's buckets, the onset to the second, the localization.
// In: an incident and the analyzer's memory. Out: the incident with startedAt refined and an answer attached.
// Bounds: at most MAX_BASELINE clean buckets are compared; an incident is localized in its first buckets and then every minute, at most
//   MAX_AT_ONCE of them in a bucket: those without an answer first, the others wait.
import type { Localization } from "../model/localization.ts";
import { quantileMs } from "../model/histogram.ts";
import { BUCKET_SECONDS } from "../storage/buckets.ts";
import type { Storage } from "../storage/client.ts";
import { type OnsetSecondRow, readOnsetSeconds } from "../storage/platform-signals.ts";
import type { Anomaly } from "./detect.ts";
import type { History } from "./history.ts";
import { type ActiveIncident, type IncidentState, leadingIndicator } from "./incident.ts";
import { localizationId, localizeFault } from "./localize/localize.ts";
import { findOnsetSecond } from "./onset.ts";
import { bucketsBetween, isoSeconds, rangeOf } from "./time.ts";

const MAX_BASELINE = 30;
const MAX_FAULT = 30;
const MAX_CAUSES = 5;
const MAX_ONSET_SECONDS = 120;

// A question takes a second or two of CPU on a mesh of a thousand services, and the next bucket is ten seconds away.
const MAX_AT_ONCE = 4;

/** True when an incident is due to be localized (again) in this bucket. */
function isDueForLocalization(incident: ActiveIncident, bucket: number): boolean {
  if (incident.clean > 0) return false;
  const age = (bucket - incident.firstBucket) / BUCKET_SECONDS;
  return incident.localization === null || age <= 4 || age % 6 === 0;
}

/** Of the open incidents those to localize in this bucket, and how many are due but have to wait for a later one. */
export function chooseForLocalization(
  open: readonly ActiveIncident[],
  bucket: number,
): { chosen: ActiveIncident[]; postponed: number } {
  const due = open.filter((incident) => isDueForLocalization(incident, bucket));
  const answered = (incident: ActiveIncident) => (incident.localization === null ? 0 : 1);
  const chosen = due
    .toSorted((a, b) => answered(a) - answered(b) || a.firstBucket - b.firstBucket)
    .slice(0, MAX_AT_ONCE);
  return { chosen, postponed: due.length - chosen.length };
}

/** The clean buckets before `firstBucket`, newest first: outside every incident, one bucket of margin kept on both sides. */
export function quietBuckets(history: History, state: IncidentState, firstBucket: number): number[] {
  const spans = [...state.spans, ...state.open.map((i) => ({ from: i.firstBucket, to: i.lastBucket }))];
  const isQuiet = (b: number) => spans.every((s) => b < s.from - BUCKET_SECONDS || b > s.to + BUCKET_SECONDS);
  return [...history.buckets]
    .filter((b) => b < firstBucket - BUCKET_SECONDS && isQuiet(b))
    .sort((a, b) => b - a)
    .slice(0, MAX_BASELINE);
}

/** Only what services sent can be read second by second; a broker or an unknown caller sends no spans. */
function hasSpans(anomaly: Anomaly): boolean {
  return anomaly.from.startsWith("service|");
}

function leadingSymptom(incident: ActiveIncident): Anomaly | undefined {
  const indicator = leadingIndicator(incident);
  return [...incident.symptoms.values()]
    .filter((a) => a.indicator === indicator && a.objective === undefined && hasSpans(a))
    .sort((a, b) => a.log10P - b.log10P || (a.seriesKey < b.seriesKey ? -1 : 1))[0];
}

/** What that source says which tells of more requests: spans are often sampled, access logs often absent. */
function fullerSource(rows: readonly OnsetSecondRow[]): OnsetSecondRow[] {
  const [spans, logs] = [
    rows.filter(({ source }) => source === "spans"),
    rows.filter(({ source }) => source !== "spans"),
  ];
  const callsOf = (told: readonly OnsetSecondRow[]) => told.reduce((sum, { calls }) => sum + calls, 0);
  return callsOf(logs) > callsOf(spans) ? logs : spans;
}

/** The incident with its start refined to the second, from the series that deviates most. */
export async function refineOnset(
  storage: Storage,
  tenant: string,
  history: History,
  incident: ActiveIncident,
): Promise<ActiveIncident> {
  const lead = leadingSymptom(incident);
  // Requests that stay away and restarts are no share of the requests of a second.
  if (lead?.indicator === "TRAFFIC" || lead?.indicator === "SATURATION") return incident;
  const points = lead === undefined ? undefined : history.series.get(lead.seriesKey)?.points;
  if (lead === undefined || points === undefined) return incident;
  const { entity, from, to, expected } = lead;
  const before = points.get(incident.firstBucket - 2 * BUCKET_SECONDS);
  const slowMs = Math.max(expected, quantileMs(before?.hist ?? [], 0.99) ?? 0);
  const about = {
    tenant,
    service: entity.service,
    // Nothing after the bucket that opened it: later spans may or may not have arrived, and the answer must not depend on it.
    from: Math.max(incident.firstBucket, incident.lastBucket - MAX_ONSET_SECONDS) - BUCKET_SECONDS,
    to: incident.lastBucket + BUCKET_SECONDS,
    slowNs: Math.round(slowMs * 1e6),
  };
  const peer = from === to ? "" : (entity.peer?.service ?? "");
  const ofEdge = fullerSource(await readOnsetSeconds(storage, { ...about, peer }));
  // A gateway tells of a request and of where it sent it with one span: then its own requests tell when.
  const isOwn = peer === "" || ofEdge.length > 0;
  const rows = isOwn ? ofEdge : fullerSource(await readOnsetSeconds(storage, { ...about, peer: "" }));
  const errors = lead.indicator === "ERRORS";
  // The symptom is whichever there is more of: requests that fail, or that are refused.
  const sum = (of: "failed" | "refused") => rows.reduce((total, row) => total + row[of], 0);
  const wrong = sum("refused") > sum("failed") ? "refused" : "failed";
  const seconds = rows.map(({ second, calls, slow, ...row }) => ({
    second,
    calls,
    hits: errors ? row[wrong] : slow,
  }));
  const normal = errors ? expected : 0.02;
  return { ...incident, startedAt: findOnsetSecond(seconds, normal, incident.firstBucket) };
}

function noBaseline(id: string, fault: readonly number[], onset: number): Localization {
  return {
    id,
    verdict: "INCONCLUSIVE",
    reason: "There is no quiet period before the fault to compare with.",
    range: rangeOf(fault),
    baseline: rangeOf(fault.slice(0, 1)),
    onset: isoSeconds(onset),
    causes: [],
    rejected: [],
  };
}

/** The incident with a (newer) answer; an answer that was found is not replaced by an inconclusive one. */
export async function localizeIncident(
  storage: Storage,
  tenant: string,
  memory: { readonly history: History; readonly state: IncidentState },
  incident: ActiveIncident,
  bucket: number,
): Promise<ActiveIncident> {
  const id = localizationId(tenant, incident.id);
  const fault = bucketsBetween(incident.firstBucket, bucket + BUCKET_SECONDS).slice(0, MAX_FAULT);
  const baseline = quietBuckets(memory.history, memory.state, incident.firstBucket);
  const answer =
    baseline.length === 0
      ? noBaseline(id, fault, incident.startedAt)
      : await localizeFault(storage, {
          id,
          tenant,
          windows: { fault, baseline },
          symptoms: incident.nodes,
          indicator: leadingIndicator(incident),
          onset: incident.startedAt,
          maxCauses: MAX_CAUSES,
        });
  const keep = incident.localization?.verdict === "FOUND" && answer.verdict !== "FOUND";
  return keep ? incident : { ...incident, localization: answer };
}
