// What an alert says, before any service's format: one sentence, the place, the evidence, the link.
// In: a stored incident, its localization, a transition. Out: plain texts and times.
// Bounds: three statements of evidence, three hit places; words are the analyzer's own.
import { type Entity, entityId, entityName } from "../../model/entity.ts";
import type { Cause, Localization } from "../../model/localization.ts";
import type { Transition } from "../../storage/alert-deliveries.ts";
import type { StoredIncident } from "../../storage/incidents.ts";

const MAX_STATEMENTS = 3;

/** An alert in plain words; times are RFC 3339 UTC. */
export interface AlertFacts {
  readonly transition: Transition;
  readonly incidentId: string;
  readonly title: string;
  readonly sentence: string;
  readonly startedAt: string;
  readonly resolvedAt: string | null;
  readonly at: string;
  readonly place: Entity | null;
  readonly cause: { summary: string; place: string; faultKind: string; confidence: number } | null;
  readonly evidence: readonly string[];
  readonly impact: readonly string[];
  readonly url: string;
}

function clock(instant: string): string {
  return instant.slice(11, 16);
}

/** A duration in the words of a chat message: 40 s, 18 min, 3 h 5 min. */
export function spokenDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

function openedSentence(incident: StoredIncident, localization: Localization | null, cause: Cause | null): string {
  const title = incident.title.replace(/\.$/, "");
  const since = /\bsince\b/.test(title) ? "" : ` since ${clock(incident.startedAt)} UTC`;
  if (cause !== null) {
    const summary = cause.summary.replace(/\.$/, "");
    return `${title}${since}; likely ${summary}, confidence ${cause.confidence.toFixed(2)}`;
  }
  const reason = localization?.reason?.replace(/\.$/, "");
  return `${title}${since}; ${reason === undefined ? "the cause is not known yet" : `no cause found: ${reason}`}`;
}

function sentenceOf(
  transition: Transition,
  incident: StoredIncident,
  localization: Localization | null,
  cause: Cause | null,
): string {
  if (transition === "opened") return openedSentence(incident, localization, cause);
  if (transition === "withdrawn") return `Withdrawn: ${incident.title} (late data showed that there was no incident)`;
  const lasted =
    incident.resolvedAt === null
      ? ""
      : ` after ${spokenDuration(Date.parse(incident.resolvedAt) - Date.parse(incident.startedAt))}`;
  return `Resolved${lasted}: ${incident.title}`;
}

/** The facts of one alert; `baseUrl` has the console. */
export function alertFacts(
  transition: Transition,
  incident: StoredIncident,
  localization: Localization | null,
  baseUrl: string,
): AlertFacts {
  const cause = localization?.causes[0] ?? null;
  return {
    transition,
    incidentId: incident.id,
    title: incident.title,
    sentence: sentenceOf(transition, incident, localization, cause),
    startedAt: incident.startedAt,
    resolvedAt: incident.resolvedAt,
    at: transition === "resolved" && incident.resolvedAt !== null ? incident.resolvedAt : incident.detectedAt,
    place: incident.symptoms[0]?.entity ?? incident.impact[0]?.entity ?? cause?.entity ?? null,
    cause:
      cause === null
        ? null
        : {
            summary: cause.summary,
            place: entityId(cause.entity),
            faultKind: cause.faultKind,
            confidence: cause.confidence,
          },
    evidence:
      cause === null
        ? []
        : cause.evidence
            .filter((statement) => statement.weight > 0)
            .toSorted((a, b) => b.weight - a.weight)
            .slice(0, MAX_STATEMENTS)
            .map((statement) => statement.summary),
    impact: incident.impact
      .slice(0, MAX_STATEMENTS)
      .map(({ entity, affectedRatio }) =>
        affectedRatio === null
          ? entityName(entity)
          : `${entityName(entity)}: ${Math.round(affectedRatio * 100)} % of requests`,
      ),
    url: `${baseUrl.replace(/\/+$/, "")}/incidents/${encodeURIComponent(incident.id)}`,
  };
}
