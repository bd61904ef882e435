// Which place a Kubernetes object is about: the service that a workload is, that a route leads to, that a policy guards.
// In: one sight of an object. Out: an entity of the model.
// Bounds: a closed table of kinds; whatever else there is concerns the service of its labels, or the one of its own name.
import { type Entity, makeEntity } from "../../model/entity.ts";
import { child, firstText, isJson, list, nameOf } from "./json-path.ts";
import type { ObservedObject } from "./observed-object.ts";
import { workloadIdentity } from "./workloads.ts";

const NAME_LABELS = ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app", "k8s-app"];

const OF_THE_CLUSTER = new Set([
  "RuntimeClass",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "PriorityClass",
  "StorageClass",
  "PersistentVolume",
  "GatewayClass",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
]);
/** Kinds that hold for their whole namespace, or with Istio's root namespace for the mesh, when nothing selects a workload. */
const POLICIES = new Set([
  "AuthorizationPolicy",
  "PeerAuthentication",
  "RequestAuthentication",
  "EnvoyFilter",
  "Sidecar",
  "Telemetry",
  "ProxyConfig",
  "WasmPlugin",
  "NetworkPolicy",
  "CiliumNetworkPolicy",
]);
const ROOT_NAMESPACE = "istio-system";

/** The place that an object is about. */
export function entityOf(seen: ObservedObject): Entity {
  const { cluster, kind, namespace, name, object } = seen;
  if (kind === "Node") return makeEntity("NODE", { cluster, node: name });
  if (kind === "Namespace") return makeEntity("NAMESPACE", { cluster, namespace: name });
  if (OF_THE_CLUSTER.has(kind)) return makeEntity("CLUSTER", { cluster });
  const identity = workloadIdentity(seen);
  if (identity !== null) {
    const { service, version } = identity;
    const parts = { cluster, namespace, service: service === "" ? name : service };
    return version === "" ? makeEntity("SERVICE", parts) : makeEntity("VERSION", { ...parts, version });
  }
  const routed = routedService(object, namespace);
  if (routed !== null) return makeEntity("SERVICE", { cluster, ...routed });
  if (kind === "ServiceEntry") {
    const host = nameOf(list(child(object, "spec", "hosts"))[0]);
    if (host !== "") return makeEntity("EXTERNAL", { cluster, service: host });
  }
  const service = targetOf(object) || labelled(child(object, "metadata", "labels"));
  if (service === "" && POLICIES.has(kind)) {
    return namespace === ROOT_NAMESPACE
      ? makeEntity("CLUSTER", { cluster })
      : makeEntity("NAMESPACE", { cluster, namespace });
  }
  return makeEntity("SERVICE", { cluster, namespace, service: service === "" ? name : service });
}

function labelled(labels: unknown): string {
  return nameOf(firstText(...NAME_LABELS.map((label) => child(labels, label))));
}

/** What a policy or a controller points at: by name, or by the labels that it selects. */
function targetOf(object: unknown): string {
  const spec = child(object, "spec");
  const references = [child(spec, "scaleTargetRef"), child(spec, "targetRef"), ...list(child(spec, "targetRefs"))];
  const named = references.map((reference) => nameOf(child(reference, "name"))).find((name) => name !== "");
  if (named !== undefined) return named;
  for (const selector of [
    child(spec, "selector"),
    child(spec, "workloadSelector"),
    child(spec, "podSelector"),
    child(spec, "endpointSelector"),
  ]) {
    const labels = child(selector, "matchLabels") ?? child(selector, "labels") ?? selector;
    const service = isJson(labels) ? labelled(labels) : "";
    if (service !== "") return service;
  }
  return nameOf(child(spec, "vmiName"));
}

/** The service inside the cluster that a route leads to; null for objects that route nowhere or outside. */
function routedService(object: unknown, namespace: string): { service: string; namespace: string } | null {
  const spec = child(object, "spec");
  const routes = ["http", "tcp", "tls"].flatMap((protocol) => list(child(spec, protocol)));
  const rules = list(child(spec, "rules"));
  const services = list(child(spec, "parentRefs")).filter((parent) => child(parent, "kind") === "Service");
  const candidates = [
    { host: child(spec, "host") },
    ...services.map((parent) => ({ host: child(parent, "name"), namespace: child(parent, "namespace") })),
    ...list(child(spec, "hosts")).map((host) => ({ host })),
    ...routes.flatMap((route) =>
      list(child(route, "route")).map((target) => ({ host: child(target, "destination", "host") })),
    ),
    ...rules.flatMap((rule) =>
      list(child(rule, "backendRefs")).map((ref) => ({ host: child(ref, "name"), namespace: child(ref, "namespace") })),
    ),
  ];
  for (const candidate of candidates) {
    const found = serviceOfHost(nameOf(candidate.host), namespace);
    if (found === null) continue;
    const own = "namespace" in candidate ? nameOf(candidate.namespace) : "";
    return own === "" ? found : { ...found, namespace: own };
  }
  return null;
}

/** The service that a host such as `catalog.shop.svc.cluster.local` names; null for hosts outside the cluster. */
function serviceOfHost(host: string, namespace: string): { service: string; namespace: string } | null {
  const [service = "", second, third] = host.split(".");
  if (service === "" || service.startsWith("*")) return null;
  if (second === undefined) return { service, namespace };
  return third === "svc" ? { service, namespace: second } : null;
}
