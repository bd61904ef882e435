// A time on the command line: RFC 3339, or so long before now.
// In: the text of an option. Out: unix milliseconds. Bounds: anything else is USAGE with an example.
import { ServiceError } from "../model/errors.ts";

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RFC3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Unix milliseconds of an RFC 3339 time or of `-10m` before now; throws USAGE. */
export function readTime(name: string, text: string, nowMs: number): number {
  const [, amount, unit] = /^-(\d+)([smhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return nowMs - Number(amount) * (UNIT_MS[unit] ?? 0);
  const [, day] = RFC3339.exec(text) ?? [];
  const time = Date.parse(text);
  // Without a zone a time would mean another moment on each machine; Date.parse turns 30 February into 2 March.
  if (day !== undefined && !Number.isNaN(time) && isDay(day)) return time;
  const detail = `--${name} needs a time such as 2026-11-22T22:40:00Z or -10m, not "${text}".`;
  throw new ServiceError("USAGE", { detail });
}

function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/** Refuses a time that has not come yet; throws USAGE. */
export function checkPast(name: string, timeMs: number, nowMs: number): void {
  if (timeMs <= nowMs) return;
  const detail = `--${name} ${new Date(timeMs).toISOString()} has not come yet; it is ${new Date(nowMs).toISOString()} here.`;
  throw new ServiceError("USAGE", { detail });
}
