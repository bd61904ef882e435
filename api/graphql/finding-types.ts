// GraphQL types of findings: Localization, Cause, Evidence, Change, and the mutation that localizes on demand.
// In: a builder and the entity types. Out: references, and the fields `localization`, `changes`, `localize`.
// Bounds: pages ≤ 100; ranges by options.ts; as many localizations at once as options.ts allows.
import {
  type Cause,
  type Change,
  type Evidence,
  FAULT_KINDS,
  INDICATORS,
  type Localization,
  MAX_CAUSES,
  type RejectedCause,
  type Remedy,
  type TimeRange,
  VERDICTS,
} from "../../model/localization.ts";
import { readChangePage } from "../../storage/changes.ts";
import { readNormalTraces } from "../../storage/incident-story.ts";
import { checkId, checkRange, page, pageArgs } from "../arguments.ts";
import { refuse } from "../refusal.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";

const MAX_NORMAL = 3;
// The last minutes of a baseline are near enough to the fault to be alike, and quick to read.
const NORMAL_MS = 300_000;

/** A cause with the baseline that its answer was compared with. */
interface CauseOfAnswer extends Cause {
  readonly baseline: TimeRange;
}

/** Adds the types of findings and the fields that ask for them. */
export function addFindingTypes(builder: ApiBuilder, { entity, timeRange, timeRangeInput, pageInfo }: EntityTypes) {
  const faultKind = builder.enumType("FaultKind", { values: FAULT_KINDS });
  const verdict = builder.enumType("LocalizationVerdict", { values: VERDICTS });
  const indicator = builder.enumType("Indicator", { values: INDICATORS });

  const evidence = builder.objectRef<Evidence>("Evidence").implement({
    fields: (t) => ({
      source: t.exposeString("source", {
        description: "Which detector speaks, e.g. exclusive-time, error-origin, cohort-version, response-flag, change.",
      }),
      summary: t.exposeString("summary", { description: "One sentence with numbers and units, for a person." }),
      weight: t.exposeFloat("weight", {
        description: "Log-likelihood ratio contributed, in nats; negative speaks against.",
      }),
      traceIds: t.stringList({ resolve: (statement) => [...statement.traceIds] }),
    }),
  });
  const change = builder.objectRef<Change>("Change").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      at: t.expose("at", { type: "DateTime" }),
      kind: t.exposeString("kind"),
      entity: t.expose("entity", { type: entity }),
      summary: t.exposeString("summary"),
      before: t.exposeString("before", { nullable: true }),
      after: t.exposeString("after", { nullable: true }),
    }),
  });
  const remedy = builder.objectRef<Remedy>("Remedy").implement({
    fields: (t) => ({
      summary: t.exposeString("summary"),
      patch: t.exposeString("patch", {
        nullable: true,
        description: "A manifest to review, YAML; null where none applies.",
      }),
    }),
  });
  const cause = builder.objectRef<CauseOfAnswer>("Cause").implement({
    fields: (t) => ({
      rank: t.exposeInt("rank"),
      confidence: t.exposeFloat("confidence", {
        description:
          "0..1, calibrated probability that this cause is a true root: among causes given 0.8, eight in ten are right.",
      }),
      faultKind: t.expose("faultKind", { type: faultKind }),
      entity: t.expose("entity", { type: entity }),
      summary: t.exposeString("summary"),
      evidence: t.field({ type: [evidence], resolve: ({ evidence: statements }) => [...statements] }),
      blamePath: t.field({
        type: [entity],
        description: "From the symptom to the cause.",
        resolve: ({ blamePath }) => [...blamePath],
      }),
      change: t.expose("change", { type: change, nullable: true }),
      codeRegion: t.exposeString("codeRegion", {
        nullable: true,
        description: "Class, method, file or log template that the evidence points to, when it does.",
      }),
      remedy: t.expose("remedy", { type: remedy, nullable: true }),
      normalTraceIds: t.stringList({
        description:
          "Traces of the same place from the end of the baseline, for comparison with those of the evidence.",
        resolve: ({ entity: place, baseline }, _args, { storage, tenant }) => {
          const { service, version, instance, peer } = place;
          if (service === "") return [];
          const to = Date.parse(baseline.to);
          const from = new Date(Math.max(Date.parse(baseline.from), to - NORMAL_MS)).toISOString();
          const asked = { service, version, instance, peer: peer?.service ?? "" };
          return readNormalTraces(storage, tenant, asked, { from, to: baseline.to }, MAX_NORMAL);
        },
      }),
    }),
  });
  const rejected = builder.objectRef<RejectedCause>("RejectedCause").implement({
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      reason: t.exposeString("reason"),
      evidence: t.field({ type: [evidence], resolve: ({ evidence: statements }) => [...statements] }),
    }),
  });
  const localization = builder.objectRef<Localization>("Localization").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      verdict: t.expose("verdict", { type: verdict }),
      reason: t.exposeString("reason", {
        nullable: true,
        description: "Why there is no answer; null when FOUND.",
      }),
      range: t.expose("range", { type: timeRange }),
      baseline: t.expose("baseline", { type: timeRange }),
      onset: t.expose("onset", { type: "DateTime", nullable: true }),
      causes: t.field({
        type: [cause],
        resolve: ({ causes, baseline }) => causes.map((one) => ({ ...one, baseline })),
      }),
      rejected: t.field({ type: [rejected], resolve: (answer) => [...answer.rejected] }),
    }),
  });

  builder.queryField("localization", (t) =>
    t.field({
      type: localization,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }, context) => context.localization(checkId(id)),
    }),
  );

  const changeConnection = builder
    .objectRef<{ nodes: Change[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }>("ChangeConnection")
    .implement({
      fields: (t) => ({
        nodes: t.expose("nodes", { type: [change] }),
        pageInfo: t.expose("pageInfo", { type: pageInfo }),
      }),
    });
  builder.queryField("changes", (t) =>
    t.field({
      type: changeConnection,
      description: "Changes of the running system, newest first.",
      args: {
        range: t.arg({ type: timeRangeInput, required: true }),
        first: t.arg.int({ required: true, description: "1..100" }),
        after: t.arg.string(),
      },
      resolve: async (_root, args, { storage, tenant, limits }) => {
        checkRange(args.range, limits.maxListRangeSeconds);
        const { first, after } = pageArgs("changes", args.first, args.after);
        const rows = await readChangePage(storage, {
          tenant,
          range: args.range,
          limit: first + 1,
          after: after === null ? null : { atMs: after.ms, id: after.id },
        });
        return page("changes", rows, first, (row) => ({ ms: Date.parse(row.at), id: row.id }));
      },
    }),
  );

  const localizeInput = builder.inputType("LocalizeInput", {
    fields: (t) => ({
      range: t.field({ type: timeRangeInput, required: true }),
      baseline: t.field({
        type: timeRangeInput,
        description: "Default: a quiet period before the range, chosen and reported.",
      }),
      cluster: t.string({ description: "Narrow to a symptom; default: whatever is worst." }),
      namespace: t.string(),
      service: t.string(),
      operation: t.string(),
      indicator: t.field({ type: indicator }),
      maxCauses: t.int({ defaultValue: 5 }),
    }),
  });
  builder.mutationField("localize", (t) =>
    t.field({
      type: localization,
      description: "Localize on demand over any window; stores and returns the result.",
      args: { input: t.arg({ type: localizeInput, required: true }) },
      resolve: (_root, { input }, { localize, limits, tenant, admitLocalize }) => {
        checkRange(input.range, limits.maxLocalizeRangeSeconds);
        if (input.baseline !== null && input.baseline !== undefined)
          checkRange(input.baseline, limits.maxLocalizeRangeSeconds);
        const maxCauses = input.maxCauses ?? 5;
        if (maxCauses < 1 || maxCauses > MAX_CAUSES) {
          throw refuse("BAD_ARGUMENT", `maxCauses is ${maxCauses}; it may be 1 to ${MAX_CAUSES}.`);
        }
        if (localize === null) {
          throw refuse("ANALYZER_UNAVAILABLE", "This process runs without the analyzer role; ask one that has it.");
        }
        return admitLocalize(() =>
          localize({
            tenant,
            range: input.range,
            baseline: input.baseline ?? null,
            cluster: input.cluster ?? null,
            namespace: input.namespace ?? null,
            service: input.service ?? null,
            operation: input.operation ?? null,
            indicator: input.indicator ?? null,
            maxCauses,
          }),
        );
      },
    }),
  );
  return { localization, indicator };
}

/** References of `addFindingTypes`. */
export type FindingTypes = ReturnType<typeof addFindingTypes>;
