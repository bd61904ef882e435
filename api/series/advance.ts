// Brings the counters of a tenant up to now and reads them.
// In: a tenant and the time. Out: every series that grew in the last day, as it stands, and up to when it counts.
// When: event time counts once it is SETTLE_SECONDS old and in the graph; what arrives later is in the graph, not in the counters, because
// a counter may not change its past. Nothing is counted while nobody scrapes: at most CATCH_UP_SECONDS are made up for.
// Bounds: steps of STEP_SECONDS within BUDGET_MS a scrape, the next goes on; rows a step ROWS_PER_SERIES times the limit of series.
import { SERIES_BOUNDS_MS } from "../../model/series-bounds.ts";
import { emitEvent } from "../../model/events.ts";
import { BUCKET_SECONDS } from "../../storage/buckets.ts";
import type { Storage } from "../../storage/client.ts";
import {
  readSeriesEdges,
  readSeriesHorizon,
  readSeriesSpans,
  readSeriesTotals,
  type SeriesRow,
  writeSeriesStep,
} from "../../storage/series.ts";
import { edgeIncrements, foldOverflow, spanIncrements } from "./increments.ts";

/** Age at which event time counts, seconds; the connectors flush as often. */
export const SETTLE_SECONDS = 60;
/** How much is made up for after a time without scrapes, seconds. */
export const CATCH_UP_SECONDS = 3_600;

const STEP_SECONDS = 600;
const BUDGET_MS = 5_000;
/** A bucket that the graph lacks for longer is not waited for. */
const WAIT_SECONDS = 600;
const ACTIVE_SECONDS = 86_400;
const ROWS_PER_SERIES = 4;

/** Counters as they stand; `through`: event time up to which they count, unix seconds. */
export interface Counters {
  readonly rows: readonly SeriesRow[];
  readonly through: number;
}

/** Advances and reads; `now` is unix ms, `maxSeries` the limit of each family. */
export async function advanceCounters(
  storage: Storage,
  tenant: string,
  now: () => number,
  maxSeries: number,
): Promise<Counters> {
  const startedMs = now();
  const settled = bucketStart(startedMs / 1000 - SETTLE_SECONDS);
  const oldest = bucketStart(startedMs / 1000 - CATCH_UP_SECONDS);
  const waitFrom = bucketStart(startedMs / 1000 - WAIT_SECONDS);
  const read = (): Promise<SeriesRow[]> =>
    readSeriesTotals(storage, tenant, settled - ACTIVE_SECONDS, 2 * maxSeries + 2);
  const horizon = await readSeriesHorizon(storage, { tenant, from: waitFrom, to: settled });
  const until = horizon.waiting === 0 ? settled : Math.min(settled, horizon.waiting);
  let mark = horizon.through;
  let rows = await read();
  while (Math.max(mark, oldest) < until && now() - startedMs < BUDGET_MS) {
    const from = Math.max(mark, oldest);
    const range = { tenant, from, to: Math.min(until, from + STEP_SECONDS) };
    const limit = ROWS_PER_SERIES * maxSeries;
    const added = [
      ...edgeIncrements(await readSeriesEdges(storage, range, limit)),
      ...spanIncrements(await readSeriesSpans(storage, range, SERIES_BOUNDS_MS, limit)),
    ];
    const step = foldOverflow(rows, added, maxSeries);
    if (step.folded > 0) emitEvent("api.series_overflow", {}, `${step.folded} rows of ${tenant}`, step.folded);
    await writeSeriesStep(storage, range, mark, step.rows);
    // Another process may have gone on from the same mark: what is stored counts.
    const told = await readSeriesHorizon(storage, { tenant, from: waitFrom, to: settled });
    if (told.through <= mark) break;
    mark = told.through;
    rows = await read();
  }
  return { rows, through: Math.max(mark, oldest) };
}

function bucketStart(seconds: number): number {
  return Math.max(0, Math.floor(seconds / BUCKET_SECONDS) * BUCKET_SECONDS);
}
