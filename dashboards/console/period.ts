// The period that the map and the figures are about.
// In: the URL state, the incident that is looked at. Out: a period, and its two ends at a moment.
// Bounds: at most MAX_HOURS, which is what the server answers; at least a minute, so that rates mean something.
import type { TimeRange } from "./api/types.ts";
import type { LastMinutes, UrlState } from "./url-state.ts";

/** The longest period, hours. */
export const MAX_HOURS = 6;
const DEFAULT_MINUTES: LastMinutes = 15;
const MIN_MS = 60_000;
const MAX_MS = MAX_HOURS * 3_600_000;

/** `last` slides with the clock; `incident` runs from its start to its end, or to now while it is open. */
export type Period =
  | { readonly kind: "last"; readonly minutes: LastMinutes }
  | { readonly kind: "fixed"; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: "incident"; readonly fromMs: number; readonly toMs: number | null };

/** What the period needs to know of an incident; times RFC 3339. */
export interface IncidentTimes {
  readonly startedAt: string;
  readonly resolvedAt: string | null;
}

/** The period in force: the one of the URL, else the incident's, else the last 15 minutes. */
export function choosePeriod(state: UrlState, incident: IncidentTimes | null): Period {
  if (state.from !== undefined && state.to !== undefined) {
    return { kind: "fixed", fromMs: Date.parse(state.from), toMs: Date.parse(state.to) };
  }
  if (state.last !== undefined || incident === null) return { kind: "last", minutes: state.last ?? DEFAULT_MINUTES };
  const toMs = incident.resolvedAt === null ? null : Date.parse(incident.resolvedAt);
  return { kind: "incident", fromMs: Date.parse(incident.startedAt), toMs };
}

/** The two ends of a period at a moment (unix ms). */
export function endsOf(period: Period, nowMs: number): { fromMs: number; toMs: number } {
  if (period.kind === "last") return { fromMs: nowMs - period.minutes * 60_000, toMs: nowMs };
  const toMs = period.toMs ?? nowMs;
  const fromMs = Math.min(Math.max(period.fromMs, toMs - MAX_MS), toMs - MIN_MS);
  return period.kind === "fixed" ? { fromMs: Math.max(period.fromMs, toMs - MAX_MS), toMs } : { fromMs, toMs };
}

/** The range to ask the server for. */
export function rangeOf(period: Period, nowMs: number): TimeRange {
  const { fromMs, toMs } = endsOf(period, nowMs);
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** A text that changes exactly when other data is wanted; a sliding period keeps its name. */
export function periodName(period: Period): string {
  return period.kind === "last" ? `last ${period.minutes}` : `${period.fromMs}..${period.toMs ?? ""}`;
}

/** The period before or after, as long as this one; it is fixed from then on. */
export function stepPeriod(period: Period, direction: -1 | 1, nowMs: number): { from: string; to: string } {
  const { fromMs, toMs } = endsOf(period, nowMs);
  const by = (toMs - fromMs) * direction;
  return { from: new Date(fromMs + by).toISOString(), to: new Date(toMs + by).toISOString() };
}
