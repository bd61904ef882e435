// What is usual at an hour of day, from the hours of earlier days.
// In: a tenant and the hours that are alike. Out: one row an edge.
// Bounds: one statement; fourteen hours at most are asked for.
import type { Storage } from "./client.ts";
import type { EndNames } from "./edge-choice.ts";

/** Requests of one edge in an hour of that kind. */
export type UsualRateRow = EndNames & { readonly requests: number };

/** The median of each edge's requests over the hours (unix seconds), of edges that were seen in at least `minDays` of them. */
export function readUsualRates(
  storage: Storage,
  tenant: string,
  hours: readonly number[],
  minDays: number,
): Promise<UsualRateRow[]> {
  return storage.query<UsualRateRow>("usual_rates", { tenant, hours, min_days: minDays });
}
