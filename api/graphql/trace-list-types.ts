// GraphQL types of lists of traces and of the details of spans.
// In: a builder and the types of places. Out: the fields `traces` and `spanDetails`.
// Bounds: 100 traces, 100 spans; ranges as of the service graph.
import type { StoredSpanDetails, ListedTrace, TraceHead } from "../../storage/traces.ts";
import { askSpanDetails, askTraces, instantOfNs } from "../trace-query.ts";
import type { ApiBuilder } from "./builder.ts";
import type { EntityTypes } from "./entity-types.ts";

interface Attribute {
  readonly key: string;
  readonly value: string;
}

interface SpanEvent {
  readonly atNs: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface ListedShape {
  readonly listed: ListedTrace;
  readonly head: TraceHead | null;
}

function attributesOf(map: Readonly<Record<string, string>>): Attribute[] {
  return Object.entries(map)
    .map(([key, value]) => ({ key, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Adds TraceListing, SpanDetails and the fields that ask for them. */
export function addTraceListTypes(builder: ApiBuilder, { timeRangeInput }: EntityTypes): void {
  const order = builder.enumType("TraceOrder", { values: ["NEWEST", "SLOWEST"] as const });
  const listing = builder.objectRef<ListedShape>("TraceListing").implement({
    description:
      "A trace in a line. Figures of the whole trace are null where only an adopted table has it; ask `trace` for them.",
    fields: (t) => ({
      id: t.id({ resolve: ({ listed }) => listed.traceId }),
      at: t.field({
        type: "DateTime",
        description: "Start of the slowest span that fits; give it to `trace` as `around`.",
        resolve: ({ listed }) => instantOfNs(BigInt(listed.atNs)),
      }),
      service: t.string({ nullable: true, resolve: ({ listed }) => listed.service || null }),
      operation: t.string({ nullable: true, resolve: ({ listed }) => listed.operation || null }),
      matchedDurationMs: t.float({
        description: "Duration of that span.",
        resolve: ({ listed }) => listed.durationNs / 1e6,
      }),
      matchedCount: t.int({ description: "Spans that fit.", resolve: ({ listed }) => listed.matched }),
      startedAt: t.field({
        type: "DateTime",
        nullable: true,
        resolve: ({ head }) => (head === null ? null : instantOfNs(BigInt(head.startNs))),
      }),
      durationMs: t.float({ nullable: true, resolve: ({ head }) => (head === null ? null : head.durationNs / 1e6) }),
      spanCount: t.int({ nullable: true, resolve: ({ head }) => head?.spanCount ?? null }),
      failedCount: t.int({ nullable: true, resolve: ({ head }) => head?.failedCount ?? null }),
      services: t.stringList({ description: "At most 20.", resolve: ({ head }) => [...(head?.services ?? [])].sort() }),
      rootService: t.string({ nullable: true, resolve: ({ head }) => head?.rootService || null }),
      rootOperation: t.string({ nullable: true, resolve: ({ head }) => head?.rootOperation || null }),
    }),
  });
  const attribute = builder.objectRef<Attribute>("SpanAttribute").implement({
    fields: (t) => ({ key: t.exposeString("key"), value: t.exposeString("value") }),
  });
  const event = builder.objectRef<SpanEvent>("SpanEvent").implement({
    fields: (t) => ({
      at: t.field({ type: "DateTime", resolve: ({ atNs }) => instantOfNs(BigInt(atNs)) }),
      name: t.exposeString("name"),
      attributes: t.field({ type: [attribute], resolve: (e) => attributesOf(e.attributes) }),
    }),
  });
  const link = builder.objectRef<{ traceId: string; spanId: string }>("SpanLink").implement({
    fields: (t) => ({ traceId: t.exposeID("traceId"), spanId: t.exposeID("spanId") }),
  });
  const details = builder.objectRef<StoredSpanDetails>("SpanDetails").implement({
    description: "Everything that is stored of a span.",
    fields: (t) => ({
      spanId: t.exposeID("spanId"),
      kind: t.exposeString("kind"),
      service: t.exposeString("service"),
      statusCode: t.exposeString("statusCode"),
      scopeName: t.exposeString("scopeName"),
      attributes: t.field({ type: [attribute], resolve: (row) => attributesOf(row.attributes) }),
      resource: t.field({ type: [attribute], resolve: (row) => attributesOf(row.resource) }),
      events: t.field({
        type: [event],
        resolve: ({ eventTimes, eventNames, eventAttributes }) =>
          eventTimes.map((atNs, i) => ({ atNs, name: eventNames[i] ?? "", attributes: eventAttributes[i] ?? {} })),
      }),
      links: t.field({
        type: [link],
        resolve: ({ linkTraceIds, linkSpanIds }) =>
          linkTraceIds.map((traceId, i) => ({ traceId, spanId: linkSpanIds[i] ?? "" })),
      }),
    }),
  });
  builder.queryField("traces", (t) =>
    t.field({
      type: [listing],
      description: "Traces with a span as asked for: with a service, spans of it; without, roots.",
      args: {
        range: t.arg({ type: timeRangeInput, required: true }),
        service: t.arg.string(),
        operation: t.arg.string(),
        minDurationMs: t.arg.float({ description: "Of the span." }),
        failed: t.arg.boolean({ description: "true: the span failed." }),
        order: t.arg({ type: order, required: true, defaultValue: "NEWEST" }),
        first: t.arg.int({ required: true, defaultValue: 20, description: "1..100" }),
      },
      resolve: (_root, args, context) => askTraces(context, args),
    }),
  );
  builder.queryField("spanDetails", (t) =>
    t.field({
      type: [details],
      description: "Details of some spans of a trace; those that are not found are left out.",
      args: {
        traceId: t.arg.id({ required: true }),
        spanIds: t.arg.idList({ required: true, description: "At most 100." }),
        around: t.arg({ type: "DateTime", description: "A time near which the trace happened." }),
      },
      resolve: (_root, args, context) => askSpanDetails(context, args.traceId, args.spanIds, args.around),
    }),
  );
}
