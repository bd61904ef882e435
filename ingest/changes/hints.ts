// Where in a webhook's payload the place is named that it changed.
// In: a payload and, for each part of the place, paths that are tried in order. Out: cluster, namespace, service, version; '' where none fits.
// Bounds: dotted paths into JSON; parts are cut at MAX_PART. `shop/pricing` as a service is a namespace and a service.
import { type Entity, makeEntity } from "../../model/entity.ts";
import { child } from "./json-path.ts";

/** The parts of a place that a payload may name. */
export const HINT_PARTS = ["cluster", "namespace", "service", "version"] as const;
export type HintPart = (typeof HINT_PARTS)[number];

/** Who sends webhooks about changes. */
export const CHANGE_SOURCES = ["cdevents", "argocd", "flux", "github"] as const;
export type ChangeSource = (typeof CHANGE_SOURCES)[number];

/** Paths by part, tried in order; a part that is not given keeps its defaults. */
export type Hints = Readonly<Partial<Record<HintPart, readonly string[]>>>;

const MAX_PART = 256;

const DEFAULTS: Readonly<Record<ChangeSource, Readonly<Record<HintPart, readonly string[]>>>> = {
  cdevents: {
    cluster: ["customData.cluster", "subject.content.environment.cluster"],
    namespace: ["customData.namespace", "subject.content.environment.namespace"],
    service: ["customData.service", "subject.content.service.id", "subject.id"],
    version: ["customData.version", "subject.content.version"],
  },
  argocd: {
    cluster: ["labels.faultline-cluster", "cluster"],
    namespace: ["labels.faultline-namespace", "namespace"],
    service: ["labels.faultline-service", "app"],
    version: ["labels.faultline-version"],
  },
  flux: {
    cluster: ["metadata.cluster"],
    namespace: ["metadata.namespace", "involvedObject.namespace"],
    service: ["metadata.service", "involvedObject.name"],
    version: ["metadata.version", "metadata.app-version", "metadata.appVersion"],
  },
  github: {
    cluster: ["deployment.payload.cluster"],
    namespace: ["deployment.payload.namespace"],
    service: ["deployment.payload.service", "deployment.payload.app", "repository.name"],
    version: ["deployment.payload.version"],
  },
};

/** The place that a payload is about: a version where it names one, else a service; UNKNOWN when it names no service. */
export function hintedEntity(source: ChangeSource, payload: unknown, hints: Hints, version = ""): Entity {
  const part = (name: HintPart): string => firstAt(payload, hints[name] ?? DEFAULTS[source][name]);
  const [service, inNamespace] = splitService(part("service"));
  const parts = { cluster: part("cluster"), namespace: part("namespace") || inNamespace, service };
  const of = cut(part("version") || version);
  if (service === "") return makeEntity("UNKNOWN", parts);
  return of === "" ? makeEntity("SERVICE", parts) : makeEntity("VERSION", { ...parts, version: of });
}

function firstAt(payload: unknown, paths: readonly string[]): string {
  for (const path of paths) {
    const value = at(payload, path);
    if (typeof value === "string" && value !== "") return cut(value);
    if (typeof value === "number") return String(value);
  }
  return "";
}

/** The value at a dotted path; a key may hold dots itself: the longest that fits is taken. */
function at(value: unknown, path: string): unknown {
  const keys = path.split(".");
  for (let taken = keys.length; taken > 0; taken--) {
    const here = child(value, keys.slice(0, taken).join("."));
    if (here !== undefined) return taken === keys.length ? here : at(here, keys.slice(taken).join("."));
  }
  return undefined;
}

/** `shop/pricing` and the last part of a URL or a path. */
function splitService(name: string): [service: string, namespace: string] {
  const parts = name.split("/").filter((part) => part !== "");
  const service = parts.at(-1) ?? "";
  return parts.length === 2 && !name.includes(":") ? [service, parts[0] ?? ""] : [service, ""];
}

function cut(value: string): string {
  return value.slice(0, MAX_PART);
}
