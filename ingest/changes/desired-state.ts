// What somebody wants of a Kubernetes object, as short texts by path: the part of it whose change is a change of the running system.
// In: an object. Out: fields for the comparison that people read, and a digest of all of it for the question whether anything changed.
// Bounds: MAX_FIELDS fields of MAX_FIELD characters and MAX_TOTAL in all (the most telling first), MAX_VALUES values and MAX_DEPTH levels in
// the digest. Nothing of a Secret is kept; values whose names say that they are secret are hidden.
import { createHash } from "node:crypto";
import { child, isJson, type Json, text } from "./json-path.ts";
import type { ObservedObject } from "./observed-object.ts";
import { rankOf } from "./field-words.ts";

const MAX_FIELDS = 250;
const MAX_FIELD = 160;
const MAX_TOTAL = 16_000;
const MAX_VALUES = 10_000;
const MAX_DEPTH = 24;
/** Lines of a ConfigMap's file that are read as `key: value`. */
const MAX_LINES = 200;

/** Fields by path, and a digest that differs when anything desired differs. `phase` is the step that a rollout controller is in. */
export interface DesiredState {
  readonly fields: ReadonlyMap<string, string>;
  readonly digest: string;
  readonly phase: string;
}

/** Reads what is desired of an object. */
export function desiredState({ kind, group, uid, object }: ObservedObject): DesiredState {
  if (kind === "Secret" && group === "") return { fields: new Map(), digest: secretDigest(uid, object), phase: "" };
  const found: Found = { fields: [], values: 0 };
  for (const root of desiredRoots(kind, object)) walkMembers(root, found);
  if (kind === "ConfigMap") readFiles(object, found);
  const phase = phaseOf(kind, object);
  if (phase !== "") found.fields.push(["phase", phase]);
  found.fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const whole = found.fields.map(([path, value]) => `${path}\n${value.length}\n${value}`).join("\n");
  return { fields: keep(found.fields), digest: createHash("sha256").update(whole).digest("hex").slice(0, 16), phase };
}

interface Found {
  readonly fields: [path: string, value: string][];
  values: number;
}

const NOT_DESIRED = new Set(["apiVersion", "kind", "metadata", "status"]);

/** The objects whose members say what is wanted: `spec`, or for kinds without one everything beside the metadata. */
function desiredRoots(kind: string, object: Json): readonly Json[] {
  if (kind === "ConfigMap") return [spread(object["spec"]), { immutable: object["immutable"] }];
  if (kind === "Namespace") return [{ labels: child(object, "metadata", "labels") }];
  if (kind === "Node") {
    const zone = child(object, "metadata", "labels", "topology.kubernetes.io/zone");
    return [{ unschedulable: child(object, "spec", "unschedulable"), taints: child(object, "spec", "taints"), zone }];
  }
  const beside = Object.entries(object).filter(([key]) => !NOT_DESIRED.has(key) && key !== "spec");
  return [spread(object["spec"]), Object.fromEntries(beside)];
}

function walkMembers(root: Json, found: Found): void {
  for (const key of Object.keys(root)) {
    if (found.values >= MAX_VALUES) return;
    walk(root[key], key, 0, found);
  }
}

function spread(value: unknown): Json {
  return isJson(value) ? value : {};
}

/** Controllers that shift traffic step by step tell of it in their status alone. */
function phaseOf(kind: string, object: Json): string {
  if (kind !== "Rollout" && kind !== "Canary") return "";
  const phase = text(child(object, "status", "phase"));
  return child(object, "status", "abort") === true ? `${phase} (aborted)` : phase;
}

function walk(value: unknown, path: string, depth: number, found: Found): void {
  if (value === null || value === undefined || found.values >= MAX_VALUES) return;
  found.values++;
  if (typeof value !== "object") found.fields.push([path, show(value)]);
  else if (depth >= MAX_DEPTH) found.fields.push([path, "(nested too deeply)"]);
  else if (Array.isArray(value)) walkList(value, path, depth, found);
  else walkObject(value as Json, path, depth + 1, found);
}

function walkObject(value: Json, path: string, depth: number, found: Found): void {
  for (const key of Object.keys(value)) {
    if (found.values >= MAX_VALUES) return;
    walk(value[key], `${path}.${key}`, depth, found);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function walkList(values: readonly unknown[], path: string, depth: number, found: Found): void {
  if (values.every((value) => typeof value !== "object" || value === null)) {
    if (values.length > 0)
      found.fields.push([
        path,
        values
          .filter((value) => value !== null)
          .map(show)
          .join(", "),
      ]);
    return;
  }
  const weights = /(^|\.)(route|backendRefs)$/.test(path) ? weightsOf(values) : "";
  if (weights !== "") found.fields.push([path.replace(/(route|backendRefs)$/, "weights"), weights]);
  const isEnvironment = path.endsWith(".env");
  const names = new Set<string>();
  for (const [index, value] of values.entries()) {
    const name = nameOf(value);
    const isUsable = name !== "" && !names.has(name);
    names.add(name);
    const key = `${path}[${isUsable ? name : index}]`;
    if (isEnvironment && isUsable && isJson(value)) {
      walk("value" in value ? value["value"] : sourceOf(value["valueFrom"]), key, depth + 1, found);
    } else if (isUsable && isJson(value)) {
      for (const [part, content] of Object.entries(value)) {
        if (part !== "name") walk(content, `${key}.${part}`, depth + 1, found);
      }
      if (Object.keys(value).length === 1) found.fields.push([key, "yes"]);
    } else walk(value, key, depth + 1, found);
  }
}

function nameOf(value: unknown): string {
  const name = child(value, "name") ?? child(value, "containerPort");
  return typeof name === "number" ? String(name) : text(name);
}

function sourceOf(valueFrom: unknown): string {
  const [kind, source] = Object.entries(spread(valueFrom))[0] ?? ["", null];
  const name = [child(source, "name"), child(source, "key"), child(source, "fieldPath"), child(source, "resource")];
  return `from ${kind} ${name.map(text).filter(Boolean).join("/")}`;
}

/** `reviews v1 90, reviews v2 10`; '' when the list holds no destinations. */
function weightsOf(destinations: readonly unknown[]): string {
  const shares = destinations.map((destination) => {
    const host = text(child(destination, "destination", "host")) || text(child(destination, "name"));
    const subset = text(child(destination, "destination", "subset"));
    const weight = child(destination, "weight");
    const share = typeof weight === "number" ? weight : destinations.length === 1 ? 100 : 1;
    return host === "" ? "" : `${host.split(".")[0] ?? host}${subset === "" ? "" : ` ${subset}`} ${share}`;
  });
  return shares.every((share) => share !== "") ? shares.join(", ") : "";
}

/** The files of a ConfigMap: each as its size and digest, and its lines of the form `key: value` or `key=value`. */
function readFiles(object: Json, found: Found): void {
  for (const root of ["data", "binaryData"]) {
    for (const [file, content] of Object.entries(spread(object[root]))) {
      const whole = show(content);
      if (!whole.includes("\n") || root === "binaryData") {
        found.fields.push([file, whole]);
        continue;
      }
      found.fields.push([file, `${whole.length} characters #${digest(whole)}`]);
      const seen = new Map<string, number>();
      for (const line of whole.split("\n", MAX_LINES)) {
        const [, key = "", value = ""] =
          /^\s*(?:- )?"?([\w./-]{1,80})"?\s*[:=]\s*(.*)$/.exec(line.slice(0, 1_000)) ?? [];
        if (key === "" || value === "") continue;
        const count = (seen.get(key) ?? 0) + 1;
        seen.set(key, count);
        found.fields.push([`${file}: ${key}${count === 1 ? "" : ` (${count})`}`, value.trim()]);
      }
    }
  }
}

/** The fields that are kept, the most telling first while there is room. */
function keep(all: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  let total = 0;
  const ranked = all.map((field) => ({ field, rank: rankOf(field[0]) })).sort((a, b) => a.rank - b.rank);
  for (const { field } of ranked) {
    if (kept.size >= MAX_FIELDS) break;
    const [path, value] = field;
    const shown = cut(hide(path, value));
    const shortPath = cut(path);
    if (total + shown.length + shortPath.length > MAX_TOTAL) continue;
    total += shown.length + shortPath.length;
    kept.set(shortPath, shown);
  }
  return kept;
}

const SECRET_NAME =
  /passw|passphrase|secret(?!KeyRef|Name)|token|credential|api[-_.]?key|private[-_.]?key|authorization|\bauth\b/i;
const SECRET_REFERENCE = /^from \w+ /;

/** A value whose name says that it is secret becomes its short digest: enough to see that it changed, too little to guess it. */
function hide(path: string, value: string): string {
  const name = /\[([^\]]*)\]$/.exec(path)?.[1] ?? path.slice(path.lastIndexOf(".") + 1);
  if (SECRET_NAME.test(name) && !SECRET_REFERENCE.test(value) && !/^(true|false|\d{1,5})?$/.test(value)) {
    return `(hidden #${digest(value).slice(0, 4)})`;
  }
  return value.replace(/(:\/\/[^\s:/@]*):[^\s/@]+@/g, "$1:***@");
}

function cut(value: string): string {
  const line = value.replaceAll("\n", "⏎");
  if (line.length <= MAX_FIELD) return line;
  return `${line.slice(0, MAX_FIELD - 40)}… (${value.length} characters #${digest(value)})`;
}

function digest(value: string): string {
  return createHash("sha256").update(value).digest("hex").slice(0, 8);
}

/** Sixteen bits over all of a Secret, salted by its uid: a change is missed once in 65 536, and a guess at the content can not be checked. */
function secretDigest(uid: string, object: Json): string {
  const content: Found = { fields: [], values: 0 };
  for (const key of ["data", "stringData", "type"]) walk(object[key], key, 0, content);
  const lines = content.fields.map(([path, value]) => `${path}\n${value.length}\n${value}`).sort();
  return createHash("sha256")
    .update([uid, ...lines].join("\n"))
    .digest("hex")
    .slice(0, 4);
}
