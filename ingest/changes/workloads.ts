// Which workload a Kubernetes object is, and how it runs, by the same rules as telemetry (model/identity.ts, model/runtime.ts).
// In: one sight of a Deployment, Pod, Knative revision, virtual machine, ... Out: its service, version, runtime and isolation with reasons.
// Bounds: a closed table of kinds; labels and annotations of the template, as the Collector would attach them to telemetry.
import { resolveIdentity } from "../../model/identity.ts";
import type { WorkloadRow } from "../../storage/kubernetes-objects.ts";
import { child, isJson, type Json, list, nameOf, text } from "./json-path.ts";
import type { ObservedObject } from "./observed-object.ts";

/** Service and version of a workload's template; '' where unknown. */
export interface WorkloadIdentity {
  readonly service: string;
  readonly version: string;
}

/** Where a kind keeps the metadata and the spec of its pods, and the attribute by which telemetry names it. */
interface WorkloadKind {
  readonly template: readonly string[];
  readonly nameAttribute: string | null;
}

const TEMPLATE = ["spec", "template"];
const KINDS: Readonly<Record<string, WorkloadKind>> = {
  Deployment: { template: TEMPLATE, nameAttribute: "k8s.deployment.name" },
  StatefulSet: { template: TEMPLATE, nameAttribute: "k8s.statefulset.name" },
  DaemonSet: { template: TEMPLATE, nameAttribute: "k8s.daemonset.name" },
  ReplicaSet: { template: TEMPLATE, nameAttribute: "k8s.replicaset.name" },
  Job: { template: TEMPLATE, nameAttribute: "k8s.job.name" },
  CronJob: { template: ["spec", "jobTemplate", ...TEMPLATE], nameAttribute: "k8s.cronjob.name" },
  Rollout: { template: TEMPLATE, nameAttribute: "k8s.deployment.name" },
  Pod: { template: [], nameAttribute: null },
  VirtualMachine: { template: TEMPLATE, nameAttribute: null },
  VirtualMachineInstance: { template: [], nameAttribute: null },
  Revision: { template: [], nameAttribute: null },
  Configuration: { template: TEMPLATE, nameAttribute: null },
  Service: { template: TEMPLATE, nameAttribute: null },
};
const KNATIVE = "serving.knative.dev";
/** A template that names no RuntimeClass runs by the node's default, which is runc unless somebody changed it. */
const TEMPLATE_SEEN = 0.95;

/** Service and version of a workload; null for every other kind. */
export function workloadIdentity(seen: ObservedObject): WorkloadIdentity | null {
  const attributes = attributesOf(seen);
  if (attributes === null) return null;
  const { service, version } = resolveIdentity(attributes, new Map());
  return { service: service.value || ownName(seen), version: version.value };
}

/** The row of a workload; null for every other kind, and for a ReplicaSet that runs nothing. */
export function workloadOf(seen: ObservedObject): WorkloadRow | null {
  const attributes = attributesOf(seen);
  if (attributes === null) return null;
  if (seen.kind === "ReplicaSet" && child(seen.object, "spec", "replicas") === 0) return null;
  const isPod = seen.kind === "Pod";
  const identity = resolveIdentity(attributes, new Map());
  const { runtime, isolation } = identity;
  // Each name of a batch job's pod is its own: the rule of the table speaks of any pod.
  const confidence = runtime.rule === "default.pod" ? TEMPLATE_SEEN : runtime.confidence;
  return {
    Cluster: seen.cluster,
    Namespace: seen.namespace,
    Service: identity.service.value || ownName(seen),
    Version: identity.version.value,
    Instance: isPod ? seen.name : "",
    Node: nameOf(child(seen.object, "spec", "nodeName")),
    Kind: seen.kind,
    Name: seen.name,
    Runtime: runtime.value,
    Isolation: isolation?.value ?? "",
    Confidence: confidence,
    Rule: runtime.rule,
    Attribute: runtime.attribute,
    Gone: seen.sighting === "DELETED" ? 1 : 0,
    LastSeen: Math.max(0, Math.floor(seen.observedMs / 1000)),
  };
}

/** What telemetry of these pods would carry; null when the kind runs none. */
function attributesOf(seen: ObservedObject): Map<string, string> | null {
  const kind = Object.hasOwn(KINDS, seen.kind) ? KINDS[seen.kind] : undefined;
  const isKnative = seen.group === KNATIVE;
  if (kind === undefined || (seen.kind === "Service" && !isKnative)) return null;
  const root = kind.template.length === 0 ? seen.object : child(seen.object, ...kind.template);
  const metadata = child(root, "metadata");
  const spec = child(root, "spec");
  const attributes = new Map<string, string>([["k8s.namespace.name", seen.namespace]]);
  if (seen.cluster !== "") attributes.set("k8s.cluster.name", seen.cluster);
  copy(child(seen.object, "metadata", "annotations"), "k8s.pod.annotation.", attributes, DECLARED);
  copy(child(metadata, "annotations"), "k8s.pod.annotation.", attributes);
  // Labels of the object itself name the service where its template has none.
  if (kind.template.length > 0) copy(child(seen.object, "metadata", "labels"), "k8s.pod.label.", attributes, NAMES);
  copy(child(metadata, "labels"), "k8s.pod.label.", attributes);
  put(attributes, "service.name", child(metadata, "annotations", "resource.opentelemetry.io/service.name"));
  put(attributes, "service.version", child(metadata, "annotations", "resource.opentelemetry.io/service.version"));
  put(attributes, "k8s.pod.runtime_class.name", child(spec, "runtimeClassName"));
  put(attributes, "k8s.node.name", child(spec, "nodeName"));
  for (const container of list(child(spec, "containers"))) {
    const image = text(child(container, "image"));
    // A sidecar's image says nothing of the workload.
    if (image === "" || text(child(container, "name")) === "istio-proxy") continue;
    if (!attributes.has("container.image.name")) attributes.set("container.image.name", image);
  }
  if (kind.nameAttribute !== null) attributes.set(kind.nameAttribute, workloadName(seen));
  attributes.set("k8s.pod.name", seen.name);
  if (seen.kind === "VirtualMachine" || seen.kind === "VirtualMachineInstance") {
    attributes.set("k8s.pod.label.vm.kubevirt.io/name", seen.name);
  }
  if (isKnative) {
    attributes.set("k8s.pod.label.serving.knative.dev/revision", seen.name);
  }
  return attributes;
}

const MAX_LABELS = 500;
const NAMES = /^(service\.istio\.io\/canonical-name|app\.kubernetes\.io\/name|app)$/;
const DECLARED = /^faultline\.io\//;

function copy(from: unknown, prefix: string, into: Map<string, string>, only?: RegExp): void {
  if (!isJson(from)) return;
  for (const [name, value] of Object.entries(from).slice(0, MAX_LABELS)) {
    if (typeof value === "string" && (only === undefined || only.test(name))) into.set(prefix + name, value);
  }
}

function put(attributes: Map<string, string>, name: string, value: unknown): void {
  if (typeof value === "string" && value !== "") attributes.set(name, value);
}

/** The name that a service without labels goes by. */
function ownName(seen: ObservedObject): string {
  const labels = child(seen.object, "metadata", "labels");
  if (seen.group === KNATIVE) {
    return (
      nameOf(child(labels, `${KNATIVE}/service`)) || nameOf(child(labels, `${KNATIVE}/configuration`)) || seen.name
    );
  }
  const owner = ownerOf(seen.object);
  if (seen.kind === "Pod" && owner !== null) {
    // Of a Deployment's pod the ReplicaSet is the owner: its name ends in the hash of the template.
    const hash = text(child(labels, "pod-template-hash"));
    const name = nameOf(owner["name"]);
    return hash !== "" && name.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name;
  }
  return workloadName(seen);
}

function workloadName(seen: ObservedObject): string {
  const owner = ownerOf(seen.object);
  return seen.kind === "ReplicaSet" && owner !== null ? nameOf(owner["name"]) || seen.name : seen.name;
}

/** The controller that made an object; null when a person or a pipeline did. */
export function ownerOf(object: unknown): Json | null {
  const owners = list(child(object, "metadata", "ownerReferences"));
  const owner = owners.find((candidate) => child(candidate, "controller") === true) ?? owners[0];
  return isJson(owner) ? owner : null;
}
