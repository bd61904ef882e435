// GraphQL types of what is found in a trace: critical path, origins of failures, silences, clocks.
// In: a builder and the type of places. Out: references for the type Trace.
// Bounds: pages as said at each field.
import type { ClockCorrection } from "../../model/trace/clocks.ts";
import { type CriticalPath, PATH_DOUBTS, PATH_ENDS } from "../../model/trace/critical-path.ts";
import { FAILURE_SITES, type FailureOrigin } from "../../model/trace/failure-origins.ts";
import type { Silence } from "../../model/trace/silences.ts";
import type { TraceView } from "../../model/trace/view.ts";
import { checkPage } from "../trace-query.ts";
import { foldedRowNumbers, placeOfSpan, spanAt } from "../trace-rows.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";

/** Segments of a path that one answer may hold. */
const MAX_SEGMENTS = 10_000;

/** Something that was found in a view. */
interface FoundIn<Found> {
  readonly view: TraceView;
  readonly found: Found;
}

interface PathStep {
  readonly view: TraceView;
  readonly span: number;
  readonly row: number;
  readonly fromNs: number;
  readonly toNs: number;
  readonly isAmbiguous: boolean;
}

/** Adds the types of findings. */
export function addTraceFindingTypes(builder: ApiBuilder, { entity }: EntityTypes) {
  const pathEnd = builder.enumType("TracePathEnd", {
    description:
      "RESPONSE: to the end of the request at the root. END: to whatever ended last, through messages and work that outlived its parent.",
    values: PATH_ENDS,
  });
  const doubt = builder.enumType("TracePathDoubt", {
    description: "Why the critical path may be another one.",
    values: PATH_DOUBTS,
  });
  const site = builder.enumType("TraceFailureSite", {
    description:
      "SERVICE: the service or its sidecar says so itself. PATH: the callee answered without an error, and the caller saw one. UNANSWERED: no span of a callee is there.",
    values: FAILURE_SITES,
  });
  const step = builder.objectRef<PathStep>("TracePathStep").implement({
    description: "A period in which one span was what everything above it waited for.",
    fields: (t) => ({
      spanId: t.id({ resolve: ({ view, span }) => spanAt(view, span).spanId }),
      rowIndex: t.int({ description: "Its row in the folded waterfall.", resolve: ({ row }) => row }),
      entity: t.field({ type: entity, resolve: ({ view, span }) => placeOfSpan(spanAt(view, span)) }),
      startMs: t.float({ resolve: ({ view, fromNs }) => (fromNs - view.fromNs) / 1e6 }),
      durationMs: t.float({ resolve: ({ fromNs, toNs }) => (toNs - fromNs) / 1e6 }),
      isAmbiguous: t.exposeBoolean("isAmbiguous", { description: "Another child ended at the very same time." }),
    }),
  });
  const path = builder.objectRef<FoundIn<CriticalPath>>("TraceCriticalPath").implement({
    description: "Steps and pauses cover the period without holes.",
    fields: (t) => ({
      until: t.field({ type: pathEnd, resolve: ({ found }) => found.until }),
      startMs: t.float({ resolve: ({ view, found }) => (found.fromNs - view.fromNs) / 1e6 }),
      durationMs: t.float({ resolve: ({ found }) => (found.toNs - found.fromNs) / 1e6 }),
      pausedMs: t.float({
        description: "Time on the path in which nothing of it was active: messages waited, or spans are missing.",
        resolve: ({ found }) => found.pauses.reduce((total, { fromNs, toNs }) => total + toNs - fromNs, 0) / 1e6,
      }),
      doubts: t.field({ type: [doubt], resolve: ({ found }) => [...found.doubts] }),
      stepCount: t.int({ resolve: ({ found }) => found.segments.length }),
      steps: t.field({
        type: [step],
        description: "In order of time.",
        args: {
          first: t.arg.int({ required: true, defaultValue: 1000, description: `0..${MAX_SEGMENTS}` }),
          offset: t.arg.int({ required: true, defaultValue: 0 }),
        },
        resolve: ({ view, found }, { first, offset }) => {
          checkPage(first, offset, MAX_SEGMENTS);
          const rows = foldedRowNumbers(view);
          return found.segments
            .slice(offset, offset + first)
            .map((segment) => ({ ...segment, view, row: rows[segment.span] ?? 0 }));
        },
      }),
    }),
  });
  const failure = builder.objectRef<FoundIn<FailureOrigin>>("TraceFailure").implement({
    description: "A failed span below which nothing failed.",
    fields: (t) => ({
      spanId: t.id({ resolve: ({ view, found }) => spanAt(view, found.span).spanId }),
      entity: t.field({ type: entity, resolve: ({ view, found }) => placeOfSpan(spanAt(view, found.span)) }),
      operation: t.string({ resolve: ({ view, found }) => spanAt(view, found.span).operation }),
      site: t.field({ type: site, resolve: ({ found }) => found.site }),
      peer: t.string({
        nullable: true,
        description: "Whom the span called, as it names it.",
        resolve: ({ view, found }) => spanAt(view, found.span).peer || null,
      }),
      message: t.string({ nullable: true, resolve: ({ view, found }) => spanAt(view, found.span).message || null }),
      responseFlags: t.string({ nullable: true, resolve: ({ view, found }) => spanAt(view, found.span).flags || null }),
      reachedSpanId: t.id({
        description: "The outermost span that failed with it.",
        resolve: ({ view, found }) => spanAt(view, found.reached).spanId,
      }),
      reachedRoot: t.boolean({
        description: "False: somebody on the way coped with it.",
        resolve: ({ found }) => found.reachedRoot,
      }),
    }),
  });
  const silence = builder.objectRef<FoundIn<Silence>>("TraceSilence").implement({
    description: "A time in which no span at all was active.",
    fields: (t) => ({
      startMs: t.float({ resolve: ({ view, found }) => (found.fromNs - view.fromNs) / 1e6 }),
      durationMs: t.float({ resolve: ({ found }) => (found.toNs - found.fromNs) / 1e6 }),
      afterSpanId: t.id({ resolve: ({ view, found }) => spanAt(view, found.afterSpan).spanId }),
      beforeSpanId: t.id({ resolve: ({ view, found }) => spanAt(view, found.beforeSpan).spanId }),
      isWait: t.boolean({
        description:
          "The span after it has its cause in this trace: something waited. Otherwise nothing is known of the time.",
        resolve: ({ found }) => found.isWait,
      }),
    }),
  });
  const clock = builder.objectRef<FoundIn<ClockCorrection>>("TraceClockCorrection").implement({
    description: "Two clocks whose raw times are impossible: a callee before its caller, or after the answer.",
    fields: (t) => ({
      caller: t.field({ type: entity, resolve: ({ view, found }) => placeOfSpan(spanAt(view, found.callerSpan)) }),
      callee: t.field({ type: entity, resolve: ({ view, found }) => placeOfSpan(spanAt(view, found.calleeSpan)) }),
      correctionMs: t.float({
        description:
          "Added to the callee's times, beside the correction of the caller; 0 where it is beyond the bound.",
        resolve: ({ found }) => found.correctionNs / 1e6,
      }),
      uncertaintyMs: t.float({
        nullable: true,
        description: "Half of what the calls leave open; null where they give no bound.",
        resolve: ({ found }) => (found.uncertaintyNs === null ? null : found.uncertaintyNs / 1e6),
      }),
      calls: t.int({ resolve: ({ found }) => found.calls }),
      isAmbiguous: t.boolean({
        description: "The calls contradict each other; only cause before effect was restored.",
        resolve: ({ found }) => found.isAmbiguous,
      }),
      isBeyondBound: t.boolean({
        description: "More than 300 s: left as it is.",
        resolve: ({ found }) => found.isBeyondBound,
      }),
    }),
  });
  return { path, pathEnd, failure, silence, clock };
}
