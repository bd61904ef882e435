// The attributes of the generator's spans: what Envoy with Istio's tags and what SDKs of applications write.
// In: a request's chance and facts, the pod. Out: attributes of every type, texts of several scripts.
// Bounds: names as the semantic conventions and Envoy have them; one span in twelve carries lists, maps, bytes and long text.
import type { Pod } from "./mesh.ts";
import type { Attribute } from "./otlp-writer.ts";
import type { Random } from "./random.ts";

/** What every span of a request says alike. */
export interface Said {
  readonly random: Random;
  readonly requestId: string;
  readonly agent: string;
}

/** Words beyond ASCII. */
export const WORDS = ["Zürich", "北京市", "Ελλάδα", "naïve café", "🚚 express", "plain"] as const;

/** What Envoy puts on a span, with Istio's tags. */
export function sidecarAttributes(
  context: Said,
  pod: Pod,
  cluster: string,
  path: string,
  isGrpc: boolean,
  failed: boolean,
): Attribute[] {
  const { random } = context;
  const { name, namespace } = pod.service;
  return [
    ["node_id", pod.nodeId],
    ["zone", "eu-central-1a"],
    ["guid:x-request-id", context.requestId],
    ["http.url", `http://${name}.${namespace}:8080${path}`],
    ["http.method", isGrpc ? "POST" : "GET"],
    ["downstream_cluster", "-"],
    ["user_agent", isGrpc ? "grpc-go/1.76.0" : context.agent],
    ["http.protocol", isGrpc ? "HTTP/2" : "HTTP/1.1"],
    ["peer.address", pod.address],
    ["request_size", String(random.below(2_000))],
    ["response_size", String(random.below(20_000))],
    ["component", "proxy"],
    ["upstream_cluster", cluster],
    ["upstream_cluster.name", cluster],
    ["http.status_code", failed ? "503" : "200"],
    ...(isGrpc ? ([["grpc.status_code", failed ? "14" : "0"]] as const) : []),
    ["response_flags", failed ? random.pick(["UF,URX", "UH", "UC", "DC"]) : "-"],
    ["istio.canonical_service", name],
    ["istio.canonical_revision", pod.version],
    ["istio.mesh_id", "cluster.local"],
    ["istio.namespace", namespace],
    ["istio.cluster_id", "prod-eu"],
  ];
}

/** HTTP by the stable semantic conventions. */
export function httpAttributes(method: string, failed: boolean): Attribute[] {
  return [
    ["http.request.method", method],
    ["http.response.status_code", failed ? 503n : 200n],
  ];
}

/** gRPC by the semantic conventions. */
export function rpcAttributes(to: Pod, failed: boolean): Attribute[] {
  return [
    ["rpc.system", "grpc"],
    ["rpc.service", to.service.rpcService],
    ["rpc.method", "Get"],
    ["rpc.grpc.status_code", failed ? 14n : 0n],
  ];
}

/** The thread of a Java server. */
export function threadAttributes({ random }: Said): Attribute[] {
  const number = random.below(32);
  return [
    ["thread.id", BigInt(20 + number)],
    ["thread.name", `http-nio-8080-exec-${number}`],
  ];
}

/** Values that are rare and dear: lists, maps, bytes, long and escaped text, large numbers. */
export function oddAttributes({ random }: Said): Attribute[] {
  if (!random.chance(0.08)) return [];
  return [
    ["http.request.header.accept-language", ["de-CH", "zh-Hans", "el;q=0.5"]],
    [
      "cart",
      { items: BigInt(random.below(9)), currency: "CHF", total: random.below(9_999) / 100, note: random.pick(WORDS) },
    ],
    ["digest", random.bytes(12)],
    ["quoted", 'line one\nsaid "yes"\tand went\\on'],
    ["account.id", -9_223_372_036_854_775_000n + BigInt(random.below(1_000))],
    ["sampling.seed", BigInt(`0x${random.hex(14)}`)],
    ["remark", `${random.pick(WORDS)} `.repeat(12).trim()],
  ];
}

/** What an exception event says. */
export function exceptionAttributes({ random }: Said): Attribute[] {
  const frames = Array.from(
    { length: 8 },
    (_, i) => `\tat com.example.Handler.step${i}(Handler.java:${random.below(500)})`,
  );
  return [
    ["exception.type", "java.net.SocketTimeoutException"],
    ["exception.message", "Zeitüberschreitung beim Lesen"],
    ["exception.stacktrace", `java.net.SocketTimeoutException: Zeitüberschreitung\n${frames.join("\n")}`],
    ["exception.escaped", false],
  ];
}
