// What the generated mesh sends: spans and access logs before they are encoded, and their encoding as OTLP.
// In: spans or logs. Out: ExportTraceServiceRequest and ExportLogsServiceRequest payloads.
// Bounds: grouped by sender as a Collector's batch processor leaves them; resources are made once a pod and kind of sender.
import {
  type Attribute,
  attributesField,
  bytesField,
  fixed64Field,
  message,
  repeatedField,
  textField,
  varintField,
} from "../ingest/otlp-writer.ts";
import type { WorldPod } from "./world.ts";

/** A span as its sender has it; ids are hexadecimal, `parent` '' = none, times unix microseconds of that machine's clock. */
export interface SentSpan {
  readonly pod: WorldPod;
  readonly isProxy: boolean;
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly kind: number;
  readonly name: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly attributes: readonly Attribute[];
  readonly links: readonly { readonly trace: string; readonly id: string }[];
}

/** One access log record with its labels. */
export interface SentLog {
  readonly pod: WorldPod;
  readonly startUs: number;
  readonly fields: Readonly<Record<string, string>>;
}

const ORDER = "ascending";
const INFO = 9;

function nanos(us: number): bigint {
  return BigInt(us) * 1_000n;
}

function podAttributes({ place, name, node }: WorldPod): Attribute[] {
  return [
    ["k8s.cluster.name", place.cluster],
    ["k8s.namespace.name", place.service.namespace],
    ["k8s.pod.name", name],
    ["k8s.node.name", node],
  ];
}

function senderAttributes(pod: WorldPod, isProxy: boolean): Attribute[] {
  const { name, namespace } = pod.place.service;
  return isProxy
    ? [["service.name", `${name}.${namespace}`], ["telemetry.sdk.name", "envoy"], ...podAttributes(pod)]
    : [["service.name", name], ["service.version", pod.version], ...podAttributes(pod)];
}

/** Spans as one payload. */
export function encodeSpans(spans: readonly SentSpan[]): Uint8Array {
  const senders = new Map<string, SentSpan[]>();
  for (const span of spans) {
    const key = `${span.isProxy ? "proxy" : "app"} ${span.pod.name}`;
    const sent = senders.get(key);
    if (sent === undefined) senders.set(key, [span]);
    else sent.push(span);
  }
  const groups = [...senders.values()].map((sent) => {
    const [first] = sent;
    const resource = first === undefined ? [] : senderAttributes(first.pod, first.isProxy);
    const scope = message(ORDER, [repeatedField(2, sent.map(encodeSpan))]);
    return message(ORDER, [bytesField(1, attributesField(ORDER, 1, resource)), bytesField(2, scope)]);
  });
  return repeatedField(1, groups);
}

function encodeSpan(span: SentSpan): Uint8Array {
  const isError = span.attributes.some(([key, value]) => key === "error" && value === true);
  const links = span.links.map(({ trace, id }) =>
    message(ORDER, [bytesField(1, Buffer.from(trace, "hex")), bytesField(2, Buffer.from(id, "hex"))]),
  );
  return message(ORDER, [
    bytesField(1, Buffer.from(span.trace, "hex")),
    bytesField(2, Buffer.from(span.id, "hex")),
    span.parent === "" ? new Uint8Array(0) : bytesField(4, Buffer.from(span.parent, "hex")),
    textField(5, span.name),
    varintField(6, span.kind),
    fixed64Field(7, nanos(span.startUs)),
    fixed64Field(8, nanos(span.startUs + span.durationUs)),
    attributesField(ORDER, 9, span.attributes),
    repeatedField(13, links),
    bytesField(15, varintField(3, isError ? 2 : 0)),
  ]);
}

/** Access logs as Envoy's OpenTelemetry logger sends them: labels on records, who reports among them. */
export function encodeLogs(logs: readonly SentLog[]): Uint8Array {
  const records = logs.map(({ startUs, fields }) =>
    message(ORDER, [
      fixed64Field(1, nanos(startUs)),
      varintField(2, INFO),
      attributesField(ORDER, 6, Object.entries(fields)),
    ]),
  );
  const resource = attributesField(ORDER, 1, [["log_name", "otel_envoy_accesslog"]]);
  const scope = message(ORDER, [repeatedField(2, records)]);
  return repeatedField(1, [message(ORDER, [bytesField(1, resource), bytesField(2, scope)])]);
}
