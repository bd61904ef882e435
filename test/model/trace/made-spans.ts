// Spans made by hand for the tests of the trace view: times in milliseconds after an instant.
import type { Outcome } from "../../../model/outcome.ts";
import type { SpanKind, TraceSpan } from "../../../model/trace/span.ts";

/** The trace that all of them are of. */
export const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

/** The instant that times count from. */
export const EPOCH_NS = 1_764_000_000_000_000_000n;

/** What a test says of a span; `at` is [start, end] in ms. */
export interface MadeSpan {
  readonly at: readonly [startMs: number, endMs: number];
  readonly parent?: string;
  readonly kind?: SpanKind;
  readonly service?: string;
  readonly proxy?: boolean;
  readonly outcome?: Outcome;
  readonly more?: Partial<TraceSpan>;
}

/** One span; by default an Internal span of service `a`. */
export function madeSpan(spanId: string, { at, parent, kind, service, proxy, outcome, more }: MadeSpan): TraceSpan {
  return {
    spanId,
    parentSpanId: parent ?? "",
    kind: kind ?? "Internal",
    startNs: EPOCH_NS + BigInt(Math.round(at[0] * 1e6)),
    durationNs: Math.round((at[1] - at[0]) * 1e6),
    name: spanId,
    operation: "",
    protocol: "",
    cluster: "east",
    namespace: "shop",
    service: service ?? "a",
    version: "",
    instance: `${service ?? "a"}-0`,
    node: "",
    runtime: "RUNC",
    isolation: "",
    outcome: outcome ?? "ok",
    responseCode: -1,
    flags: "",
    proxy: proxy ?? false,
    peer: "",
    peerKind: "",
    message: "",
    links: [],
    ...more,
  };
}

/** Spans by their ids. */
export function madeTrace(spans: Readonly<Record<string, MadeSpan>>): TraceSpan[] {
  return Object.entries(spans).map(([id, made]) => madeSpan(id, made));
}
