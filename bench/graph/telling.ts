// How applications and Istio's proxies tell of a call: attributes of their spans and labels of their access logs.
// In: who, whom, how it ended. Out: attributes and labels, named as OpenTelemetry and Istio name them.
// Bounds: what the graph depends on, and the rest of an access log's usual fields.
import type { Attribute } from "../ingest/otlp-writer.ts";
import type { Route, WorldPod, WorldService } from "./world.ts";

/** A call as its two ends log it. */
interface Told {
  readonly status: number;
  readonly flag: string;
  readonly request: string;
  readonly durationUs: number;
}

function grpcStatus(status: number): number {
  if (status === 200) return 0;
  return status === 404 ? 5 : status === 503 ? 14 : 13;
}

/** Attributes of an application's span; `service` is the one that answers, null where it is none. */
export function appAttributes(
  service: WorldService | null,
  side: "server" | "client" | "producer" | "consumer",
  status: number,
  route: Route | null = null,
): Attribute[] {
  if (route !== null && route.callee === null && route.kind !== "external") return systemAttributes(route, side);
  const host = service === null ? (route?.name ?? "") : `${service.name}.${service.namespace}.svc.cluster.local`;
  const where: Attribute[] =
    side === "client"
      ? [
          ["server.address", host],
          ["server.port", 8080n],
        ]
      : [];
  if (service?.isGrpc === true) {
    return [
      ["rpc.system", "grpc"],
      ["rpc.service", `mesh.${service.name}`],
      ["rpc.method", "Get"],
      ["rpc.grpc.status_code", BigInt(grpcStatus(status))],
      ...where,
    ];
  }
  return [
    ["http.request.method", "GET"],
    ...(status === 0 ? [] : ([["http.response.status_code", BigInt(status)]] as const)),
    ...(side === "server" && service !== null ? ([["http.route", `/${service.name}/{id}`]] as const) : []),
    ...(status >= 500 || status === 0 ? ([["error", true]] as const) : []),
    ...where,
  ];
}

/** Databases and brokers; the name is `system:place`. */
function systemAttributes({ name, kind, from }: Route, side: string): Attribute[] {
  const cut = name.indexOf(":");
  const [system, place] = [name.slice(0, cut), name.slice(cut + 1)];
  if (kind === "database") {
    return [
      ["db.system.name", system],
      ["db.operation.name", "SELECT"],
      ["db.collection.name", "items"],
      ["server.address", `${place}.${from.service.namespace}.svc.cluster.local`],
    ];
  }
  return [
    ["messaging.system", system],
    ["messaging.destination.name", place],
    ["messaging.operation.type", side === "producer" ? "send" : "process"],
  ];
}

function nodeId({ place, name, address }: WorldPod): string {
  const { namespace, isGateway } = place.service;
  return `${isGateway ? "router" : "sidecar"}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
}

/** Attributes of a proxy's span. */
export function proxyAttributes(
  pod: WorldPod,
  told: { readonly cluster: string; readonly status: number; readonly flag: string; readonly isGrpc: boolean },
): Attribute[] {
  const { service, cluster } = pod.place;
  const { status, flag, isGrpc } = told;
  return [
    ["component", "proxy"],
    ["node_id", nodeId(pod)],
    ["http.method", isGrpc ? "POST" : "GET"],
    ["http.status_code", String(isGrpc ? 200 : status)],
    ...(isGrpc ? ([["grpc.status_code", String(grpcStatus(status))]] as const) : []),
    ...(!isGrpc && (status >= 500 || status === 0) ? ([["error", true]] as const) : []),
    ["upstream_cluster", told.cluster],
    ["upstream_cluster.name", told.cluster],
    ["response_flags", flag === "" ? "-" : flag],
    ["istio.canonical_service", service.name],
    ["istio.canonical_revision", pod.version],
    ["istio.namespace", service.namespace],
    ["istio.cluster_id", cluster],
  ];
}

function peerOf({ place, name, version }: WorldPod): string {
  const { service, cluster } = place;
  return JSON.stringify({
    name,
    namespace: service.namespace,
    cluster,
    service: service.name,
    revision: version,
    workload: service.name,
  });
}

function logFields(
  pod: WorldPod,
  { status, flag, request, durationUs }: Told,
  isGrpc: boolean,
): Record<string, string> {
  const { service, cluster } = pod.place;
  return {
    method: isGrpc ? "POST" : "GET",
    path: isGrpc ? "/mesh.Service/Get" : "/items/42",
    protocol: isGrpc ? "HTTP/2" : "HTTP/1.1",
    response_code: String(isGrpc ? 200 : status),
    ...(isGrpc ? { grpc_status: String(grpcStatus(status)) } : {}),
    response_flags: flag === "" ? "-" : flag,
    bytes_received: "120",
    bytes_sent: "2048",
    duration: String(Math.round(durationUs / 1_000)),
    user_agent: isGrpc ? "grpc-go/1.76.0" : "okhttp/5.1.0",
    request_id: request,
    node_id: nodeId(pod),
    pod: pod.name,
    namespace: service.namespace,
    cluster,
    canonical_service: service.name,
    canonical_revision: pod.version,
  };
}

/** The line of the proxy that answers; `from` is known when the caller has a proxy too. */
export function destinationLog(pod: WorldPod, from: WorldPod | null, told: Told): Record<string, string> {
  const { service } = pod.place;
  return {
    ...logFields(pod, told, service.isGrpc),
    upstream_cluster: "inbound|8080||",
    authority: `${service.name}.${service.namespace}:8080`,
    ...(from === null ? {} : { downstream_peer: peerOf(from) }),
  };
}

/** The line of the proxy that calls; `to` is null outside of the mesh. */
export function sourceLog(
  pod: WorldPod,
  to: WorldPod | null,
  told: Told & {
    readonly cluster: string;
    readonly attempts: number;
    readonly isGrpc: boolean;
    readonly hasArrived: boolean;
  },
): Record<string, string> {
  return {
    ...logFields(pod, told, told.isGrpc),
    upstream_cluster: told.cluster,
    authority: told.cluster.split("|")[3] ?? "",
    upstream_request_attempt_count: String(told.attempts),
    // A peer is known once it was reached, and has a proxy that says so.
    ...(to !== null && to.place.service.hasSidecar && told.hasArrived ? { upstream_peer: peerOf(to) } : {}),
  };
}
