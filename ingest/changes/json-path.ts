// Reads parts of JSON-like values whose shape nobody vouches for.
// In: any value. Out: its parts, or undefined, '' and [] where the shape is another.
// Bounds: own properties only, so a field called `__proto__` or `constructor` is just a name.

/** An object of unknown content. */
export type Json = { readonly [key: string]: unknown };

/** True for objects that are no arrays. */
export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of keys; an index reaches into an array. */
export function child(value: unknown, ...path: string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Json)[key];
  }
  return at;
}

/** The text, or '' for anything else. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The elements, or none for anything else. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A name of at most as many characters as Kubernetes allows; longer ones are cut. */
export function nameOf(value: unknown): string {
  return text(value).slice(0, 253);
}

/** The first text that is not empty. */
export function firstText(...values: readonly unknown[]): string {
  for (const value of values) if (typeof value === "string" && value !== "") return value;
  return "";
}

/** A time as unix ms; null when it is none. */
export function timeOf(value: unknown): number | null {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

// JSON may spell half a character, which storage refuses; the replacement is what text decoders put there.
const HALF_CHARACTER =
  /\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}/g;

/** The value of a JSON text, of whole characters only; undefined when it is none. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json.includes("\\u") ? json.replace(HALF_CHARACTER, "\\ufffd") : json);
  } catch {
    return undefined;
  }
}
