// Who sent this telemetry: the parts of an entity, read from resource attributes and, for proxies, from the span's own.
// In: two sets of attributes (text by name). Out: cluster, namespace, service, version, instance and node, each with the attribute
// and the rule that decided, so that `faultline explain identity` can say why; runtime and isolation by model/runtime.ts.
// Bounds: a fixed table per part, first usable value wins; a value longer than 256 characters is cut; unknown is ''.
import { type Attributes, type Runtime, isOutsideKubernetes, resolveRuntime } from "./runtime.ts";

/** The parts of identity that are resolved at ingest. */
export const IDENTITY_PARTS = ["cluster", "namespace", "service", "version", "instance", "node"] as const;
export type IdentityPart = (typeof IDENTITY_PARTS)[number];

/** One part: its value ('' unknown), the attribute that decided ('' none) and how it was read. */
export interface ResolvedPart {
  readonly value: string;
  readonly attribute: string;
  readonly rule: string;
}

/** The whole identity of one sender. */
export type Identity = Readonly<Record<IdentityPart, ResolvedPart>> & Runtime;

/** Attributes of proxy spans that say more about the sender than its resource does. */
export const PROXY_IDENTITY_ATTRIBUTES = [
  "istio.canonical_service",
  "istio.canonical_revision",
  "istio.namespace",
  "istio.cluster_id",
  "node_id",
] as const;

interface Sources {
  readonly resource: Attributes;
  readonly proxy: Attributes;
  readonly namespace: string;
}

interface IdentityRule {
  readonly id: string;
  readonly from: "resource" | "proxy";
  readonly attribute: string;
  /** Takes the part out of the value; '' when it does not say. */
  readonly read?: (value: string, sources: Sources) => string;
  readonly when?: (sources: Sources) => boolean;
}

const MAX_VALUE_CHARACTERS = 256;
// Istio writes "unknown" where it does not know.
const SAYS_NOTHING = new Set(["", "unknown", "-"]);

const RULES: Readonly<Record<IdentityPart, readonly IdentityRule[]>> = {
  cluster: [
    { id: "declared", from: "resource", attribute: "k8s.cluster.name" },
    { id: "mesh", from: "proxy", attribute: "istio.cluster_id" },
    { id: "mesh", from: "resource", attribute: "istio.cluster_id" },
  ],
  namespace: [
    { id: "kubernetes", from: "resource", attribute: "k8s.namespace.name" },
    { id: "service", from: "resource", attribute: "service.namespace" },
    { id: "mesh", from: "proxy", attribute: "istio.namespace" },
    { id: "mesh", from: "resource", attribute: "istio.namespace" },
    { id: "node-id", from: "proxy", attribute: "node_id", read: (value) => podOfNodeId(value).namespace },
    { id: "node-id", from: "resource", attribute: "node_name", read: (value) => podOfNodeId(value).namespace },
    {
      id: "proxy-name",
      from: "resource",
      attribute: "service.name",
      read: namespaceOfProxyName,
      when: isProxyResource,
    },
  ],
  service: [
    { id: "canonical", from: "proxy", attribute: "istio.canonical_service" },
    { id: "canonical", from: "resource", attribute: "istio.canonical_service" },
    { id: "service", from: "resource", attribute: "service.name", read: strongServiceName },
    ...workloadLabels("service.istio.io/canonical-name", "app.kubernetes.io/name", "app"),
    ...workloadNames("deployment", "statefulset", "daemonset", "cronjob", "job"),
    { id: "function", from: "resource", attribute: "faas.name" },
    { id: "proxy-cluster", from: "resource", attribute: "cluster_name", read: withoutNamespace },
    { id: "weak-service", from: "resource", attribute: "service.name" },
  ],
  version: [
    { id: "service", from: "resource", attribute: "service.version" },
    { id: "canonical", from: "proxy", attribute: "istio.canonical_revision" },
    { id: "canonical", from: "resource", attribute: "istio.canonical_revision" },
    ...workloadLabels("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"),
    { id: "function", from: "resource", attribute: "faas.version" },
  ],
  instance: [
    { id: "pod", from: "resource", attribute: "k8s.pod.name" },
    { id: "node-id", from: "proxy", attribute: "node_id", read: (value) => podOfNodeId(value).pod },
    { id: "node-id", from: "resource", attribute: "node_name", read: (value) => podOfNodeId(value).pod },
    { id: "service", from: "resource", attribute: "service.instance.id" },
    { id: "host", from: "resource", attribute: "host.name" },
    { id: "function", from: "resource", attribute: "faas.instance" },
  ],
  node: [
    { id: "kubernetes", from: "resource", attribute: "k8s.node.name" },
    {
      id: "machine",
      from: "resource",
      attribute: "host.name",
      when: ({ resource }) =>
        isOutsideKubernetes(resource) && !resource.has("container.id") && !resource.has("faas.name"),
    },
  ],
};

const NOTHING: ResolvedPart = { value: "", attribute: "", rule: "" };

/** Resolves the identity of a sender; `proxy` holds the span's PROXY_IDENTITY_ATTRIBUTES, empty for spans of applications. */
export function resolveIdentity(resource: Attributes, proxy: Attributes): Identity {
  // The namespace comes first: the name of a service is read with it.
  const namespace = resolvePart("namespace", { resource, proxy, namespace: "" });
  const sources: Sources = { resource, proxy, namespace: namespace.value };
  return {
    cluster: resolvePart("cluster", sources),
    namespace,
    service: resolvePart("service", sources),
    version: resolvePart("version", sources),
    instance: resolvePart("instance", sources),
    node: resolvePart("node", sources),
    ...resolveRuntime(resource),
  };
}

/** Pod and namespace of an Envoy node id such as `sidecar~10.0.0.7~cart-5d9f-x2x.shop~shop.svc.cluster.local`; '' when it is none. */
export function podOfNodeId(nodeId: string): { readonly pod: string; readonly namespace: string } {
  const parts = nodeId.split("~");
  const name = parts[2];
  if (parts.length < 4 || name === undefined) return { pod: "", namespace: "" };
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return { pod: "", namespace: "" };
  return { pod: name.slice(0, dot), namespace: name.slice(dot + 1) };
}

/** True when the resource is that of an Envoy. */
export function isProxyResource(sources: { readonly resource: Attributes }): boolean {
  return sources.resource.get("telemetry.sdk.name") === "envoy";
}

function resolvePart(part: IdentityPart, sources: Sources): ResolvedPart {
  for (const rule of RULES[part]) {
    const raw = sources[rule.from].get(rule.attribute);
    if (raw === undefined || (rule.when !== undefined && !rule.when(sources))) continue;
    const value = rule.read === undefined ? raw : rule.read(raw, sources);
    if (!SAYS_NOTHING.has(value)) {
      return { value: value.slice(0, MAX_VALUE_CHARACTERS), attribute: rule.attribute, rule: rule.id };
    }
  }
  return NOTHING;
}

/** OpenTelemetry SDKs say `unknown_service:java` when nobody named the service: any other source is better. */
function strongServiceName(value: string, sources: Sources): string {
  return value.startsWith("unknown_service") ? "" : withoutNamespace(value, sources);
}

/** Envoy in Istio calls itself `catalog.shop`, its application `catalog`: one service. */
function withoutNamespace(value: string, { namespace }: Sources): string {
  const end = `.${namespace}`;
  return namespace !== "" && value.length > end.length && value.endsWith(end) ? value.slice(0, -end.length) : value;
}

/** `shop` of `catalog.shop`; a name with more dots is a host, not Istio's default. */
function namespaceOfProxyName(value: string): string {
  const [name, namespace, ...more] = value.split(".");
  return name !== "" && more.length === 0 ? (namespace ?? "") : "";
}

function workloadLabels(...names: string[]): IdentityRule[] {
  return names.flatMap((name) =>
    ["k8s.pod.label.", "k8s.pod.labels."].map(
      (prefix) => ({ id: "label", from: "resource", attribute: prefix + name }) as const,
    ),
  );
}

function workloadNames(...kinds: string[]): IdentityRule[] {
  return kinds.map((kind) => ({ id: "workload", from: "resource", attribute: `k8s.${kind}.name` }));
}
