// GraphQL types of one trace and of two beside each other.
// In: a builder and the types of places. Out: the fields `trace` and `compareTraces`, and those of trace-list-types.ts.
// Bounds: a trace of 50,000 spans; pages as said at each field.
import { compareTraces, PART_STATES, type PartFigures, type TracePart } from "../../model/trace/compare.ts";
import { traceRows } from "../../model/trace/rows.ts";
import { type ServiceShare, summarizeTrace, type TraceSummary } from "../../model/trace/summary.ts";
import { tracePath, type TraceView, unfold } from "../../model/trace/view.ts";
import { askTrace, checkPage, instantOfNs } from "../trace-query.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";
import { addTraceFindingTypes } from "./trace-finding-types.ts";
import { addTraceListTypes } from "./trace-list-types.ts";
import { addTraceRowTypes } from "./trace-row-types.ts";

const MAX_ROWS = 10_000;
const MAX_FINDINGS = 1000;

interface TraceShape {
  readonly view: TraceView;
  readonly summary: TraceSummary;
}

interface ComparisonShape {
  readonly first: TraceShape;
  readonly second: TraceShape;
  readonly parts: readonly TracePart[];
}

/** Adds Trace, TraceComparison, lists of traces and the fields that ask for them. */
export function addTraceTypes(builder: ApiBuilder, places: EntityTypes): void {
  const { entity } = places;
  const { row, kind } = addTraceRowTypes(builder, places);
  const { path, pathEnd, failure, silence, clock } = addTraceFindingTypes(builder, places);
  const share = builder.objectRef<ServiceShare>("TraceService").implement({
    fields: (t) => ({
      entity: t.expose("entity", { type: entity }),
      spanCount: t.exposeInt("spanCount"),
      failedCount: t.exposeInt("failedCount"),
      exclusiveMs: t.float({ resolve: ({ exclusiveNs }) => exclusiveNs / 1e6 }),
      criticalMs: t.float({
        description: "Time on the critical path to the response.",
        resolve: ({ criticalNs }) => criticalNs / 1e6,
      }),
    }),
  });
  const trace = builder.objectRef<TraceShape>("Trace");
  trace.implement({
    description:
      "One trace. Times are milliseconds after its start as shown, with impossible clocks corrected (clockCorrections); raw times are beside.",
    fields: (t) => ({
      id: t.id({ resolve: ({ view }) => view.traceId }),
      startedAt: t.field({ type: "DateTime", resolve: ({ summary }) => instantOfNs(summary.startNs) }),
      durationMs: t.float({ resolve: ({ summary }) => summary.durationNs / 1e6 }),
      rawDurationMs: t.float({
        description: "By the clocks as they were.",
        resolve: ({ summary }) => summary.rawDurationNs / 1e6,
      }),
      spanCount: t.int({ resolve: ({ summary }) => summary.spanCount }),
      hopCount: t.int({ description: "Rows of the folded waterfall.", resolve: ({ summary }) => summary.hopCount }),
      failedCount: t.int({ resolve: ({ summary }) => summary.failedCount }),
      duplicateCount: t.int({
        description: "Copies that were left out.",
        resolve: ({ summary }) => summary.duplicates,
      }),
      truncated: t.boolean({
        description: "The trace has more spans than are shown; the latest are missing.",
        resolve: ({ summary }) => summary.isTruncated,
      }),
      rootCount: t.int({ resolve: ({ summary }) => summary.rootCount }),
      orphanCount: t.int({
        description: "Spans whose parent is not there.",
        resolve: ({ summary }) => summary.orphanCount,
      }),
      missingParentCount: t.int({ resolve: ({ summary }) => summary.missingParents }),
      cycleCount: t.int({
        description: "Spans that were their own ancestors: such cycles are cut at their earliest span.",
        resolve: ({ summary }) => summary.cycles,
      }),
      spanDepth: t.int({ resolve: ({ summary }) => summary.spanDepth }),
      hopDepth: t.int({ resolve: ({ summary }) => summary.hopDepth }),
      clusters: t.stringList({ resolve: ({ summary }) => [...summary.clusters] }),
      linkedTraceIds: t.field({
        type: ["ID"],
        description: "Other traces that spans of this one link to, at most 1000.",
        resolve: ({ view }) => view.parents.linkedTraces.slice(0, MAX_FINDINGS),
      }),
      services: t.field({
        type: [share],
        description: "By their time on the critical path, at most 1000.",
        resolve: ({ summary }) => summary.services.slice(0, MAX_FINDINGS),
      }),
      rows: t.field({
        type: [row],
        description: "The waterfall, each row before those below it.",
        args: {
          fold: t.arg.boolean({
            required: true,
            defaultValue: true,
            description: "One row a call, with the spans of both sides and of their sidecars; false: one row a span.",
          }),
          first: t.arg.int({ required: true, defaultValue: 1000, description: `0..${MAX_ROWS}` }),
          offset: t.arg.int({ required: true, defaultValue: 0 }),
        },
        resolve: ({ view }, { fold, first, offset }) => {
          checkPage(first, offset, MAX_ROWS);
          return traceRows(view, fold ? view.folded : unfold(view), offset, first);
        },
      }),
      criticalPath: t.field({
        type: path,
        nullable: true,
        args: { until: t.arg({ type: pathEnd, required: true, defaultValue: "RESPONSE" }) },
        resolve: ({ view }, { until }) => {
          const found = until === "RESPONSE" ? view.responsePath : tracePath(view, until);
          return found === null ? null : { view, found };
        },
      }),
      failures: t.field({
        type: [failure],
        description: "Where errors began: those that reached the root first, then by time; at most 1000.",
        resolve: ({ view }) => view.origins.slice(0, MAX_FINDINGS).map((found) => ({ view, found })),
      }),
      silences: t.field({
        type: [silence],
        description: "In order of time, at most 1000.",
        resolve: ({ view }) => view.silences.slice(0, MAX_FINDINGS).map((found) => ({ view, found })),
      }),
      clockCorrections: t.field({
        type: [clock],
        description: "At most 1000.",
        resolve: ({ view }) => view.times.corrections.slice(0, MAX_FINDINGS).map((found) => ({ view, found })),
      }),
    }),
  });

  const state = builder.enumType("TracePartState", {
    description: "MISSING: only the first trace has it. EXTRA: only the second.",
    values: PART_STATES,
  });
  const figures = builder.objectRef<PartFigures>("TracePartFigures").implement({
    description: "Sums over the calls.",
    fields: (t) => ({
      count: t.exposeInt("count"),
      failed: t.exposeInt("failed"),
      durationMs: t.float({ resolve: ({ durationNs }) => durationNs / 1e6 }),
      exclusiveMs: t.float({ resolve: ({ exclusiveNs }) => exclusiveNs / 1e6 }),
      criticalMs: t.float({ resolve: ({ criticalNs }) => criticalNs / 1e6 }),
    }),
  });
  const part = builder.objectRef<TracePart>("TracePart").implement({
    description: "A path of (service, operation, kind) from the root. Differences are second minus first.",
    fields: (t) => ({
      parentIndex: t.exposeInt("parentIndex", { nullable: true }),
      depth: t.exposeInt("depth"),
      entity: t.expose("entity", { type: entity }),
      operation: t.exposeString("operation"),
      kind: t.field({ type: kind, resolve: (p) => p.kind.toUpperCase() as Uppercase<TracePart["kind"]> }),
      state: t.expose("state", { type: state }),
      first: t.expose("first", { type: figures }),
      second: t.expose("second", { type: figures }),
      durationDifferenceMs: t.float({ resolve: (p) => p.durationDifferenceNs / 1e6 }),
      exclusiveDifferenceMs: t.float({ resolve: (p) => p.exclusiveDifferenceNs / 1e6 }),
    }),
  });
  const comparison = builder.objectRef<ComparisonShape>("TraceComparison").implement({
    fields: (t) => ({
      first: t.expose("first", { type: trace }),
      second: t.expose("second", { type: trace }),
      durationDifferenceMs: t.float({
        resolve: ({ first, second }) => (second.summary.durationNs - first.summary.durationNs) / 1e6,
      }),
      partCount: t.int({ resolve: ({ parts }) => parts.length }),
      missingCount: t.int({ resolve: ({ parts }) => parts.filter((p) => p.state === "MISSING").length }),
      extraCount: t.int({ resolve: ({ parts }) => parts.filter((p) => p.state === "EXTRA").length }),
      parts: t.field({
        type: [part],
        description: "Each after the part that it is below.",
        args: {
          first: t.arg.int({ required: true, defaultValue: 1000, description: `0..${MAX_ROWS}` }),
          offset: t.arg.int({ required: true, defaultValue: 0 }),
        },
        resolve: ({ parts }, { first, offset }) => {
          checkPage(first, offset, MAX_ROWS);
          return parts.slice(offset, offset + first);
        },
      }),
      largestDifferences: t.field({
        type: [part],
        description: "Where exclusive time differs most.",
        args: { first: t.arg.int({ required: true, defaultValue: 10, description: `0..${MAX_FINDINGS}` }) },
        resolve: ({ parts }, { first }) => {
          checkPage(first, 0, MAX_FINDINGS);
          return [...parts]
            .sort((a, b) => Math.abs(b.exclusiveDifferenceNs) - Math.abs(a.exclusiveDifferenceNs))
            .slice(0, first);
        },
      }),
    }),
  });

  const around = "A time near which it happened: found at once, however old. Without it the last 8 days are searched.";
  builder.queryField("trace", (t) =>
    t.field({
      type: trace,
      nullable: true,
      description: "A trace by its id (hexadecimal); null where none is found.",
      args: {
        id: t.arg.id({ required: true }),
        around: t.arg({ type: "DateTime", description: around }),
      },
      resolve: async (_root, args, context) => shapeOf(await askTrace(context, args.id, args.around)),
    }),
  );
  builder.queryField("compareTraces", (t) =>
    t.field({
      type: comparison,
      nullable: true,
      description: "Two traces beside each other; null where one of them is not found.",
      args: {
        a: t.arg.id({ required: true, description: "The first trace." }),
        b: t.arg.id({ required: true, description: "The second." }),
        aroundA: t.arg({ type: "DateTime", description: around }),
        aroundB: t.arg({ type: "DateTime", description: around }),
      },
      resolve: async (_root, args, context) => {
        const first = shapeOf(await askTrace(context, args.a, args.aroundA));
        const second = shapeOf(await askTrace(context, args.b, args.aroundB));
        if (first === null || second === null) return null;
        return { first, second, parts: compareTraces(first.view, second.view) };
      },
    }),
  );
  addTraceListTypes(builder, places);
}

function shapeOf(view: TraceView | null): TraceShape | null {
  return view === null ? null : { view, summary: summarizeTrace(view) };
}
