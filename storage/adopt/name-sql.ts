// Names of operations and callees as SQL, near to model/operation-name.ts and ingest/otlp/name-rules.ts.
// In: a LowCardinality expression. Out: one too, without `if` where it is used further, so that a block pays for each distinct name.
// Bounds: ingest's memory is not here: routes that applications declared are not lent to their proxies, no limit of names per tenant, no
// summary of more than one table; RE2 has no look-around, so words are told apart by their ends alone.
import { MAX_NAME_CHARACTERS } from "../../model/names.ts";
import { literal, rewritten } from "./sql-text.ts";

const UNSEEN = "\\x00-\\x1f\\x{7f}-\\x{9f}\\x{ad}\\x{200b}-\\x{200f}\\x{2028}-\\x{202e}\\x{2060}-\\x{2069}\\x{feff}";
const SPACE = "\\s\\x0b\\p{Z}";
const EDGES: readonly [string, string] = [`^[${SPACE}]+|[${SPACE}]+$`, ""];

/** Without unseen characters and surrounding space, cut; nearly as cleanName of model/names.ts. */
export function cleanName(value: string, max = MAX_NAME_CHARACTERS): string {
  return rewritten(`leftUTF8(toValidUTF8(${value}), ${max})`, [[`[${UNSEEN}]+`, " "], EDGES]);
}

/** A declared route with its placeholders in one notation, `{name}`. */
export function declaredRoute(route: string): string {
  return rewritten(route, [
    ["^\\^|/?\\$$", ""],
    [
      "\\(\\?P?<(\\w+)>[^()]*\\)|\\[{1,2}(?:\\.{3})?([A-Za-z_]\\w*)\\]{1,2}|<(?:[\\w.]+(?:\\([^()<>]*\\))?:)?([A-Za-z_]\\w*)>|\\{\\*{0,2}([A-Za-z_][\\w.-]*)[^{}]*\\}",
      "{\\1\\2\\3\\4}",
    ],
    ["([/.-]):([A-Za-z_]\\w*)(?:\\([^()]*\\))?[?*+]?", "\\1{\\2}"],
    ["^([^/*])", "/\\1"],
    ["(.)/$", "\\1"],
  ]);
}

// What names a thing and not a place: an e-mail address, a UUID, a token, a date, a long number in hexadecimal.
const TOKENS =
  "[^\\s@/:]{1,64}@[\\w-]{1,64}(?:\\.[\\w-]{1,64}){1,4}|(?i:\\{?\\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b\\}?|\\b0x[0-9a-f]+\\b|\\b[0-9a-f]{16,}\\b)|\\beyJ[\\w-]{8,}(?:\\.[\\w-]*){0,2}|\\b\\d{4}-\\d{2}-\\d{2}(?:[T ]\\d{2}:\\d{2}(?::\\d{2})?(?:\\.\\d+)?(?:Z|[+-]\\d{2}:?\\d{2})?)?\\b";
// Names that Envoy and Istio give; their numbers are ports.
const OF_MESH = "^(?:(?:async |router )?(?:inbound|outbound|egress|ingress)\\b|[\\w.-]+:\\d+/\\*$|[\\w.-]+\\.svc\\b)";

/** The name of a span that has no route: a statement becomes what it does to what, what names a thing becomes `{id}`. */
export function nameTemplate(name: string): string {
  const template = rewritten(name, [
    ["(?is)^\\s*(SELECT|INSERT|DELETE)\\b.*?\\b(?:FROM|INTO)\\s+[\"'`[]?([A-Za-z_][\\w.$-]*)\\b.*$", "\\1 \\2"],
    ["\\b(?:\\d{1,3}\\.){3}\\d{1,3}(?::\\d{1,5})?\\b", "{address}"],
    [TOKENS, "{id}"],
    ["([A-Za-z][-_#]|^|[^\\w.{#_-])\\d{3,}\\b", "\\1{id}"],
  ]);
  return `if(match(${name}, ${literal(OF_MESH)}), ${name}, ${template})`;
}

/** A destination without what is made anew for each client. */
export function stableDestination(name: string): string {
  return rewritten(name, [
    ["\\bamq\\.(gen|rabbitmq\\.reply-to)[-.][\\w+/=.-]+", "amq.\\1-{id}"],
    [TOKENS, "{id}"],
  ]);
}

/** A method that is none becomes `_OTHER`; a trailing space when there is one. */
export function methodPrefix(method: string): string {
  return rewritten(method, [
    ["^([A-Za-z_]{1,20})$", "\\1 "],
    ["^(?:[A-Z]{1,2}|[A-Z]{19,}|[A-Z_]*[a-z_][A-Za-z_]*) $", "_OTHER "],
  ]);
}
