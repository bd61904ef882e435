// Which kinds of objects are desired by somebody, and which only follow from others.
// In: one sight of an object. Out: whether its changes count, and the name under which it is remembered.
// Bounds: a closed list of what is left out; a kind that nobody has heard of counts.
import { child, nameOf } from "./json-path.ts";
import type { ObservedObject } from "./observed-object.ts";
import { ownerOf } from "./workloads.ts";

/** Made and unmade by controllers all the time; what made them is the change. */
const DERIVED = new Set([
  "Pod",
  "ReplicaSet",
  "ControllerRevision",
  "Event",
  "Endpoints",
  "EndpointSlice",
  "Lease",
  "PodMetrics",
  "NodeMetrics",
  "CiliumEndpoint",
  "CiliumIdentity",
  "PodAutoscaler",
  "ServerlessService",
  "AnalysisRun",
  "Status",
]);
/** Derived where a controller made them, desired where a person did. */
const DERIVED_WHEN_OWNED = new Set(["Job", "Configuration", "Route", "Workflow"]);

/** Controllers write their findings into kinds of this form, and their heartbeat into ConfigMaps of these names. */
const FINDINGS = /Report(Summary)?$/;
const HEARTBEATS = /^cluster-autoscaler-status|-leader-election$|-leader$/;

/** True when a change of the object is a change of the running system. */
export function isTracked(seen: ObservedObject): boolean {
  if (DERIVED.has(seen.kind) || FINDINGS.test(seen.kind)) return false;
  if (seen.kind === "ConfigMap" && HEARTBEATS.test(seen.name)) return false;
  return !DERIVED_WHEN_OWNED.has(seen.kind) || ownerOf(seen.object) === null;
}

/** Under which name an object is remembered, unique in a tenant. */
export function trackedId(seen: ObservedObject): string {
  // Knative makes a new Revision for every change: each is compared with the one before of the same configuration.
  const lineage =
    seen.kind === "Revision"
      ? nameOf(child(seen.object, "metadata", "labels", "serving.knative.dev/configuration"))
      : "";
  const kind = seen.group === "" ? seen.kind : `${seen.kind}.${seen.group}`;
  return `${seen.cluster}/${kind}/${seen.namespace}/${lineage || seen.name}`;
}
