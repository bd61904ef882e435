// What an application does by itself for a call: compute, ask its database, send a message.
// In: the trace, the pod, the parent and a start time. Out: spans in the trace; how long it took.
// Bounds: nanoseconds; no further calls.
import type { Pod } from "./mesh.ts";
import { oddAttributes, threadAttributes, WORDS } from "./span-attributes.ts";
import { addSpan, type Trace } from "./trace.ts";

/** SpanKind of OTLP. */
const INTERNAL = 1;
const CLIENT = 3;
const PRODUCER = 4;

/** A computation; returns its duration. */
export function addInternal(trace: Trace, pod: Pod, parentId: Uint8Array, start: bigint): bigint {
  const { random } = trace;
  const durationNs = BigInt(20_000 + random.below(900_000));
  addSpan(trace, {
    pod,
    isSidecar: false,
    scope: `com.example.${pod.service.name}`,
    spanId: random.bytes(8),
    parentId,
    name: `${pod.service.name}.compute`,
    kind: INTERNAL,
    startUnixNs: start,
    endUnixNs: start + durationNs,
    attributes: [
      ["code.function.name", `com.example.${pod.service.name}.Handler.compute`],
      ["code.line.number", BigInt(10 + random.below(400))],
      ["feature.flag", random.chance(0.5)],
      ["cache.hit.ratio", random.below(1_000) / 1_000],
      ["place", random.pick(WORDS)],
      ...threadAttributes(trace),
      ...oddAttributes(trace),
    ],
    events: random.chance(0.3)
      ? [{ unixNs: start + 5_000n, name: "cache.miss", attributes: [["key", `item:${random.below(10_000)}`]] as const }]
      : [],
  });
  return durationNs;
}

/** A query; returns its duration. */
export function addQuery(trace: Trace, pod: Pod, parentId: Uint8Array, start: bigint): bigint {
  const { random } = trace;
  const { database, name } = pod.service;
  const durationNs = BigInt(100_000 + random.below(3_000_000));
  addSpan(trace, {
    pod,
    isSidecar: false,
    scope: "io.opentelemetry.jdbc",
    spanId: random.bytes(8),
    parentId,
    name: `SELECT ${name}`,
    kind: CLIENT,
    startUnixNs: start,
    endUnixNs: start + durationNs,
    attributes: [
      ["db.system.name", database],
      ["db.namespace", name],
      ["db.operation.name", "SELECT"],
      ["db.collection.name", `${name}_items`],
      [
        "db.query.text",
        `SELECT id, name, price FROM ${name}_items WHERE id = ? AND region = ? ORDER BY created_at DESC LIMIT 50`,
      ],
      ["server.address", `${name}-db.${pod.service.namespace}.svc`],
      ["server.port", 5432n],
      ["db.response.returned_rows", BigInt(random.below(50))],
      ["network.peer.address", `10.9.0.${random.below(20)}`],
      ...threadAttributes(trace),
    ],
  });
  return durationNs;
}

/** A message sent. */
export function addPublish(trace: Trace, pod: Pod, parentId: Uint8Array, start: bigint): void {
  const { random } = trace;
  const link = { traceId: random.bytes(16), spanId: random.bytes(8), attributes: [["batch", 1n]] as const };
  addSpan(trace, {
    pod,
    isSidecar: false,
    scope: "io.opentelemetry.kafka-clients",
    spanId: random.bytes(8),
    parentId,
    name: `send ${pod.service.topic}`,
    kind: PRODUCER,
    startUnixNs: start,
    endUnixNs: start + 300_000n,
    attributes: [
      ["messaging.system", "kafka"],
      ["messaging.destination.name", pod.service.topic],
      ["messaging.operation.type", "send"],
      ["messaging.operation.name", "send"],
      ["messaging.kafka.offset", BigInt(random.below(10_000_000))],
      ["messaging.destination.partition.id", String(random.below(12))],
      ["messaging.client.id", `producer-${pod.name}`],
      ["messaging.message.body.size", BigInt(random.below(4_000))],
      ...threadAttributes(trace),
    ],
    links: random.chance(0.7) ? [link] : [],
  });
}
