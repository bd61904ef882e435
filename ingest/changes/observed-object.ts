// One sight of a Kubernetes object, as the Collector's k8sobjects receiver sends it.
// In: the body of a log record: a watch message, a pulled object, or either as JSON text. Out: the object and what its metadata tells.
// Bounds: JSON text of at most MAX_TEXT characters (etcd keeps objects of 1.5 MB); what is no object with a kind and a name,
// or has longer names than Kubernetes allows, is null.
import { child, isJson, type Json, list, parseJson, text, timeOf } from "./json-path.ts";

/** How an object was seen: by a watch, or in a list that was pulled. */
export type Sighting = "ADDED" | "MODIFIED" | "DELETED" | "PULLED";

/** One sight; times in unix ms, null and 0 where unknown. */
export interface ObservedObject {
  readonly cluster: string;
  readonly kind: string;
  /** API group such as `apps`; '' for the core. */
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly sighting: Sighting;
  /** Null for kinds that have none, such as ConfigMap. */
  readonly generation: number | null;
  readonly resourceVersion: number;
  readonly createdMs: number | null;
  /** When the newest write was that is no status update, as managedFields tell. */
  readonly writtenMs: number | null;
  /** True when nothing was written after it: this sight is of that write. */
  readonly isWrittenLast: boolean;
  readonly observedMs: number;
  readonly object: Json;
}

const MAX_TEXT = 4 << 20;
/** Names of Kubernetes are at most this long. */
const MAX_NAME = 253;
const WATCHED: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED"]);

/** Reads one body; `observedMs` in unix ms. */
export function readObject(body: unknown, cluster: string, observedMs: number): ObservedObject | null {
  const message = typeof body === "string" ? parse(body) : body;
  if (!isJson(message)) return null;
  const type = text(message["type"]);
  const isWatched = WATCHED.has(type) && isJson(message["object"]);
  const object = isWatched ? message["object"] : message;
  if (!isJson(object)) return null;
  const metadata = child(object, "metadata");
  const kind = text(object["kind"]);
  const name = text(child(metadata, "name"));
  const namespace = text(child(metadata, "namespace"));
  const uid = text(child(metadata, "uid"));
  if (kind === "" || name === "" || [kind, name, namespace, uid].some((part) => part.length > MAX_NAME)) return null;
  return {
    cluster: cluster.slice(0, MAX_NAME),
    kind,
    group: groupOf(text(object["apiVersion"])),
    namespace,
    name,
    uid,
    sighting: isWatched ? (type as Sighting) : "PULLED",
    generation: wholeNumber(child(metadata, "generation")),
    resourceVersion: wholeNumber(child(metadata, "resourceVersion")) ?? 0,
    createdMs: timeOf(child(metadata, "creationTimestamp")),
    ...specWrite(child(metadata, "managedFields")),
    observedMs,
    object,
  };
}

function parse(body: string): unknown {
  if (body.length > MAX_TEXT || !body.trimStart().startsWith("{")) return null;
  return parseJson(body) ?? null;
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, Math.min(slash, MAX_NAME));
}

function wholeNumber(value: unknown): number | null {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

/** The newest write that is no status update. */
function specWrite(managedFields: unknown): Pick<ObservedObject, "writtenMs" | "isWrittenLast"> {
  let writtenMs: number | null = null;
  let statusMs = -Infinity;
  for (const field of list(managedFields)) {
    const ms = timeOf(child(field, "time"));
    if (ms === null) continue;
    if (child(field, "subresource") === "status") statusMs = Math.max(statusMs, ms);
    else writtenMs = Math.max(writtenMs ?? ms, ms);
  }
  // Times are whole seconds: of two writes in one second, the one that is no status counts.
  return { writtenMs, isWrittenLast: writtenMs !== null && writtenMs >= statusMs };
}
