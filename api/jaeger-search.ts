// What a search for traces asks for, in the parameters of Jaeger's v1 and v3.
// In: a query string, now. Out: what storage/whole-traces.ts searches for, or what is wrong in one sentence.
// Bounds: MAX_TRACES traces, MAX_TAGS tags, a window that the options bound; durations as Go writes them.
import type { TraceSearch } from "../storage/whole-traces.ts";
import { instantNs, parseInstant } from "./instant.ts";

/** Parameters by name, each with all of its values. */
export type QueryValues = Readonly<Record<string, readonly string[]>>;

/** What to search for, or why not. */
export type SearchResult =
  | { readonly ok: true; readonly search: Omit<TraceSearch, "tenant"> }
  | { readonly ok: false; readonly reason: string };

/** What bounds a search. */
export interface SearchBounds {
  readonly nowMs: number;
  readonly maxRangeSeconds: number;
}

/** Most traces of one answer. */
export const MAX_TRACES = 200;
const DEFAULT_TRACES = 100;
const MAX_TAGS = 20;
const DEFAULT_LOOKBACK_SECONDS = 3_600;
const NO_MAXIMUM_NS = 2 ** 53 - 1;
const NS_OF: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** What is wrong with the parameters, in the order in which it was found; the first is told. */
type Problems = string[];

/** Reads `service`, `operation`, `tag(s)`, `start`, `end` (unix us), `lookback`, `minDuration`, `maxDuration`, `limit`. */
export function readLegacySearch(query: QueryValues, bounds: SearchBounds): SearchResult {
  return checked(bounds, (problems) => {
    const one = (name: string): string => query[name]?.at(-1) ?? "";
    const service = one("service");
    if (service === "") problems.push("parameter 'service' is required");
    const toNs = one("end") === "" ? BigInt(bounds.nowMs) * 1_000_000n : micros(problems, "end", one("end"));
    const lookback = one("lookback");
    const backNs = /^\d/.test(lookback) ? durationNs(problems, "lookback", lookback) : DEFAULT_LOOKBACK_SECONDS * 1e9;
    const fromNs = one("start") === "" ? toNs - BigInt(Math.round(backNs)) : micros(problems, "start", one("start"));
    const pairs = [
      ...(query["tag"] ?? []).map((tag) => pairOf(problems, tag)),
      ...(query["tags"] ?? []).flatMap((tags) => jsonPairs(problems, "tags", tags)),
    ];
    return {
      service,
      operation: one("operation"),
      ...durations(problems, ["minDuration", one("minDuration")], ["maxDuration", one("maxDuration")]),
      tags: pairs,
      fromNs,
      toNs,
      maxCount: count(problems, "limit", one("limit")),
    };
  });
}

/** Reads `query.service_name`, `.operation_name`, `.attributes`, `.start_time_min` and `_max` (RFC 3339), `.duration_min` and `_max`, `.search_depth`. */
export function readCurrentSearch(query: QueryValues, bounds: SearchBounds): SearchResult {
  return checked(bounds, (problems) => {
    // Jaeger's gateway knows the names of the protocol and of its JSON.
    const one = (name: string): string => {
      const camel = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      return (query[`query.${name}`] ?? query[`query.${camel}`])?.at(-1) ?? "";
    };
    for (const name of ["start_time_min", "start_time_max"])
      if (one(name) === "") problems.push(`missing required parameter: query.${name}`);
    const attributes = one("attributes");
    return {
      service: one("service_name"),
      operation: one("operation_name"),
      ...durations(problems, ["query.duration_min", one("duration_min")], ["query.duration_max", one("duration_max")]),
      tags: attributes === "" ? [] : jsonPairs(problems, "query.attributes", attributes),
      fromNs: instant(problems, "query.start_time_min", one("start_time_min")),
      toNs: instant(problems, "query.start_time_max", one("start_time_max")),
      maxCount: count(
        problems,
        "query.search_depth",
        one("search_depth") === "" ? one("num_traces") : one("search_depth"),
      ),
    };
  });
}

/** Nanoseconds of an optional time: unix microseconds (v1) or RFC 3339 (v3); null where none is given, a sentence where it is none. */
export function readTime(name: string, value: string | undefined): bigint | null | string {
  if (value === undefined || value === "") return null;
  const problems: Problems = [];
  const ns = /^\d+$/.test(value) ? micros(problems, name, value) : instant(problems, name, value);
  return problems[0] ?? ns;
}

function checked(
  { maxRangeSeconds }: SearchBounds,
  read: (problems: Problems) => Omit<TraceSearch, "tenant">,
): SearchResult {
  const problems: Problems = [];
  const search = read(problems);
  const lengthNs = search.toNs - search.fromNs;
  if (lengthNs <= 0n || search.fromNs < 0n) problems.push("the end of the period must be after its start");
  if (lengthNs > BigInt(maxRangeSeconds) * 1_000_000_000n) {
    problems.push(`the period is longer than ${maxRangeSeconds / 3600} hours; ask for a part of it`);
  }
  if (search.tags.length > MAX_TAGS) problems.push(`more than ${MAX_TAGS} tags`);
  const [reason] = problems;
  return reason === undefined ? { ok: true, search } : { ok: false, reason };
}

function micros(problems: Problems, name: string, value: string): bigint {
  if (/^\d{1,16}$/.test(value)) return BigInt(value) * 1_000n;
  problems.push(`unable to parse param '${name}': it must be unix microseconds`);
  return 0n;
}

function instant(problems: Problems, name: string, value: string): bigint {
  const parsed = parseInstant(value);
  if (parsed.ok) return instantNs(parsed.text);
  problems.push(`malformed parameter ${name}: ${parsed.reason}`);
  return 0n;
}

function count(problems: Problems, name: string, value: string): number {
  if (value === "") return DEFAULT_TRACES;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > MAX_TRACES)
    problems.push(`${name} is ${value.slice(0, 40)}; it may be 1 to ${MAX_TRACES}`);
  return number;
}

function durations(
  problems: Problems,
  [minName, min]: readonly [string, string],
  [maxName, max]: readonly [string, string],
): { minNs: number; maxNs: number } {
  const minNs = min === "" ? 0 : durationNs(problems, minName, min);
  const maxNs = max === "" ? NO_MAXIMUM_NS : durationNs(problems, maxName, max);
  if (maxNs < minNs) problems.push(`'${maxName}' should be greater than '${minName}'`);
  return { minNs, maxNs };
}

/** As Go writes durations: `1.5s`, `1h2m`. */
function durationNs(problems: Problems, name: string, value: string): number {
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== value) {
    problems.push(`could not parse ${name}: "${value.slice(0, 40)}" is no duration such as 1.2s, 100ms, 500us`);
  }
  const ns = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (NS_OF[unit ?? ""] ?? 0), 0);
  return Math.min(Math.round(ns), NO_MAXIMUM_NS);
}

function pairOf(problems: Problems, tag: string): [string, string] {
  const colon = tag.indexOf(":");
  if (colon < 1) problems.push(`malformed 'tag' parameter, expecting key:value, received: ${tag.slice(0, 80)}`);
  return [tag.slice(0, colon), tag.slice(colon + 1)];
}

function jsonPairs(problems: Problems, name: string, value: string): [string, string][] {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(value);
  } catch {
    // Said below, as any other value that is no object.
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    problems.push(`malformed '${name}' parameter, expecting a JSON object of texts`);
    return [];
  }
  return Object.entries(parsed).map(([key, text]) => [key, typeof text === "string" ? text : JSON.stringify(text)]);
}
