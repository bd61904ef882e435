// A time on the command line: RFC 3339, or so long before now.
// In: the text of an option. Out: unix milliseconds. Bounds: anything else is USAGE with an example.
import { ServiceError } from "../model/errors.ts";

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Unix milliseconds of an RFC 3339 time or of `-10m` before now; throws USAGE. */
export function readTime(name: string, text: string, nowMs: number): number {
  const [, amount, unit] = /^-(\d+)([smhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return nowMs - Number(amount) * (UNIT_MS[unit] ?? 0);
  const time = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return time;
  const detail = `--${name} needs a time such as 2026-11-22T22:40:00Z or -10m, not "${text}".`;
  throw new ServiceError("USAGE", { detail });
}
