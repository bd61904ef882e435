// One span as ingest would store it, for `faultline explain identity`.
// In: attributes of a resource and a span, its name and kind. Out: operation, protocol, callee, outcome, by the code that every span takes.
// Bounds: the limits of decoding; the span is sent through a block of its own and nothing is written.
import type { Aliases } from "../../model/identity.ts";
import { OUTCOMES } from "../../model/outcome.ts";
import type { Attributes } from "../../model/runtime.ts";
import { Cardinality } from "../cardinality.ts";
import { CARDINALITY_LIMITS } from "../cardinality-limits.ts";
import { transcodeJson } from "./json.ts";
import { DECODE_LIMITS } from "./limits.ts";
import { ResourceMemory } from "./resource-memory.ts";
import { PROTOCOLS } from "./span-peer.ts";
import { TraceBlock } from "./traces.ts";

/** Kinds of spans by name, in the order of OTLP's numbers less one. */
export const SPAN_KINDS = ["internal", "server", "client", "producer", "consumer"] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];

/** What a span means; '' where it does not say, `responseCode` null when there is none. */
export interface SpanDescription {
  readonly operation: string;
  readonly protocol: string;
  readonly peer: string;
  readonly peerKind: string;
  readonly outcome: string;
  readonly responseCode: number | null;
  readonly isProxy: boolean;
}

/** A span to describe. */
export interface DescribedSpan {
  readonly resource: Attributes;
  readonly span: Attributes;
  readonly name: string;
  readonly kind: SpanKind;
}

const PEER_KINDS = ["", "service", "database", "messaging", "external"];
const SEED = 1;

/** Describes one span. */
export function describeSpan({ resource, span, name, kind }: DescribedSpan, aliases: Aliases): SpanDescription {
  const record = {
    traceId: "01".repeat(16),
    spanId: "01".repeat(8),
    name,
    kind: SPAN_KINDS.indexOf(kind) + 1,
    startTimeUnixNano: "1700000000000000000",
    endTimeUnixNano: "1700000000000000000",
    attributes: pairs(span),
  };
  const request = {
    resourceSpans: [{ resource: { attributes: pairs(resource) }, scopeSpans: [{ spans: [record] }] }],
  };
  const payload = transcodeJson("traces", Buffer.from(JSON.stringify(request)));
  const cardinality = new Cardinality(CARDINALITY_LIMITS, SEED, () => 0);
  const block = new SingleSpan(DECODE_LIMITS, new ResourceMemory(SEED, { cardinality, aliases }));
  const outcome = payload.ok ? block.decode(payload.bytes, 1_700_000_000_000, "explained") : payload;
  if (!outcome.ok) throw new Error(`a span of text attributes was refused: ${outcome.reason}`);
  return block.description();
}

/** A block whose only row is read back from its columns. */
class SingleSpan extends TraceBlock {
  description(): SpanDescription {
    const { meaning, operationOfRow, protocols, peerOfRow, peerKinds, outcomes, codes, proxies } = this.columns;
    const code = (codes.values[0] ?? 0) - 1;
    return {
      operation: meaning.operations.names.text(operationOfRow.values[0] ?? 0),
      protocol: PROTOCOLS[protocols.values[0] ?? 0] ?? "",
      peer: meaning.peers.names.text(peerOfRow.values[0] ?? 0),
      peerKind: PEER_KINDS[peerKinds.values[0] ?? 0] ?? "",
      outcome: OUTCOMES[outcomes.values[0] ?? 0] ?? "",
      responseCode: code < 0 ? null : code,
      isProxy: proxies.values[0] === 1,
    };
  }
}

function pairs(attributes: Attributes): object[] {
  return [...attributes].map(([key, value]) => ({ key, value: { stringValue: value } }));
}
