// A sender's attributes from a JSON file, in any of the shapes that people have at hand.
// In: text: a flat object, `{resource, span}` of such, a Resource or a Span of OTLP JSON, or an export request (its first resource and
// record). Out: attributes as text by name, added to a sender. Bounds: JSON of the size that the caller allows; what is none of it is
// one USAGE sentence. Values that are no text are told as JSON, as ingest does.
import { ServiceError } from "../model/errors.ts";

/** Attributes of a sender and of one of its spans, by name; `spanName` '' when none is told. */
export interface Sender {
  readonly resource: Map<string, string>;
  readonly span: Map<string, string>;
  spanName: string;
  spanKind: string;
}

type Json = Readonly<Record<string, unknown>>;

const KINDS = ["internal", "internal", "server", "client", "producer", "consumer"];

/** Adds what `content` says to `sender`; throws USAGE naming `file`. */
export function readSender(content: string, file: string, sender: Sender): void {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    throw wrong(file, "is not JSON");
  }
  if (!isObject(parsed)) throw wrong(file, "must hold an object");
  const group = first(parsed["resourceSpans"]) ?? first(parsed["resourceLogs"]) ?? first(parsed["resourceMetrics"]);
  if (group !== null) {
    if (isObject(group["resource"])) addAttributes(group["resource"], sender.resource, file);
    const span = first(first(group["scopeSpans"])?.["spans"]);
    if (span !== null) addSpan(span, sender, file);
    return;
  }
  if (isObject(parsed["resource"]) || isObject(parsed["span"])) {
    if (isObject(parsed["resource"])) addAttributes(parsed["resource"], sender.resource, file);
    if (isObject(parsed["span"])) addSpan(parsed["span"], sender, file);
    return;
  }
  addAttributes(parsed, sender.resource, file);
}

function addSpan(span: Json, sender: Sender, file: string): void {
  addAttributes(span, sender.span, file);
  if (!Array.isArray(span["attributes"])) return;
  if (typeof span["name"] === "string") sender.spanName = span["name"];
  const kind = span["kind"];
  sender.spanKind =
    typeof kind === "number" ? (KINDS[kind] ?? "internal") : typeof kind === "string" ? kind : "internal";
}

/** OTLP's list of pairs, or plain names and values. */
function addAttributes(from: Json, to: Map<string, string>, file: string): void {
  const list = from["attributes"];
  if (!Array.isArray(list)) {
    for (const [key, value] of Object.entries(isObject(list) ? list : from)) to.set(key, textOf(value));
    return;
  }
  for (const pair of list as unknown[]) {
    if (!isObject(pair) || typeof pair["key"] !== "string") throw wrong(file, "has an attribute without a key");
    // Of a key sent twice the first counts.
    if (!to.has(pair["key"])) to.set(pair["key"], textOf(valueOf(pair["value"])));
  }
}

function valueOf(value: unknown): unknown {
  if (!isObject(value)) return value;
  const [kind, inner] = Object.entries(value)[0] ?? ["", ""];
  return kind.endsWith("Value") ? inner : value;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : JSON.stringify(value ?? "");
}

function first(list: unknown): Json | null {
  const item: unknown = Array.isArray(list) ? list[0] : undefined;
  return isObject(item) ? item : null;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(file: string, what: string): ServiceError {
  return new ServiceError("USAGE", { detail: `${file === "-" ? "stdin" : file} ${what}.` });
}
