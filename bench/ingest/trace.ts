// A trace of the corpus while it is being made: its spans and what they share.
// In: spans with what differs from the usual. Out: whole spans.
// Bounds: the generator's only.
import type { Pod } from "./mesh.ts";
import type { Attribute } from "./otlp-writer.ts";
import type { Said } from "./span-attributes.ts";

/** A span of the corpus. */
export interface CorpusSpan {
  readonly pod: Pod;
  readonly isSidecar: boolean;
  /** Scope of the instrumentation that made it. */
  readonly scope: string;
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentId: Uint8Array | null;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startUnixNs: bigint;
  readonly endUnixNs: bigint;
  readonly attributes: readonly Attribute[];
  readonly events: readonly {
    readonly unixNs: bigint;
    readonly name: string;
    readonly attributes: readonly Attribute[];
  }[];
  readonly links: readonly {
    readonly traceId: Uint8Array;
    readonly spanId: Uint8Array;
    readonly attributes: readonly Attribute[];
  }[];
  readonly statusCode: number;
  readonly statusMessage: string;
}

/** A trace being made. */
export interface Trace extends Said {
  readonly spans: CorpusSpan[];
  readonly traceId: Uint8Array;
}

type Addition = Pick<
  CorpusSpan,
  "pod" | "isSidecar" | "scope" | "spanId" | "parentId" | "name" | "kind" | "startUnixNs" | "endUnixNs" | "attributes"
> &
  Partial<CorpusSpan>;

/** Adds a span; what it does not say is as usual. */
export function addSpan(trace: Trace, span: Addition): void {
  trace.spans.push({
    traceId: trace.traceId,
    traceState: "",
    events: [],
    links: [],
    statusCode: 0,
    statusMessage: "",
    ...span,
  });
}
