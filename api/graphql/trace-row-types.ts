// GraphQL types of a waterfall's rows and their spans.
// In: a builder and the type of places. Out: references for the trace types.
// Bounds: none of their own; a page of rows is asked for.
import { OUTCOMES, type Outcome } from "../../model/outcome.ts";
import type { Waiting } from "../../model/trace/awaited.ts";
import type { TraceFlag } from "../../model/trace/hop-facts.ts";
import type { Relation } from "../../model/trace/parents.ts";
import type { RowSpan, TraceRow } from "../../model/trace/rows.ts";
import { SPAN_KINDS, type SpanKind } from "../../model/trace/span.ts";
import { peerOfRow, placeOfSpan } from "../trace-rows.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";

const RELATIONS = ["ROOT", "CHILD", "SHARED", "LINK", "ORPHAN", "CYCLE"] as const;
const WAITINGS = ["AWAITED", "CLIPPED", "DETACHED"] as const;

function upper<Word extends string>(word: Word): Uppercase<Word> {
  return word.toUpperCase() as Uppercase<Word>;
}

function ms(ns: number): number {
  return ns / 1e6;
}

function msOrNull(ns: number | null): number | null {
  return ns === null ? null : ns / 1e6;
}

/** Adds TraceRow, TraceRowSpan and their enums. */
export function addTraceRowTypes(builder: ApiBuilder, { entity }: EntityTypes) {
  const outcome = builder.enumType("TraceOutcome", {
    description: "By protocol: DEGRADED is 4xx and alike, CANCELLED a caller that left.",
    values: OUTCOMES.map((word) => upper<Outcome>(word)),
  });
  const kind = builder.enumType("TraceSpanKind", { values: SPAN_KINDS.map((word) => upper<SpanKind>(word)) });
  const relation = builder.enumType("TraceRelation", {
    description:
      "CHILD: its parent is there. SHARED: its caller's span has the same id. LINK: no parent, but a link to a span of this trace. ROOT names no parent, ORPHAN one that is not there, CYCLE was its own ancestor.",
    values: RELATIONS,
  });
  const waiting = builder.enumType("TraceWaiting", {
    description:
      "AWAITED: the parent could end only after it. CLIPPED: a call that ended after its caller, which gave up, or whose clock differs. DETACHED: nobody waited for it.",
    values: WAITINGS,
  });
  const flag = builder.objectRef<TraceFlag>("TraceFlag").implement({
    description: "A response flag of a proxy; owner: destination, edge, caller, local, none or unknown.",
    fields: (t) => ({
      flag: t.exposeString("flag"),
      meaning: t.exposeString("meaning"),
      owner: t.exposeString("owner"),
    }),
  });
  const rowSpan = builder.objectRef<RowSpan>("TraceRowSpan").implement({
    description:
      "One span. Times are milliseconds after the trace's start as shown; rawStartMs is by the span's own clock.",
    fields: (t) => ({
      spanId: t.id({ resolve: ({ span }) => span.spanId }),
      parentSpanId: t.id({ nullable: true, resolve: ({ span }) => span.parentSpanId || null }),
      entity: t.field({ type: entity, resolve: ({ span }) => placeOfSpan(span) }),
      kind: t.field({ type: kind, resolve: ({ span }) => upper(span.kind) }),
      name: t.string({ resolve: ({ span }) => span.name }),
      isProxy: t.boolean({ resolve: ({ span }) => span.proxy }),
      outcome: t.field({ type: outcome, resolve: ({ span }) => upper(span.outcome) }),
      responseCode: t.int({
        nullable: true,
        resolve: ({ span }) => (span.responseCode < 0 ? null : span.responseCode),
      }),
      responseFlags: t.string({ nullable: true, resolve: ({ span }) => span.flags || null }),
      message: t.string({ nullable: true, resolve: ({ span }) => span.message || null }),
      startMs: t.float({ resolve: (row) => ms(row.startNs) }),
      rawStartMs: t.float({ resolve: (row) => ms(row.rawStartNs) }),
      correctionMs: t.float({
        description: "Added to the span's own clock; 0: nothing was.",
        resolve: (row) => ms(row.correctionNs),
      }),
      durationMs: t.float({ resolve: ({ span }) => ms(span.durationNs) }),
      exclusiveMs: t.float({ resolve: (row) => ms(row.exclusiveNs) }),
      criticalMs: t.float({ resolve: (row) => ms(row.criticalNs) }),
    }),
  });
  const row = builder.objectRef<TraceRow>("TraceRow").implement({
    description:
      "A row of the waterfall: folded, a call with all spans that tell of it (application, its sidecar, the callee's sidecar, the callee); unfolded, one span.",
    fields: (t) => ({
      index: t.exposeInt("index"),
      parentIndex: t.exposeInt("parentIndex", { nullable: true }),
      depth: t.exposeInt("depth"),
      childCount: t.exposeInt("childCount"),
      relation: t.field({ type: relation, resolve: (r) => upper<Relation>(r.relation) }),
      waiting: t.field({ type: waiting, resolve: (r) => upper<Waiting>(r.waiting) }),
      entity: t.field({
        type: entity,
        description: "Whose row it is: the callee where it has a span, else the caller or worker.",
        resolve: ({ place }) => placeOfSpan(place),
      }),
      caller: t.field({
        type: entity,
        nullable: true,
        description: "The caller, where its own span is in the row.",
        resolve: ({ caller }) => (caller === null ? null : placeOfSpan(caller)),
      }),
      peer: t.field({
        type: entity,
        nullable: true,
        description: "Whom the caller names, where no span of the callee is there.",
        resolve: peerOfRow,
      }),
      kind: t.field({ type: kind, resolve: ({ place }) => upper(place.kind) }),
      operation: t.exposeString("operation"),
      protocol: t.string({ nullable: true, resolve: ({ protocol }) => protocol || null }),
      outcome: t.field({
        type: outcome,
        description: "The worst of its spans.",
        resolve: (r) => upper(r.outcome),
      }),
      responseCode: t.exposeInt("responseCode", { nullable: true, description: "As the outermost span saw it." }),
      flags: t.field({ type: [flag], resolve: ({ flags }) => [...flags] }),
      message: t.string({ nullable: true, resolve: ({ message }) => message || null }),
      isFailureOrigin: t.exposeBoolean("isFailureOrigin"),
      startMs: t.float({ resolve: (r) => ms(r.startNs) }),
      durationMs: t.float({ resolve: (r) => ms(r.durationNs) }),
      exclusiveMs: t.float({
        description: "Time that no row below covers; sum over its spans.",
        resolve: (r) => ms(r.exclusiveNs),
      }),
      criticalMs: t.float({
        description: "Time on the critical path to the response.",
        resolve: (r) => ms(r.criticalNs),
      }),
      proxyMs: t.float({
        nullable: true,
        description: "Time in the sidecars of both sides.",
        resolve: (r) => msOrNull(r.proxyNs),
      }),
      networkMs: t.float({
        nullable: true,
        description: "The caller's last span minus the callee's first: network and queues.",
        resolve: (r) => msOrNull(r.networkNs),
      }),
      waitMs: t.float({
        nullable: true,
        description: "How long after its cause's end it began.",
        resolve: (r) => msOrNull(r.waitNs),
      }),
      spans: t.field({
        type: [rowSpan],
        description: "From the outside in.",
        resolve: ({ spans }) => [...spans],
      }),
    }),
  });
  return { row, kind };
}
