// A span as the trace view needs it: when, where, what, how it ended, and what it came from.
// In: nothing; pure types. Out: the input of every rule in this folder.
// Bounds: attributes and events are not here; a trace of 50,000 spans must fit, and a person reads the details of one span at a time.
import type { RuntimeClass } from "../entity.ts";
import type { Outcome } from "../outcome.ts";

/** Kinds of OpenTelemetry, as storage spells them. */
export const SPAN_KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];

/** Spans of one trace that are looked at; what is beyond is left out, latest starts first, and said. */
export const MAX_TRACE_SPANS = 50_000;

/** Another span that this one names as its cause. */
export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** One span. Unknown text is ''; `responseCode` is -1 when unknown; `flags` are Envoy's, joined with commas; `message` is the status message. */
export interface TraceSpan {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: SpanKind;
  /** Unix time. */
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly name: string;
  readonly operation: string;
  readonly protocol: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly node: string;
  readonly runtime: RuntimeClass;
  readonly isolation: RuntimeClass | "";
  readonly outcome: Outcome;
  readonly responseCode: number;
  readonly flags: string;
  /** A sidecar's or a gateway's span. */
  readonly proxy: boolean;
  /** The callee that a Client or Producer span names. */
  readonly peer: string;
  readonly peerKind: "" | "service" | "database" | "messaging" | "external";
  readonly message: string;
  readonly links: readonly SpanLink[];
}

/** True when both spans are of one service; a sidecar may not know its namespace or cluster. */
export function isSameService(a: TraceSpan, b: TraceSpan): boolean {
  return a.service === b.service && agree(a.namespace, b.namespace) && agree(a.cluster, b.cluster);
}

/** True for the kinds that call others. */
export function isCallerSide(span: TraceSpan): boolean {
  return span.kind === "Client" || span.kind === "Producer";
}

/** True for the kinds that answer others. */
export function isCalleeSide(span: TraceSpan): boolean {
  return span.kind === "Server" || span.kind === "Consumer";
}

function agree(a: string, b: string): boolean {
  return a === b || a === "" || b === "";
}
