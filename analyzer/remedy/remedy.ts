// What a person may do about a cause: one sentence, and where the mesh can help, the smallest manifest to review.
// In: a cause and the route objects of its namespaces. Out: a Remedy, or null where nothing better than looking can be said.
// Bounds: pure; nothing is applied; a manifest is given only where the object is known whole, or where a new one cannot clash.
import { type Entity, entityName } from "../../model/entity.ts";
import type { Cause, FaultKind, Remedy } from "../../model/localization.ts";
import type { RouteKind, RouteObject } from "../../storage/route-objects.ts";
import { formerFields } from "./former-state.ts";
import { manifestOf, type Mapping, specOf } from "./manifest.ts";
import {
  isHostOf,
  withDefaultRetries,
  withDoubledPool,
  withLeastRequest,
  withOutlierDetection,
  withoutSetting,
  withoutVersion,
} from "./route-edits.ts";

/** What a remedy is worked out from. */
export type RemedyCause = Pick<Cause, "faultKind" | "entity" | "change">;

type Edit = (spec: Mapping) => Mapping | null;

// The callee decides over routes to it: of an edge it is the peer.
const calleeOf = (entity: Entity): Entity => entity.peer ?? entity;

function hostsOf({ fields }: RouteObject): string[] {
  return [...fields].filter(([path]) => /(^|\.)hosts?$/.test(path)).flatMap(([, value]) => value.split(", "));
}

/** Backends of an HTTPRoute are Services; a version's often bears the service's name and its own: `catalog-v2`. */
function hasBackendOf({ fields }: RouteObject, service: string): boolean {
  return [...fields.keys()].some((path) => {
    const backend = /\bbackendRefs\[([^\]]+)\]/.exec(path)?.[1];
    return backend === service || backend?.startsWith(`${service}-`) === true;
  });
}

function objectsOf(objects: readonly RouteObject[], callee: Entity, ...kinds: RouteKind[]): RouteObject[] {
  const { service, namespace, cluster } = callee;
  const isTheirs = (object: RouteObject) =>
    service !== "" &&
    kinds.includes(object.kind) &&
    (cluster === "" || object.cluster === "" || object.cluster === cluster) &&
    (hostsOf(object).some((host) => isHostOf(host, service, object.namespace === namespace ? namespace : "")) ||
      hasBackendOf(object, service));
  return objects.filter(isTheirs);
}

function edited(objects: readonly RouteObject[], edit: Edit): string | null {
  for (const object of objects) {
    const spec = specOf(object.fields);
    const better = spec === null ? null : edit(spec);
    if (better !== null) return manifestOf(object, better);
  }
  return null;
}

/** The object that was changed, as it was before the change; null when its former state is not known whole. */
function reverted(objects: readonly RouteObject[], { change }: RemedyCause): string | null {
  if (change === null) return null;
  const [kind, name] = change.summary.split(" ");
  const object = objects.find((one) => one.kind === kind && one.name === name);
  const former = object === undefined ? null : formerFields(object.fields, change.before, object.kind);
  const spec = former === null ? null : specOf(former);
  return spec === null || object === undefined ? null : manifestOf(object, spec);
}

/** A policy for the callee: its own rule edited, or a new rule where it has none. */
function ruled(objects: readonly RouteObject[], callee: Entity, edit: Edit): string | null {
  const rules = objectsOf(objects, callee, "DestinationRule");
  if (rules.length > 0) return edited(rules, edit);
  const { cluster, namespace, service } = callee;
  if (service === "" || namespace === "") return null;
  const host = `${service}.${namespace}.svc.cluster.local`;
  const spec = edit({ host });
  return spec === null ? null : manifestOf({ kind: "DestinationRule", cluster, namespace, name: service }, spec);
}

function routePatch(cause: RemedyCause, objects: readonly RouteObject[]): string | null {
  const callee = calleeOf(cause.entity);
  const routes = objectsOf(objects, callee, "VirtualService", "HTTPRoute");
  const { service, namespace, version } = callee;
  const edits: Partial<Record<FaultKind, Edit>> = {
    FAULT_INJECTION: (spec) => withoutSetting(spec, service, namespace, "fault"),
    TIMEOUT_CONFIG: (spec) => withoutSetting(spec, service, namespace, "timeout"),
    RETRY_STORM: (spec) => withDefaultRetries(spec, service, namespace),
    BAD_RELEASE: (spec) => withoutVersion(spec, service, namespace, version),
  };
  const edit = edits[cause.faultKind];
  return edit === undefined ? null : edited(routes, edit);
}

const ROUTED: ReadonlySet<string> = new Set(["VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute"]);
const WORKLOADS: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet"]);
const FAILS_BY_ITSELF: ReadonlySet<FaultKind> = new Set(["CODE_ERROR", "CRASH", "BAD_RELEASE"]);

const ADVICE: Partial<Record<FaultKind, (name: string) => string>> = {
  CPU: (name) => `Raise the CPU limit of ${name} or add instances; it has none left.`,
  MEMORY: (name) => `Raise the memory limit of ${name}, and look for what grows since its last release.`,
  DISK: (name) => `Free or enlarge the volume of ${name}.`,
  CRASH: (name) =>
    `Look at the last log lines of ${name} before it ended; until it stands, keep requests away from it.`,
  NODE: (name) => `Cordon ${name} and move its pods elsewhere (kubectl cordon, then drain); then look at the machine.`,
  CLUSTER_LINK: (name) =>
    `Keep requests inside their cluster while ${name} is impaired (locality load balancing), and look at the gateways between the two.`,
  NETWORK: (name) =>
    `Look at the network between the two ends of ${name}: policies, the node's network, a proxy in between.`,
  DEPENDENCY: (name) => `Look at ${name} itself: its load, locks and connections; its callers are innocent.`,
  RATE_LIMIT: (name) => `Raise the rate limit in front of ${name}, or slow its callers down.`,
  AUTHORIZATION: (name) =>
    `Look at the AuthorizationPolicy and the tokens that ${name} asks for; allow the caller that is denied.`,
  TRAFFIC_SURGE: (name) => `Add instances of ${name}, or limit the rate of the callers that send more than before.`,
  COLD_START: (name) => `Keep at least one instance of ${name} warm (Knative: autoscaling.knative.dev/min-scale: "1").`,
  PAUSE: (name) => `Hold live migrations of ${name}, or move it when nobody needs it.`,
  LATENCY: (name) =>
    `Look at where ${name} spends its own time in the slow traces; add instances if it waits for CPU or connections.`,
  CODE_ERROR: (name) => `Look at the failing traces and the logs of ${name}.`,
};

interface Patched {
  readonly summary: string;
  readonly patch: string | null;
}

function byRoute(cause: RemedyCause, objects: readonly RouteObject[], name: string): Patched | null {
  const { change, faultKind } = cause;
  if (change !== null && ROUTED.has(change.kind)) {
    const patch = reverted(objects, cause) ?? routePatch(cause, objects);
    return { summary: `Take the change back: ${change.summary}.`, patch };
  }
  const patch = routePatch(cause, objects);
  if (patch === null) return null;
  const words: Partial<Record<FaultKind, string>> = {
    FAULT_INJECTION: `Take the injected fault off the route to ${name}.`,
    TIMEOUT_CONFIG: `Take the timeout off the route to ${name}, or set one above its usual latency.`,
    RETRY_STORM: `Retry at most twice on the way to ${name}, with the default backoff.`,
    BAD_RELEASE: `Send no more requests to ${name}: give its share to the other versions.`,
  };
  return { summary: words[faultKind] ?? `Change the route to ${name}.`, patch };
}

function byRule(cause: RemedyCause, objects: readonly RouteObject[], name: string): Patched | null {
  const callee = calleeOf(cause.entity);
  if (cause.faultKind === "CIRCUIT_BREAKER") {
    const patch = edited(objectsOf(objects, callee, "DestinationRule"), withDoubledPool);
    return { summary: `Raise the limits of the circuit breaker in front of ${name}, or add instances.`, patch };
  }
  if (cause.faultKind === "LOAD_IMBALANCE") {
    const patch = ruled(objects, { ...callee, version: "", instance: "" }, withLeastRequest);
    return { summary: `Balance by the requests in flight, so that ${name} gets no more than its share.`, patch };
  }
  if (cause.entity.kind === "INSTANCE" && FAILS_BY_ITSELF.has(cause.faultKind)) {
    const patch = ruled(objects, { ...callee, version: "", instance: "" }, withOutlierDetection);
    return { summary: `Take ${name} out of the load balancing while it fails, and start it anew.`, patch };
  }
  return null;
}

/** What may be done about a cause. */
export function suggestRemedy(cause: RemedyCause, objects: readonly RouteObject[]): Remedy | null {
  const { entity, change, faultKind } = cause;
  const name = entityName(entity);
  // A version that is bad gives its share away, whatever its fault is called: that helps at once.
  const asRelease = entity.kind === "VERSION" ? routePatch({ ...cause, faultKind: "BAD_RELEASE" }, objects) : null;
  const undo =
    change !== null && WORKLOADS.has(change.kind)
      ? `kubectl rollout undo ${change.kind.toLowerCase()}/${change.summary.split(" ")[1] ?? entity.service} -n ${change.entity.namespace || "default"}`
      : null;
  if (asRelease !== null) {
    const summary = `Send no more requests to ${name}: give its share to the other versions${undo === null ? "" : `; then ${undo}`}.`;
    return { summary, patch: asRelease };
  }
  const patched = byRoute(cause, objects, name) ?? byRule(cause, objects, name);
  if (patched !== null && patched.patch !== null) return patched;
  if (undo !== null) return { summary: `Take the rollout back: ${undo} (${change!.summary}).`, patch: null };
  if (patched !== null) return patched;
  const advice = ADVICE[faultKind];
  return advice === undefined ? null : { summary: advice(name), patch: null };
}
