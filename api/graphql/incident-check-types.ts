// GraphQL types of "Why (not) an incident?": what each indicator of a service showed at a time, and which condition decided.
// In: a builder, the types of places and findings. Out: the field `incidentCheck`.
// Bounds: one check runs beside the localizations on demand, within their limit; refused where no analyzer runs in the process.
import { CHECK_VERDICTS, type IncidentCheck, type IndicatorCheck } from "../../model/incident-check.ts";
import { refuse } from "../refusal.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import type { FindingTypes } from "./finding-types.ts";

// The clock of a client may be ahead of ours.
const CLOCK_SLACK_MS = 60_000;

/** Adds IncidentCheck and the field that asks for it. */
export function addIncidentCheckTypes(
  builder: ApiBuilder,
  { entity, timeRange }: Pick<EntityTypes, "entity" | "timeRange">,
  { indicator }: FindingTypes,
): void {
  const verdict = builder.enumType("CheckVerdict", {
    description:
      "OPENS: opens an incident by itself. SUPPORTS: deviates, but needs more: a second bucket, duration, or harm. NORMAL. NOT_JUDGED: too little is known.",
    values: CHECK_VERDICTS,
  });
  const check = builder.objectRef<IndicatorCheck>("IndicatorCheck").implement({
    description: "One indicator of one place in one bucket against what is normal for it.",
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      indicator: t.expose("indicator", { type: indicator }),
      verdict: t.expose("verdict", { type: verdict }),
      observed: t.exposeFloat("observed", { nullable: true }),
      expected: t.exposeFloat("expected", { nullable: true }),
      effect: t.exposeFloat("effect", { nullable: true, description: "observed minus expected, in unit." }),
      unit: t.exposeString("unit", { description: "ratio, ms, requests, restarts or messages." }),
      pValue: t.exposeFloat("pValue", { nullable: true }),
      threshold: t.exposeFloat("threshold", {
        description: "The p-value that opens an incident at once, corrected for all tests of the bucket.",
      }),
      requests: t.exposeFloat("requests", { description: "Requests in the window." }),
      minimumRequests: t.exposeInt("minimumRequests", {
        description: "Requests that a bucket needs to be judged alone; with fewer, longer windows are judged.",
      }),
      windowSeconds: t.exposeInt("windowSeconds"),
      baselineBuckets: t.exposeInt("baselineBuckets", { description: "Clean buckets that it was compared with." }),
      sentence: t.exposeString("sentence", { description: "What decided, in words." }),
    }),
  });
  const answer = builder.objectRef<IncidentCheck>("IncidentCheck").implement({
    description: "Why a service was, or was not, part of an incident at a time.",
    fields: (t) => ({
      range: t.expose("range", { type: timeRange, description: "The bucket that was checked." }),
      incidentId: t.exposeID("incidentId", { nullable: true }),
      sentence: t.exposeString("sentence"),
      checks: t.field({ type: [check], resolve: ({ checks }) => [...checks] }),
    }),
  });
  builder.queryField("incidentCheck", (t) =>
    t.field({
      type: answer,
      description: "Why (not) an incident: the detection of one service and bucket once more, with its reasons.",
      args: {
        service: t.arg.string({ required: true }),
        namespace: t.arg.string(),
        cluster: t.arg.string(),
        at: t.arg({ type: "DateTime", required: true }),
      },
      resolve: (_root, args, { explainDetection, tenant, admitLocalize, now }) => {
        if (args.service === "") throw refuse("BAD_ARGUMENT", "service is empty; name the service to explain.");
        if (Date.parse(args.at) > now() + CLOCK_SLACK_MS)
          throw refuse("BAD_ARGUMENT", `at is ${args.at}, which has not come yet.`);
        if (explainDetection === null)
          throw refuse("ANALYZER_UNAVAILABLE", "This process runs without the analyzer role; ask one that has it.");
        const { service, at } = args;
        const request = { tenant, service, namespace: args.namespace ?? null, cluster: args.cluster ?? null, at };
        return admitLocalize(() => explainDetection(request));
      },
    }),
  );
}
