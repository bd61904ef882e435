// Requests through the mesh: for each a trace of application and sidecar spans over a few services.
// In: the mesh, chance and a start time. Out: spans as fields, each with the pod and the sender that reports it.
// Bounds: 2 to 6 services deep; errors in 3 % of the calls; texts of several scripts; values of every type.
import type { Pod } from "./mesh.ts";
import type { Random } from "./random.ts";
import {
  exceptionAttributes,
  httpAttributes,
  oddAttributes,
  rpcAttributes,
  sidecarAttributes,
  threadAttributes,
} from "./span-attributes.ts";
import { addInternal, addPublish, addQuery } from "./pod-work.ts";
import { addSpan, type CorpusSpan, type Trace } from "./trace.ts";

/** SpanKind and status of OTLP. */
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
  "okhttp/5.1.0",
  "Go-http-client/2.0",
  "python-requests/2.32.5",
] as const;
/** The spans of one request that enters at a random pod. */
export function createRequest(random: Random, mesh: readonly Pod[], startUnixNs: bigint): readonly CorpusSpan[] {
  const trace: Trace = {
    random,
    spans: [],
    traceId: random.bytes(16),
    requestId: `${random.hex(8)}-${random.hex(4)}-9${random.hex(3)}-b${random.hex(3)}-${random.hex(12)}`,
    agent: random.pick(AGENTS),
  };
  serve(trace, mesh, random.pick(mesh), null, startUnixNs, 4);
  return trace.spans;
}

/** What a pod does with a call: its sidecar's server span, its own, and what it calls in turn; returns the duration. */
function serve(
  trace: Trace,
  mesh: readonly Pod[],
  pod: Pod,
  parentId: Uint8Array | null,
  startUnixNs: bigint,
  depth: number,
): { readonly durationNs: bigint; readonly failed: boolean } {
  const { random } = trace;
  const sidecarId = random.bytes(8);
  const appId = random.bytes(8);
  const isGrpc = pod.service.rpcService !== "";
  const route = random.pick(pod.service.routes);
  const failed = random.chance(0.03);
  let workNs = BigInt(200_000 + random.below(4_000_000));
  const appStart = startUnixNs + 150_000n;
  if (random.chance(0.5)) workNs += addInternal(trace, pod, appId, appStart);
  if (pod.service.database !== "" && random.chance(0.6)) workNs += addQuery(trace, pod, appId, appStart + workNs);
  if (pod.service.topic !== "" && random.chance(0.4)) addPublish(trace, pod, appId, appStart + workNs);
  const calls = depth === 0 ? 0 : random.below(3);
  for (let i = 0; i < calls; i++) {
    workNs += call(trace, mesh, pod, random.pick(mesh), appId, appStart + workNs, depth - 1);
  }
  addAppServer(trace, pod, { appId, sidecarId, route, isGrpc, failed, start: appStart, workNs });
  const totalNs = workNs + 300_000n;
  addSpan(trace, {
    pod,
    isSidecar: true,
    scope: "envoy",
    spanId: sidecarId,
    parentId,
    name: `${pod.service.name}.${pod.service.namespace}.svc.cluster.local:8080/*`,
    kind: SERVER,
    startUnixNs,
    endUnixNs: startUnixNs + totalNs,
    attributes: sidecarAttributes(trace, pod, `inbound|8080||`, route, isGrpc, failed),
    statusCode: failed ? ERROR : 0,
  });
  return { durationNs: totalNs, failed };
}

/** A call to another service: the application's client span, its sidecar's, and what happens there. */
function call(
  trace: Trace,
  mesh: readonly Pod[],
  from: Pod,
  to: Pod,
  parentId: Uint8Array,
  startUnixNs: bigint,
  depth: number,
): bigint {
  const { random } = trace;
  const clientId = random.bytes(8);
  const sidecarId = random.bytes(8);
  const { durationNs, failed } = serve(trace, mesh, to, sidecarId, startUnixNs + 400_000n, depth);
  const host = `${to.service.name}.${to.service.namespace}.svc.cluster.local`;
  const isGrpc = to.service.rpcService !== "";
  const path = `/${to.service.name}/v1/${random.below(1_000_000)}`;
  addSpan(trace, {
    pod: from,
    isSidecar: true,
    scope: "envoy",
    spanId: sidecarId,
    parentId: clientId,
    name: `${host}:8080/*`,
    kind: CLIENT,
    startUnixNs: startUnixNs + 200_000n,
    endUnixNs: startUnixNs + durationNs + 600_000n,
    attributes: sidecarAttributes(trace, from, `outbound|8080|${to.version}|${host}`, path, isGrpc, failed),
    statusCode: failed ? ERROR : 0,
  });
  addSpan(trace, {
    pod: from,
    isSidecar: false,
    scope: isGrpc ? "io.opentelemetry.grpc-1.6" : "io.opentelemetry.http-client",
    spanId: clientId,
    parentId,
    name: isGrpc ? `${to.service.rpcService}/Get` : "GET",
    kind: CLIENT,
    startUnixNs,
    endUnixNs: startUnixNs + durationNs + 800_000n,
    attributes: [
      ...(isGrpc ? rpcAttributes(to, failed) : httpAttributes("GET", failed)),
      ...(isGrpc ? [] : ([["url.full", `http://${host}:8080${path}?q=${random.hex(6)}`]] as const)),
      ["server.address", host],
      ["server.port", 8080n],
      ["network.protocol.version", isGrpc ? "2" : "1.1"],
      ["network.peer.address", to.address],
      ["network.peer.port", 8080n],
      ...threadAttributes(trace),
    ],
    events: failed
      ? [{ unixNs: startUnixNs + durationNs, name: "retry", attributes: [["retry.count", 1n]] as const }]
      : [],
    statusCode: failed ? ERROR : 0,
    statusMessage: failed ? `503 von ${host}: upstream connect error or disconnect/reset before headers` : "",
  });
  return durationNs + 900_000n;
}

function addAppServer(
  trace: Trace,
  pod: Pod,
  parts: {
    readonly appId: Uint8Array;
    readonly sidecarId: Uint8Array;
    readonly route: string;
    readonly isGrpc: boolean;
    readonly failed: boolean;
    readonly start: bigint;
    readonly workNs: bigint;
  },
): void {
  const { random } = trace;
  const { route, isGrpc, failed, start, workNs } = parts;
  const method = random.chance(0.7) ? "GET" : "POST";
  const path = route.replaceAll(/\{\w+\}/g, () => String(random.below(1_000_000)));
  addSpan(trace, {
    pod,
    isSidecar: false,
    scope: isGrpc ? "io.opentelemetry.grpc-1.6" : "io.opentelemetry.http-server",
    spanId: parts.appId,
    parentId: parts.sidecarId,
    traceState: random.chance(0.1) ? "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE" : "",
    name: isGrpc ? `${pod.service.rpcService}/Get` : `${method} ${route}`,
    kind: SERVER,
    startUnixNs: start,
    endUnixNs: start + workNs,
    attributes: [
      ...(isGrpc ? rpcAttributes(pod, failed) : httpAttributes(method, failed)),
      ...(isGrpc
        ? []
        : ([
            ["http.route", route],
            ["url.path", path],
            ["url.scheme", "http"],
            ["user_agent.original", trace.agent],
          ] as const)),
      ["server.address", `${pod.service.name}.${pod.service.namespace}`],
      ["server.port", 8080n],
      ["client.address", pod.address],
      ["network.protocol.version", isGrpc ? "2" : "1.1"],
      ...threadAttributes(trace),
      ...oddAttributes(trace),
    ],
    events: failed ? [{ unixNs: start + workNs, name: "exception", attributes: exceptionAttributes(trace) }] : [],
    statusCode: failed ? ERROR : random.chance(0.1) ? 1 : 0,
    statusMessage: failed ? "außer Betrieb" : "",
  });
}
