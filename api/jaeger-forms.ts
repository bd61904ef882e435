// Traces in the words of Jaeger: the JSON of its own UI (v1) and OTLP's (v3), with what goes around answers and refusals.
// In: spans as stored. Out: objects to be written as JSON.
// Bounds: pure. Attributes are stored as text, so every tag is one; ids of 64 bits are written as such, as Jaeger does.
import type { WholeSpan, WholeTrace } from "../storage/whole-traces.ts";

/** What is told of a trace that is not there as a whole. */
export const CUT_WARNING = "Faultline read no more spans of this trace: it has more than one answer may hold.";

/** v1: an answer. */
export function legacyAnswer<Item>(data: readonly Item[]): object {
  return { data, total: data.length, limit: 0, offset: 0, errors: null };
}

/** v1: a refusal. */
export function legacyRefusal(code: number, msg: string): object {
  return { data: null, total: 0, limit: 0, offset: 0, errors: [{ code, msg }] };
}

/** v3: a refusal. */
export function currentRefusal(httpCode: number, message: string): object {
  return { error: { httpCode, message } };
}

interface Tag {
  readonly key: string;
  readonly type: "string" | "bool";
  readonly value: string | boolean;
}

/** v1: a trace. Names of services are those that senders gave. */
export function legacyTrace({ traceId, spans, isCut }: WholeTrace): object {
  const processes = new Map<string, { readonly id: string; readonly process: object }>();
  const told = spans.map((span) => {
    const key = JSON.stringify([span.service, span.resource]);
    let known = processes.get(key);
    if (known === undefined) {
      const tags = tagsOf(
        Object.fromEntries(Object.entries(span.resource).filter(([name]) => name !== "service.name")),
      );
      known = { id: `p${processes.size + 1}`, process: { serviceName: span.service, tags } };
      processes.set(key, known);
    }
    return legacySpan(span, known.id);
  });
  return {
    traceID: shortId(traceId),
    spans: told,
    processes: Object.fromEntries([...processes.values()].map(({ id, process }) => [id, process])),
    warnings: isCut ? [CUT_WARNING] : null,
  };
}

function legacySpan(span: WholeSpan, processID: string): object {
  const traceID = shortId(span.traceId);
  const parent = span.parentSpanId === "" ? [] : [{ refType: "CHILD_OF", traceID, spanID: span.parentSpanId }];
  const links = span.linkTraceIds.map((linked, i) => ({
    refType: "FOLLOWS_FROM",
    traceID: shortId(linked),
    spanID: span.linkSpanIds[i] ?? "",
  }));
  return {
    traceID,
    spanID: span.spanId,
    operationName: span.name,
    references: [...parent, ...links],
    startTime: micros(span.startNs),
    duration: Math.round(span.durationNs / 1_000),
    tags: [...tagsOf(span.attributes), ...addedTags(span)],
    logs: span.eventTimes.map((at, i) => ({
      timestamp: micros(at),
      fields: [text("event", span.eventNames[i] ?? ""), ...tagsOf(span.eventAttributes[i] ?? {})],
    })),
    processID,
    warnings: null,
  };
}

/** Facts that Jaeger shows as tags, where the span does not name them itself. */
function addedTags(span: WholeSpan): Tag[] {
  const { attributes, statusCode } = span;
  const added: Tag[] = [
    ...(span.kind === "Unspecified" ? [] : [text("span.kind", span.kind.toLowerCase())]),
    ...(statusCode === "Unset" || statusCode === "" ? [] : [text("otel.status_code", statusCode.toUpperCase())]),
    ...(span.statusMessage === "" ? [] : [text("otel.status_description", span.statusMessage)]),
    ...(statusCode === "Error" ? [{ key: "error", type: "bool", value: true } as const] : []),
    ...(span.scopeName === "" ? [] : [text("otel.scope.name", span.scopeName)]),
    ...(span.scopeVersion === "" ? [] : [text("otel.scope.version", span.scopeVersion)]),
    ...(span.traceState === "" ? [] : [text("w3c.tracestate", span.traceState)]),
  ];
  return added.filter(({ key }) => !Object.hasOwn(attributes, key));
}

function text(key: string, value: string): Tag {
  return { key, type: "string", value };
}

function tagsOf(attributes: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(attributes).map(([key, value]) => text(key, value));
}

function micros(ns: string): number {
  return Number(BigInt(ns) / 1_000n);
}

function shortId(id: string): string {
  return id.length === 32 && id.startsWith("0".repeat(16)) ? id.slice(16) : id;
}

// As OpenTelemetry's protocol numbers them.
const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];

/** v3: traces as OTLP, one group for each resource and scope. */
export function currentTraces(traces: readonly WholeTrace[]): object {
  const groups = new Map<string, { resource: WholeSpan["resource"]; scopes: Map<string, WholeSpan[]> }>();
  for (const span of traces.flatMap(({ spans }) => spans)) {
    const resource = span.service === "" ? span.resource : { ...span.resource, "service.name": span.service };
    const key = JSON.stringify(resource);
    const group = groups.get(key) ?? { resource, scopes: new Map<string, WholeSpan[]>() };
    groups.set(key, group);
    const scope = JSON.stringify([span.scopeName, span.scopeVersion]);
    group.scopes.set(scope, [...(group.scopes.get(scope) ?? []), span]);
  }
  const resourceSpans = [...groups.values()].map(({ resource, scopes }) => ({
    resource: { attributes: attributesOf(resource) },
    scopeSpans: [...scopes.values()].map((spans) => ({
      scope: { name: spans[0]?.scopeName ?? "", version: spans[0]?.scopeVersion ?? "" },
      spans: spans.map(currentSpan),
    })),
  }));
  return { result: { resourceSpans } };
}

function currentSpan(span: WholeSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    traceState: span.traceState,
    name: span.name,
    kind: Math.max(0, KINDS.indexOf(span.kind)),
    // 64-bit numbers are texts in the JSON of protobuf.
    startTimeUnixNano: span.startNs,
    endTimeUnixNano: (BigInt(span.startNs) + BigInt(span.durationNs)).toString(),
    attributes: attributesOf(span.attributes),
    events: span.eventTimes.map((timeUnixNano, i) => ({
      timeUnixNano,
      name: span.eventNames[i] ?? "",
      attributes: attributesOf(span.eventAttributes[i] ?? {}),
    })),
    links: span.linkTraceIds.map((traceId, i) => ({ traceId, spanId: span.linkSpanIds[i] ?? "", attributes: [] })),
    status: { code: Math.max(0, STATUSES.indexOf(span.statusCode)), message: span.statusMessage },
  };
}

function attributesOf(attributes: Readonly<Record<string, string>>): object[] {
  return Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
