// The mesh that the generator's spans come from: services with versions and pods, each with an application and an Istio sidecar.
// In: chance. Out: workloads with the resources that their two senders put on every payload.
// Bounds: 12 services in 4 namespaces on 8 nodes, 2 pods each, so that a payload of 500 spans has some ten spans a sender; 11 to 16 resource
// attributes, named as SDKs and Istio name them.
import type { Attribute } from "./otlp-writer.ts";
import type { Random } from "./random.ts";

/** What a service speaks and needs. */
export interface ServiceSpec {
  readonly name: string;
  readonly namespace: string;
  readonly language: string;
  readonly routes: readonly string[];
  /** `package.Service` where it is called by gRPC, else ''. */
  readonly rpcService: string;
  /** Database system that it asks, '' for none. */
  readonly database: string;
  /** Broker destination that it sends to and receives from, '' for none. */
  readonly topic: string;
}

/** One pod and its two senders. */
export interface Pod {
  readonly service: ServiceSpec;
  readonly version: string;
  readonly name: string;
  readonly address: string;
  readonly node: string;
  readonly appResource: readonly Attribute[];
  readonly sidecarResource: readonly Attribute[];
  /** Envoy's `node_id`. */
  readonly nodeId: string;
}

const NAMESPACES = ["shop", "payments", "logistics", "media"] as const;
const NAMES = [
  "frontend",
  "cart",
  "catalog",
  "checkout",
  "pricing",
  "payment",
  "fraud",
  "shipping",
  "warehouse",
  "courier",
  "images",
  "search",
] as const;
const LANGUAGES = ["java", "go", "nodejs", "python", "dotnet"] as const;
const DATABASES = ["postgresql", "mysql", "redis", "mongodb", ""] as const;
const ROUTES = ["/v1/{id}", "/v1/list", "/v1/{id}/items/{item}", "/search", "/größe/{id}", "/healthz"] as const;
const PODS_PER_SERVICE = 2;
const NODES = 8;
const PODS_PER_NODE_POOL = 4;

/** Makes the pods of the mesh. */
export function createMesh(random: Random): readonly Pod[] {
  return NAMES.flatMap((name, i) => {
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    const service: ServiceSpec = {
      name,
      namespace: NAMESPACES[Math.floor(i / 3)] ?? "shop",
      language: LANGUAGES[i % LANGUAGES.length] ?? "java",
      routes: ROUTES.slice(0, 3 + (i % 4)).map((route) => `/${name}${route}`),
      rpcService: i % 3 === 0 ? `mesh.${name}.v1.${title}Service` : "",
      database: DATABASES[i % DATABASES.length] ?? "",
      topic: i % 4 === 1 ? `${name}.events` : "",
    };
    return Array.from({ length: PODS_PER_SERVICE }, (_, pod) => createPod(random, service, pod));
  });
}

function createPod(random: Random, service: ServiceSpec, number: number): Pod {
  const { name, namespace, language } = service;
  const version = number === 0 ? "v2" : "v1";
  const deployment = `${name}-${version}-${random.hex(9)}`;
  const pod = `${deployment}-${random.hex(5)}`;
  const node = `worker-${random.below(NODES)}.eu-central-1.compute.internal`;
  const address = `10.${random.below(PODS_PER_NODE_POOL)}.${random.below(256)}.${1 + random.below(254)}`;
  const uid = `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-a${random.hex(3)}-${random.hex(12)}`;
  const kubernetes: Attribute[] = [
    ["k8s.cluster.name", "prod-eu"],
    ["k8s.namespace.name", namespace],
    ["k8s.deployment.name", `${name}-${version}`],
    ["k8s.pod.name", pod],
    ["k8s.pod.uid", uid],
    ["k8s.node.name", node],
    ["k8s.container.name", name],
  ];
  const appResource: Attribute[] = [
    ["service.name", name],
    ["service.version", `${version}.${random.below(20)}.0`],
    ["telemetry.sdk.language", language],
    ["telemetry.sdk.name", "opentelemetry"],
    ["telemetry.sdk.version", "1.47.0"],
    ...kubernetes,
  ];
  if (language === "java") {
    appResource.push(
      ["process.runtime.version", "21.0.9+10-LTS"],
      ["process.pid", 7n],
      ["process.command_args", ["java", "-XX:+UseZGC", "-jar", `/opt/${name}.jar`]],
    );
  }
  if (number === 1) appResource.push(["host.arch", "arm64"]);
  const sidecarResource: Attribute[] = [
    ["service.name", `${name}.${namespace}`],
    ["telemetry.sdk.language", "cpp"],
    ["telemetry.sdk.name", "envoy"],
    ["telemetry.sdk.version", "b8e1ee3d/1.36.2-dev/Clean/RELEASE/BoringSSL"],
    ...kubernetes,
  ];
  const nodeId = `sidecar~${address}~${pod}.${namespace}~${namespace}.svc.cluster.local`;
  return { service, version, name: pod, address, node, appResource, sidecarResource, nodeId };
}
