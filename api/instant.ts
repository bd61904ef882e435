// Points in time as the API speaks them: RFC 3339 in UTC, up to nanoseconds.
// In: text of a client. Out: the text in one normal form, nanoseconds since the epoch, ranges of whole buckets.
// Bounds: years 1970-2105 (what storage can hold); anything else is refused as a value.
import type { TimeRange } from "../model/localization.ts";

/** Text in normal form, or why it is none. */
export type InstantResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

const RFC3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;
const LAST_SECOND = 4_294_967_295;

/** Reads RFC 3339 in UTC; the normal form has an upper-case T and Z and keeps the fraction as given. */
export function parseInstant(text: string): InstantResult {
  const parts = RFC3339.exec(text);
  if (parts === null) {
    return { ok: false, reason: "expected RFC 3339 in UTC, such as 2026-01-31T14:03:00Z" };
  }
  const [, date = "", time = "", fraction, zone = ""] = parts;
  if (zone.toUpperCase() !== "Z" && zone !== "+00:00" && zone !== "-00:00") {
    return { ok: false, reason: `expected UTC (Z), got the offset ${zone}` };
  }
  const seconds = Date.parse(`${date}T${time}Z`) / 1000;
  // Date.parse turns 31 February into 3 March.
  if (Number.isNaN(seconds) || new Date(seconds * 1000).toISOString().slice(0, 10) !== date) {
    return { ok: false, reason: `there is no day ${date}` };
  }
  if (seconds < 0 || seconds > LAST_SECOND) {
    return { ok: false, reason: "expected a year from 1970 to 2105" };
  }
  return { ok: true, text: `${date}T${time}${fraction === undefined ? "" : `.${fraction}`}Z` };
}

/** Nanoseconds since the epoch of a text in normal form. */
export function instantNs(text: string): bigint {
  const dot = text.indexOf(".");
  const fraction = dot < 0 ? "" : text.slice(dot + 1, -1);
  const seconds = Date.parse(dot < 0 ? text : `${text.slice(0, dot)}Z`) / 1000;
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** Length of a range in seconds; negative when its ends are swapped. */
export function rangeSeconds(range: TimeRange): number {
  return Number(instantNs(range.to) - instantNs(range.from)) / 1e9;
}

/** The whole buckets of `stepSeconds` that a range touches, in unix seconds, half-open. */
export function wholeBuckets(range: TimeRange, stepSeconds: number): { fromSeconds: number; toSeconds: number } {
  const step = BigInt(stepSeconds) * 1_000_000_000n;
  const from = instantNs(range.from) / step;
  const to = (instantNs(range.to) + step - 1n) / step;
  return { fromSeconds: Number(from) * stepSeconds, toSeconds: Number(to) * stepSeconds };
}

/** RFC 3339 UTC of unix seconds. */
export function instantOfSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
