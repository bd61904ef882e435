// The story of an incident in order: what was changed, when it began, where it spread, when it was noticed, when it was over.
// In: an incident, its localization, when each place first deviated. Out: events, oldest first.
// Bounds: pure; at most MAX_EVENTS events; one spread event a service, at its first deviating bucket, never before the onset.
import { type Entity, entityId, entityName } from "../model/entity.ts";
import type { Localization } from "../model/localization.ts";
import type { AnomalyStart } from "../storage/incident-story.ts";
import type { StoredIncident } from "../storage/incidents.ts";

/** What sort of event it is. */
export const TIMELINE_KINDS = ["CHANGE", "ONSET", "SPREAD", "DETECTION", "RESOLUTION"] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];

/** One event; `at` RFC 3339 UTC, `entity` null where it is about the incident as a whole. */
export interface TimelineEvent {
  readonly at: string;
  readonly kind: TimelineKind;
  readonly entity: Entity | null;
  readonly summary: string;
}

const MAX_EVENTS = 50;

/** Events of the same moment in the order in which one leads to the other. */
function inOrder(a: TimelineEvent, b: TimelineEvent): number {
  return (
    Date.parse(a.at) - Date.parse(b.at) ||
    TIMELINE_KINDS.indexOf(a.kind) - TIMELINE_KINDS.indexOf(b.kind) ||
    (a.summary < b.summary ? -1 : 1)
  );
}

function spreadOf(incident: StoredIncident, starts: readonly AnomalyStart[]): TimelineEvent[] {
  const places = new Map(incident.symptoms.map(({ entity }) => [entityId(entity), entity]));
  const onset = Date.parse(incident.startedAt);
  const told = new Set<string>();
  return [...starts]
    .sort((a, b) => a.first - b.first || (a.indicator < b.indicator ? -1 : 1))
    .flatMap(({ entity_id: id, indicator, first }): TimelineEvent[] => {
      const entity = places.get(id);
      if (entity === undefined || entity.kind !== "SERVICE" || told.has(id)) return [];
      told.add(id);
      const what = {
        ERRORS: "failures rise",
        LATENCY: "latency rises",
        TRAFFIC: "traffic differs",
        SATURATION: "saturates",
      }[indicator];
      const at = new Date(Math.max(onset, first * 1000)).toISOString();
      return [{ at, kind: "SPREAD", entity, summary: `${entityName(entity)}: ${what}` }];
    });
}

/** The timeline of an incident. */
export function incidentTimeline(
  incident: StoredIncident,
  answer: Localization | null,
  starts: readonly AnomalyStart[],
): TimelineEvent[] {
  const cause = answer?.causes[0];
  const change = cause?.change ?? null;
  const fixed: TimelineEvent[] = [
    { at: incident.startedAt, kind: "ONSET", entity: cause?.entity ?? null, summary: cause?.summary ?? incident.title },
    { at: incident.detectedAt, kind: "DETECTION", entity: null, summary: incident.title },
  ];
  if (change !== null) {
    fixed.push({ at: change.at, kind: "CHANGE", entity: change.entity, summary: change.summary });
  }
  if (incident.resolvedAt !== null) {
    fixed.push({ at: incident.resolvedAt, kind: "RESOLUTION", entity: null, summary: "back to what is usual" });
  }
  const spread = spreadOf(incident, starts).slice(0, MAX_EVENTS - fixed.length);
  return [...fixed, ...spread].sort(inOrder);
}
