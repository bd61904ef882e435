// Kubernetes objects as the Collector's k8sobjects receiver sends them → changes of the running system.
// In: the JSON body of one log record and when it was observed. Out: a Change, or null when nothing of the desired state changed.
// Bounds: the last seen generation of at most MAX_OBJECTS objects (oldest forgotten); `after` is cut at MAX_SPEC characters.
// Rule: a change is a MODIFIED whose metadata.generation rose (status churn leaves it). The first MODIFIED of an object counts
//   when the newest of its managedFields is no status update; ADDED and pulled objects are snapshots.
import { createHash } from "node:crypto";
import { type Entity, makeEntity } from "../model/entity.ts";
import type { Change } from "../model/localization.ts";

const MAX_OBJECTS = 20_000;
const MAX_SPEC = 4_000;

type Json = { readonly [key: string]: unknown };

function child(value: unknown, ...path: string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Json)[key];
  }
  return at;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const NAME_LABELS = ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app", "k8s-app"];
const VERSION_LABELS = ["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"];

function firstLabel(labels: unknown, names: readonly string[]): string {
  for (const name of names) {
    const value = text(child(labels, name));
    if (value !== "") return value;
  }
  return "";
}

/** The service that a host such as `catalog.shop.svc.cluster.local` names; null for hosts outside the cluster. */
function serviceOfHost(host: string, namespace: string): { service: string; namespace: string } | null {
  const [service = "", second, third] = host.split(".");
  if (service === "" || service === "*") return null;
  if (second === undefined) return { service, namespace };
  return third === "svc" ? { service, namespace: second } : null;
}

function routedHost(object: unknown): string {
  const hosts = [
    child(object, "spec", "host"),
    ...list(child(object, "spec", "hosts")),
    ...list(child(object, "spec", "rules")).flatMap((rule) =>
      list(child(rule, "backendRefs")).map((ref) => child(ref, "name")),
    ),
  ];
  return hosts.map(text).find((host) => host !== "") ?? "";
}

function entityOf(object: unknown, cluster: string): Entity {
  const metadata = child(object, "metadata");
  const namespace = text(child(metadata, "namespace"));
  const template = child(object, "spec", "template", "metadata", "labels");
  const routed = serviceOfHost(routedHost(object), namespace);
  const labelled = firstLabel(template, NAME_LABELS) || firstLabel(child(metadata, "labels"), NAME_LABELS);
  const service = routed?.service ?? (labelled || text(child(metadata, "name")));
  const version = firstLabel(template, VERSION_LABELS);
  const parts = { cluster, namespace: routed?.namespace ?? namespace, service };
  return version === "" ? makeEntity("SERVICE", parts) : makeEntity("VERSION", { ...parts, version });
}

/** True when the newest write that managedFields tells of was no status update; false when they tell nothing. */
function wasSpecWrittenLast(object: unknown): boolean {
  const writes = list(child(object, "metadata", "managedFields"))
    .map((field) => ({
      ms: Date.parse(text(child(field, "time"))),
      isStatus: child(field, "subresource") === "status",
    }))
    .filter((write) => !Number.isNaN(write.ms))
    .sort((a, b) => b.ms - a.ms);
  return writes[0]?.isStatus === false;
}

function describeSpec(object: unknown): string {
  const images = list(child(object, "spec", "template", "spec", "containers"))
    .map((container) => text(child(container, "image")))
    .filter((image) => image !== "");
  const replicas = child(object, "spec", "replicas");
  if (images.length > 0) {
    const count = typeof replicas === "number" ? `, ${replicas} replicas` : "";
    return `${images.join(" ")}${count}`;
  }
  const desired = child(object, "spec") ?? child(object, "data") ?? {};
  return JSON.stringify(desired).slice(0, MAX_SPEC);
}

interface SeenObject {
  readonly generation: string;
  readonly spec: string;
}

/** Remembers what was last seen of each object; one a process. */
export class ObjectWatch {
  private readonly seen = new Map<string, SeenObject>();

  /** Reads one object message; `observedMs` is unix ms. Anything that is no object message gives null. */
  read(body: unknown, cluster: string, observedMs: number): Change | null {
    const type = text(child(body, "type"));
    const object = child(body, "object") ?? body;
    const kind = text(child(object, "kind"));
    const name = text(child(object, "metadata", "name"));
    if (kind === "" || name === "") return null;
    const namespace = text(child(object, "metadata", "namespace"));
    const key = `${cluster}/${kind}/${namespace}/${name}`;
    const before = this.seen.get(key);
    const spec = describeSpec(object);
    const rawGeneration = child(object, "metadata", "generation");
    // ConfigMaps and Secrets carry no generation in a real cluster: their content stands in for it.
    const generation =
      typeof rawGeneration === "number" || typeof rawGeneration === "string"
        ? String(rawGeneration)
        : createHash("sha256")
            .update(JSON.stringify(child(object, "data") ?? null))
            .digest("hex");
    this.remember(key, { generation, spec });
    if (type === "DELETED") return this.change(object, cluster, observedMs, "deleted", spec, null);
    if (type !== "MODIFIED") return null;
    if (before?.generation === generation) return null;
    if (before === undefined && !wasSpecWrittenLast(object)) return null;
    return this.change(object, cluster, observedMs, "changed", before?.spec ?? null, spec);
  }

  private change(
    object: unknown,
    cluster: string,
    observedMs: number,
    verb: string,
    before: string | null,
    after: string | null,
  ): Change {
    const kind = text(child(object, "kind"));
    const name = text(child(object, "metadata", "name"));
    const cause = text(child(object, "metadata", "annotations", "kubernetes.io/change-cause"));
    const about = [cluster, kind, text(child(object, "metadata", "uid")), name, verb, observedMs];
    return {
      id: createHash("sha256").update(about.join("\n")).digest("hex").slice(0, 16),
      at: new Date(observedMs).toISOString(),
      kind,
      entity: entityOf(object, cluster),
      summary: `${kind} ${name} ${verb}${cause === "" ? "" : `: ${cause}`}`,
      before,
      after,
    };
  }

  private remember(key: string, object: SeenObject): void {
    this.seen.delete(key);
    this.seen.set(key, object);
    if (this.seen.size > MAX_OBJECTS) {
      const oldest = this.seen.keys().next().value;
      if (oldest !== undefined) this.seen.delete(oldest);
    }
  }
}
