// GraphQL fields that tell an incident's story: timeline, what users felt, similar incidents.
// In: a builder and the types of incidents and places. Out: fields on Incident, worked out when they are asked for.
// Bounds: SIMILAR_DAYS back, MAX_EARLIER incidents compared; an incident without a baseline has no entry impact.
import { entityId } from "../../model/entity.ts";
import { readAnomalyStarts, readEntryWork } from "../../storage/incident-story.ts";
import { readIncidentPage, type StoredIncident } from "../../storage/incidents.ts";
import { readLocalizations } from "../../storage/localizations.ts";
import { type EntryImpact, entryImpact } from "../entry-impact.ts";
import { incidentTimeline, TIMELINE_KINDS, type TimelineEvent } from "../incident-timeline.ts";
import { refuse } from "../refusal.ts";
import { type SimilarIncident, similarIncidents } from "../similar-incidents.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import type { IncidentType } from "./incident-types.ts";

const SIMILAR_DAYS = 90;
const DAY_MS = 86_400_000;
const MAX_EARLIER = 300;
const MAX_SIMILAR = 10;
const MAX_ENTRIES = 50;

/** Adds `timeline`, `entryImpact` and `similar` to Incident. */
export function addIncidentStoryTypes(builder: ApiBuilder, { entity }: EntityTypes, incident: IncidentType): void {
  const kind = builder.enumType("TimelineKind", { values: TIMELINE_KINDS });
  const event = builder.objectRef<TimelineEvent>("TimelineEvent").implement({
    description: "One step of an incident's story.",
    fields: (t) => ({
      at: t.expose("at", { type: "DateTime" }),
      kind: t.expose("kind", { type: kind }),
      entity: t.expose("entity", { type: entity, nullable: true }),
      summary: t.exposeString("summary"),
    }),
  });
  const entry = builder.objectRef<EntryImpact>("EntryImpact").implement({
    description: "What users met at one operation that they call.",
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      requests: t.exposeFloat("requests", { description: "Requests in the incident's window." }),
      affectedRequests: t.exposeFloat("affectedRequests", {
        description: "About how many of them failed, or took longer than 99 in 100 did before, beyond what is usual.",
      }),
      affectedRatio: t.exposeFloat("affectedRatio", {
        nullable: true,
        description: "affectedRequests as a share (0..1); null where the baseline has too few requests to tell.",
      }),
    }),
  });
  const similar = builder.objectRef<SimilarIncident>("SimilarIncident").implement({
    description: "An earlier incident that looks like this one.",
    fields: (t) => ({
      incident: t.expose("incident", { type: incident }),
      similarity: t.exposeFloat("similarity", {
        description: "0..1: half the overlap of the alarmed places, half the agreement of the causes.",
      }),
      reason: t.exposeString("reason"),
    }),
  });

  builder.objectFields(incident, (t) => ({
    timeline: t.field({
      type: [event],
      description: "Change, onset, spread, detection, resolution; oldest first.",
      resolve: async (row, _args, { storage, tenant, localization, now }) => {
        const to = row.resolvedAt ?? new Date(now()).toISOString();
        const places = [...new Set(row.symptoms.map((symptom) => entityId(symptom.entity)))];
        // The bucket in which it began starts before the onset.
        const from = new Date(Date.parse(row.startedAt) - 10_000).toISOString();
        const [starts, answer] = await Promise.all([
          readAnomalyStarts(storage, tenant, places, { from, to }),
          row.localizationId === null ? null : localization(row.localizationId),
        ]);
        return incidentTimeline(row, answer, starts);
      },
    }),
    entryImpact: t.field({
      type: [entry],
      description: "The operations that users call, those hit most first; empty once the buckets are no longer kept.",
      resolve: async (row, _args, { storage, tenant, localization, now }) => {
        const answer = row.localizationId === null ? null : await localization(row.localizationId);
        if (answer === null) return [];
        const window = { from: row.startedAt, to: row.resolvedAt ?? new Date(now()).toISOString() };
        return entryImpact(await readEntryWork(storage, tenant, window, answer.baseline)).slice(0, MAX_ENTRIES);
      },
    }),
    similar: t.field({
      type: [similar],
      description: `Incidents of the ${SIMILAR_DAYS} days before that look like this one, most similar first.`,
      args: { first: t.arg.int({ defaultValue: 3, description: `1..${MAX_SIMILAR}` }) },
      resolve: async (row: StoredIncident, { first }, { storage, tenant }) => {
        const count = first ?? 3;
        if (count < 1 || count > MAX_SIMILAR) {
          throw refuse("BAD_ARGUMENT", `similar(first:) is ${count}; it may be 1 to ${MAX_SIMILAR}.`);
        }
        const from = new Date(Date.parse(row.startedAt) - SIMILAR_DAYS * DAY_MS).toISOString();
        const range = { from, to: row.startedAt };
        const request = { tenant, range, status: null, limit: MAX_EARLIER, after: null };
        const earlier = await readIncidentPage(storage, request);
        const ids = [row, ...earlier].map((one) => one.localizationId).filter((id) => id !== null);
        return similarIncidents(row, earlier, await readLocalizations(storage, tenant, ids), count);
      },
    }),
  }));
}
