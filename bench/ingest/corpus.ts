// The corpus: payloads of spans as a Collector or an SDK would send them, the same for the same seed.
// In: sizes, field order, seed, number of spans. Out: ExportTraceServiceRequest payloads.
// Bounds: one payload in memory at a time where it is iterated; event times run from a fixed start, 2 ms a request.
import { createMesh, type Pod } from "./mesh.ts";
import {
  attributesField,
  bytesField,
  type FieldOrder,
  fixed64Field,
  message,
  repeatedField,
  textField,
  varintField,
} from "./otlp-writer.ts";
import { createRandom } from "./random.ts";
import { createRequest } from "./requests.ts";
import type { CorpusSpan } from "./trace.ts";

/** What a corpus is made of. `payloadSpans`: the least and the most spans of a payload. */
export interface CorpusSpec {
  readonly name: string;
  readonly payloadSpans: readonly [least: number, most: number];
  readonly order: FieldOrder;
  readonly spans: number;
  readonly seed: number;
}

/** One payload of a corpus. */
export interface CorpusPayload {
  readonly spans: number;
  readonly bytes: Uint8Array;
}

/** The first span of a corpus begins here, in Unix nanoseconds. */
export const CORPUS_START_UNIX_NS = BigInt(Date.UTC(2026, 0, 5, 10)) * 1_000_000n;
const REQUEST_EVERY_NS = 2_000_000n;
const SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0";

/** The payloads of a corpus, one after the other, until it has its spans. */
export function* createPayloads(spec: CorpusSpec): Generator<CorpusPayload> {
  const random = createRandom(spec.seed);
  const mesh = createMesh(random);
  const [least, most] = spec.payloadSpans;
  let pending: CorpusSpan[] = [];
  let startUnixNs = CORPUS_START_UNIX_NS;
  for (let made = 0; made < spec.spans;) {
    const size = Math.min(least + random.below(most - least + 1), Math.max(least, spec.spans - made));
    while (pending.length < size) {
      pending.push(...createRequest(random, mesh, startUnixNs));
      startUnixNs += REQUEST_EVERY_NS;
    }
    yield { spans: size, bytes: encodePayload(spec.order, pending.slice(0, size)) };
    pending = pending.slice(size);
    made += size;
  }
}

/** Spans grouped by sender and scope, as a Collector's batch processor leaves them. */
function encodePayload(order: FieldOrder, spans: readonly CorpusSpan[]): Uint8Array {
  const senders = new Map<string, { pod: Pod; isSidecar: boolean; scopes: Map<string, CorpusSpan[]> }>();
  for (const span of spans) {
    const key = `${span.isSidecar ? "sidecar" : "app"} ${span.pod.name}`;
    let sender = senders.get(key);
    if (sender === undefined) {
      sender = { pod: span.pod, isSidecar: span.isSidecar, scopes: new Map() };
      senders.set(key, sender);
    }
    const scoped = sender.scopes.get(span.scope);
    if (scoped === undefined) sender.scopes.set(span.scope, [span]);
    else scoped.push(span);
  }
  const groups = [...senders.values()].map(({ pod, isSidecar, scopes }) =>
    message(order, [
      bytesField(1, attributesField(order, 1, isSidecar ? pod.sidecarResource : pod.appResource)),
      repeatedField(
        2,
        [...scopes].map(([scope, scoped]) => encodeScope(order, scope, isSidecar, scoped)),
      ),
      isSidecar ? new Uint8Array(0) : textField(3, SCHEMA_URL),
    ]),
  );
  return Uint8Array.from(repeatedField(1, groups));
}

function encodeScope(order: FieldOrder, scope: string, isSidecar: boolean, spans: readonly CorpusSpan[]): Uint8Array {
  return message(order, [
    bytesField(1, message(order, [textField(1, scope), textField(2, isSidecar ? "" : "2.21.0-alpha")])),
    repeatedField(
      2,
      spans.map((span) => encodeSpan(order, span)),
    ),
  ]);
}

function encodeSpan(order: FieldOrder, span: CorpusSpan): Uint8Array {
  const events = span.events.map((event) =>
    message(order, [
      fixed64Field(1, event.unixNs),
      textField(2, event.name),
      attributesField(order, 3, event.attributes),
    ]),
  );
  const links = span.links.map((link) =>
    message(order, [
      bytesField(1, link.traceId),
      bytesField(2, link.spanId),
      attributesField(order, 4, link.attributes),
    ]),
  );
  const status = message(order, [textField(2, span.statusMessage), varintField(3, span.statusCode)]);
  return message(order, [
    bytesField(1, span.traceId),
    bytesField(2, span.spanId),
    textField(3, span.traceState),
    span.parentId === null ? new Uint8Array(0) : bytesField(4, span.parentId),
    textField(5, span.name),
    varintField(6, span.kind),
    fixed64Field(7, span.startUnixNs),
    fixed64Field(8, span.endUnixNs),
    attributesField(order, 9, span.attributes),
    repeatedField(11, events),
    repeatedField(13, links),
    bytesField(15, status),
  ]);
}
