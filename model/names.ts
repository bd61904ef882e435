// Names as senders write them: made safe to show and short, and judged whether they name anything.
// In: the text of an attribute. Out: the clean text, or why it is no name, for rules that choose between sources.
// Bounds: 256 characters; control, invisible and direction-changing characters go, because names are shown in terminals, pages and chats.

/**
 * What stands in storage for every name past a tenant's cardinality limit. Two underscores on each side, as Prometheus keeps for
 * itself, so that it meets no real name; a sender that calls itself so is taken as nameless.
 */
export const OVERFLOW_NAME = "__overflow__";

/** What a tenant may have only so many of; each is a column of storage. */
const CARDINALITY_DIMENSIONS = [
  "cluster",
  "namespace",
  "service",
  "version",
  "instance",
  "node",
  "operation",
  "peer",
  "response_flags",
] as const;
export type CardinalityDimension = (typeof CARDINALITY_DIMENSIONS)[number];

/** Why a text is no name. */
export type NameFlaw = "says nothing" | "unfilled template" | "reserved" | "an address" | "an SDK's default";

/** Characters that a name may have. */
const MAX_NAME_CHARACTERS = 256;
// C0, DEL, C1, soft hyphen, zero-width and direction marks, line separators, byte order mark, unpaired surrogates.
const UNSEEN =
  /[\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;
const UNSEEN_ONE = new RegExp(UNSEEN.source, "u");
/** What says nothing, lower case: the words that Istio, Helm, Go, JavaScript, Python and shells write where they do not know. */
const SAYS_NOTHING = new Set([
  "",
  "unknown",
  "<unknown>",
  "(unknown)",
  "-",
  "null",
  "nil",
  "<nil>",
  "none",
  "<none>",
  "undefined",
  "n/a",
  "nan",
  "<no value>",
  "[object object]",
]);
/** A template that nobody filled in. */
const UNFILLED = /\$\{|\{\{|\}\}|\$\(|%\{|^\$[A-Za-z_]\w*$|^%[A-Za-z_]\w*%$|^<[^<>]*>$/;
/** An IPv4 address, with or without a port. */
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(:\d{1,5})?$/;
/** An IPv6 address, in brackets with or without a port, or bare. */
const IPV6 = /^(\[[0-9a-f:.%]+\](:\d{1,5})?|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}|::ffff:\d+\.\d+\.\d+\.\d+)$/i;

/** The text without unseen characters and surrounding space, cut at `max` characters (256). */
export function cleanName(text: string, max = MAX_NAME_CHARACTERS): string {
  // Most names are clean; the cut comes first, so that a megabyte costs no more than a name.
  let clean = text.length > 4 * max ? text.slice(0, 4 * max) : text;
  if (UNSEEN_ONE.test(clean)) clean = clean.replace(UNSEEN, " ").replace(/ {2,}/g, " ");
  clean = clean.trim();
  if (clean.length <= max) return clean;
  const last = clean.charCodeAt(max - 1);
  return clean.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max).trimEnd();
}

/** Why a clean text is no good name; null when it is one. */
export function flawOf(name: string): NameFlaw | null {
  if (SAYS_NOTHING.has(name.toLowerCase())) return "says nothing";
  if (name === OVERFLOW_NAME) return "reserved";
  if (UNFILLED.test(name)) return "unfilled template";
  if (name.startsWith("unknown_service")) return "an SDK's default";
  return isAddress(name) ? "an address" : null;
}

/** True for an IPv4 or IPv6 address, with or without a port. */
export function isAddress(name: string): boolean {
  return IPV4.test(name) || IPV6.test(name);
}

/** The name or address without the port behind it. */
export function withoutPort(name: string): string {
  const colon = name.lastIndexOf(":");
  if (colon <= 0 || !/^\d{1,5}$/.test(name.slice(colon + 1))) return name;
  // A bare IPv6 address has colons of its own.
  return name.indexOf(":") === colon || name[colon - 1] === "]" ? name.slice(0, colon) : name;
}
