// GraphQL types of incidents, their lists, and the live subscription.
// In: a builder and the types of places and findings. Out: the fields `incidents`, `incident`, `incidentChanged`.
// Bounds: pages ≤ 100; withdrawn incidents are never shown; localizations of a page are read in one query.
import type { Impact } from "../../model/incident.ts";
import { readIncident, readIncidentPage, type StoredIncident, type Symptom } from "../../storage/incidents.ts";
import { checkId, checkRange, page, pageArgs } from "../arguments.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import type { FindingTypes } from "./finding-types.ts";

/** Adds Incident and the fields that ask for it. */
export function addIncidentTypes(
  builder: ApiBuilder,
  { entity, timeRangeInput, pageInfo }: EntityTypes,
  { localization, indicator }: FindingTypes,
) {
  const status = builder.enumType("IncidentStatus", { values: ["OPEN", "RESOLVED"] as const });
  const impact = builder.objectRef<Impact>("Impact").implement({
    description: "affectedRatio: share (0..1) of that entity's requests in the window.",
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      affectedRatio: t.exposeFloat("affectedRatio", { nullable: true }),
    }),
  });
  const symptom = builder.objectRef<Symptom>("Symptom").implement({
    description: "What alarmed: one indicator of one place, against what was expected of it.",
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      indicator: t.expose("indicator", { type: indicator }),
      observed: t.exposeFloat("observed", { nullable: true }),
      expected: t.exposeFloat("expected", { nullable: true }),
      unit: t.exposeString("unit", { description: "Unit of observed and expected, such as ms or ratio." }),
      since: t.expose("since", { type: "DateTime", nullable: true }),
    }),
  });
  const incident = builder.objectRef<StoredIncident>("Incident").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      status: t.field({
        type: status,
        resolve: (row) => (row.status === "OPEN" ? "OPEN" : "RESOLVED"),
      }),
      title: t.exposeString("title"),
      startedAt: t.expose("startedAt", { type: "DateTime" }),
      detectedAt: t.expose("detectedAt", { type: "DateTime" }),
      resolvedAt: t.expose("resolvedAt", { type: "DateTime", nullable: true }),
      symptoms: t.field({ type: [symptom], resolve: ({ symptoms }) => [...symptoms] }),
      impact: t.field({ type: [impact], resolve: (row) => [...row.impact] }),
      localization: t.field({
        type: localization,
        nullable: true,
        resolve: (row, _args, context) =>
          row.localizationId === null ? null : context.localization(row.localizationId),
      }),
    }),
  });
  const connection = builder
    .objectRef<{ nodes: StoredIncident[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }>(
      "IncidentConnection",
    )
    .implement({
      fields: (t) => ({
        nodes: t.expose("nodes", { type: [incident] }),
        pageInfo: t.expose("pageInfo", { type: pageInfo }),
      }),
    });

  builder.queryField("incidents", (t) =>
    t.field({
      type: connection,
      description: "Incidents that overlap the range, newest start first.",
      args: {
        range: t.arg({ type: timeRangeInput }),
        status: t.arg({ type: status }),
        first: t.arg.int({ required: true, description: "1..100" }),
        after: t.arg.string(),
      },
      resolve: async (_root, args, { storage, tenant, limits }) => {
        if (args.range !== null && args.range !== undefined) checkRange(args.range, limits.maxListRangeSeconds);
        const { first, after } = pageArgs("incidents", args.first, args.after);
        const rows = await readIncidentPage(storage, {
          tenant,
          range: args.range ?? null,
          status: args.status ?? null,
          limit: first + 1,
          after: after === null ? null : { startedAtMs: after.ms, id: after.id },
        });
        return page("incidents", rows, first, (row) => ({ ms: Date.parse(row.startedAt), id: row.id }));
      },
    }),
  );
  builder.queryField("incident", (t) =>
    t.field({
      type: incident,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }, { storage, tenant }) => readIncident(storage, tenant, checkId(id)),
    }),
  );
  builder.subscriptionField("incidentChanged", (t) =>
    t.field({
      type: incident,
      description: "An incident that was opened, changed or resolved, in its newest state.",
      subscribe: (_root, _args, { feed, gone }) => feed.subscribe(gone),
      resolve: (row) => row,
    }),
  );
  return incident;
}

/** The reference to Incident. */
export type IncidentType = ReturnType<typeof addIncidentTypes>;
