// What rate is usual at this hour: the same hour of earlier days, of working days or of weekends as this day is.
// In: a time, rows of edges in those hours. Out: requests in a bucket by series key; null where the history does not reach.
// Bounds: fourteen days back; an edge or service that was seen on fewer than two of them has no season. Days are those of UTC. Hours of
//   the last day are left out, so that a replay reads the same hours as the live analysis did.
import type { Storage } from "../storage/client.ts";
import { readUsualRates, type UsualRateRow } from "../storage/usual-rates.ts";
import { sourceKey, targetKey } from "./history.ts";
import type { UsualRate } from "./traffic.ts";

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;
const MAX_DAYS = 14;
const MIN_DAYS = 2;
const BUCKETS_PER_HOUR = 360;

const isWeekend = (unixSeconds: number): boolean => [0, 6].includes(new Date(unixSeconds * 1000).getUTCDay());

/** The hours like the one that holds a bucket: the same of earlier days, weekends and working days apart. */
export function hoursAlike(bucket: number): number[] {
  const hour = bucket - (bucket % HOUR_SECONDS);
  return Array.from({ length: MAX_DAYS }, (_, day) => hour - (day + 1) * DAY_SECONDS).filter(
    (one) => isWeekend(one) === isWeekend(bucket) && one > 0,
  );
}

/** Rates by series key: of edges as they are, of services the sum of what reaches them. */
export function usualRateOf(rows: readonly UsualRateRow[]): UsualRate {
  const rates = new Map<string, number>();
  for (const row of rows) {
    const [from, to] = [sourceKey(row), targetKey(row)];
    const rate = row.requests / BUCKETS_PER_HOUR;
    rates.set(`edge ${from}>${to}`, rate);
    rates.set(`service ${to}`, (rates.get(`service ${to}`) ?? 0) + rate);
  }
  return (series) => rates.get(series.key) ?? null;
}

/** The seasons of one tenant, read once for each hour of event time. */
export class Season {
  private hour = -1;
  private usual: UsualRate = () => null;

  /** What is usual at the bucket. */
  async at(storage: Storage, tenant: string, bucket: number): Promise<UsualRate> {
    const hour = bucket - (bucket % HOUR_SECONDS);
    if (hour === this.hour) return this.usual;
    this.usual = usualRateOf(await readUsualRates(storage, tenant, hoursAlike(bucket), MIN_DAYS));
    this.hour = hour;
    return this.usual;
  }
}
