// Everything that a link carries: what is looked at, over which period, and how.
// In: search parameters as text. Out: typed state, and text again. Unknown or broken values are dropped.
// Bounds: the map's pan and zoom are left out on purpose (they fit one screen size); language and colours are kept by the
// browser and only read from a link, so that a link does not change the reader's own choice for good.
import { GRAPH_LEVELS, type GraphLevel } from "./api/types.ts";

/** Minutes that can be followed live. */
export const LAST_MINUTES = [5, 15, 60] as const;
export type LastMinutes = (typeof LAST_MINUTES)[number];

/** The columns that a table can be sorted by. */
export const SORT_COLUMNS = ["name", "caller", "callee", "health", "rate", "errors", "p50", "p99"] as const;
export type SortColumn = (typeof SORT_COLUMNS)[number];

/** The state in the URL; what is absent is the default. */
export interface UrlState {
  /** Follow the last minutes; absent together with from and to: the incident's period, or the last 15 minutes. */
  readonly last?: LastMinutes | undefined;
  /** A fixed period, RFC 3339 UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly level?: GraphLevel | undefined;
  readonly view?: "table" | undefined;
  readonly rows?: "calls" | undefined;
  readonly sort?: SortColumn | undefined;
  readonly order?: "up" | "down" | undefined;
  /** Id of the chosen place. */
  readonly node?: string | undefined;
  readonly find?: string | undefined;
  /** Rank of the shown cause; absent: the first. */
  readonly cause?: number | undefined;
  readonly blame?: "off" | undefined;
  /** `all`: no grouping; else the ids of the opened groups. */
  readonly open?: readonly string[] | undefined;
  readonly lang?: "en" | "zh" | undefined;
  readonly theme?: "light" | "dark" | undefined;
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((one) => one === value);
}

function timeOf(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= 2000 ? value : undefined;
}

/** Reads the state from search parameters, be they text or state already. */
export function readUrlState(search: Readonly<Record<string, unknown>>): UrlState {
  const from = timeOf(search["from"]);
  const to = timeOf(search["to"]);
  const isFixed = from !== undefined && to !== undefined && from < to;
  const cause = Number(search["cause"]);
  const open = listOf(search["open"]);
  const state: { -readonly [K in keyof UrlState]: UrlState[K] } = {
    last: isFixed ? undefined : LAST_MINUTES.find((minutes) => String(minutes) === String(search["last"])),
    from: isFixed ? from : undefined,
    to: isFixed ? to : undefined,
    level: oneOf(GRAPH_LEVELS, textOf(search["level"])?.toUpperCase()),
    view: oneOf(["table"], search["view"]),
    rows: oneOf(["calls"], search["rows"]),
    sort: oneOf(SORT_COLUMNS, search["sort"]),
    order: oneOf(["up", "down"], search["order"]),
    node: textOf(search["node"]),
    find: textOf(search["find"]),
    cause: Number.isInteger(cause) && cause > 1 && cause < 100 ? cause : undefined,
    blame: oneOf(["off"], search["blame"]),
    open,
    lang: oneOf(["en", "zh"], search["lang"]),
    theme: oneOf(["light", "dark"], search["theme"]),
  };
  for (const key of Object.keys(state) as (keyof UrlState)[]) if (state[key] === undefined) delete state[key];
  return state;
}

function listOf(value: unknown): string[] | undefined {
  const texts: unknown[] | undefined = Array.isArray(value)
    ? value
    : textOf(value)?.split(",").map(decodeURIComponentOr);
  const kept = texts?.flatMap((text) => textOf(text) ?? []);
  return kept === undefined || kept.length === 0 ? undefined : kept;
}

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Writes the state as a query string, `?` included; '' when all is default. */
export function writeUrlState(state: UrlState): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (value === undefined || value === "") continue;
    if (key === "open") parameters.set(key, (value as readonly string[]).map(encodeURIComponent).join(","));
    else if (key === "level") parameters.set(key, String(value).toLowerCase());
    else parameters.set(key, String(value));
  }
  // Colons and slashes are legal in a query and make times and ids readable.
  const text = parameters.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
  return text === "" ? "" : `?${text}`;
}

/** The inverse of `writeUrlState` as far as text goes: names and texts. */
export function parseQuery(query: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(query));
}
