// Sums the 10-second buckets into minutes and hours once they are settled, and again when late data has changed them.
// In: the ranges of buckets that were just computed anew, the clock. Out: rows of edge_minutes, edge_hours and the same of operations, under
// a revision each; minute_rollups and hour_rollups say which revision holds (0: read the finer table).
// A change is marked before the analyzer notes its buckets as analysed, so one that is cut off here comes again.
// Order makes it exact: a sum's stamp is taken before its buckets are read, a change's after they were swapped; the later stamp wins.
// Bounds: a few minutes and hours a call, newest first; a minute that keeps changing waits until it has been quiet for a minute.
import type { Storage } from "./client.ts";
import { type HoldingSum, tuples } from "./graph-plan.ts";

/** A half-open range of buckets, unix seconds. */
export interface RecomputedRange {
  readonly from: number;
  readonly to: number;
}

/** A minute whose sum does not hold; `changedAt` is unix seconds by the analyzer's clock. */
interface UnsummedMinute {
  readonly start: number;
  readonly rows: number;
  readonly holds: boolean;
  readonly isKnown: boolean;
  readonly changedAt: number;
}

interface StateRow {
  readonly Stamp: number;
  readonly Newest: number;
  readonly Minutes: readonly (readonly [start: number, rows: number, revision: number, known: number, at: number])[];
}

interface DueHourRow {
  readonly Start: number;
  readonly Known: number;
  readonly Minutes: readonly HoldingSum[];
  readonly Stamp: number;
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3600;
// A minute is summed when the newest bucket is this far past its end, or the wall clock is (nothing comes any more).
const SETTLE_SECONDS = 20;
const SETTLE_WALL_SECONDS = 600;
// A sum that no longer holds is made again when nothing has changed for so long. Nobody has planned to read the old one since then.
const QUIET_SECONDS = 60;
// The last minutes of an hour settle after it.
const HOUR_SETTLE_SECONDS = 120;
// How far back from the newest bucket to look for minutes: longer than late data is taken, shorter than minutes are kept.
const BACK_SECONDS = 24 * HOUR_SECONDS;
const MINUTES_PER_CALL = 10;
// What one statement groups: some 3 KB of memory a row.
const ROWS_PER_STATEMENT = 60_000;
const HOURS_PER_CALL = 2;

/** Marks what was just computed anew and sums what has settled; `nowSeconds` is the wall clock. Repeating a call changes nothing. */
export async function rollUp(
  storage: Storage,
  recomputed: readonly RecomputedRange[],
  nowSeconds: number,
): Promise<void> {
  const now = Math.floor(nowSeconds);
  const touched = minutesOf(recomputed);
  const [state] = await storage.query<StateRow>("rollup_state", { touched, back_s: BACK_SECONDS, now_s: now });
  if (state === undefined) return;
  const { Stamp: stamp, Newest: newest } = state;
  const minutes = state.Minutes.map(([start, rows, revision, known, changedAt]): UnsummedMinute => ({
    start,
    rows,
    holds: revision !== 0,
    isKnown: known === 1,
    changedAt,
  }));
  const isSettled = (end: number, seconds: number): boolean =>
    end + seconds <= newest || end + SETTLE_WALL_SECONDS <= now;
  const wasTouched = new Set(touched);
  await markChanged(
    storage,
    // A minute that is not due yet and was never summed needs no mark: nobody reads a sum of it.
    minutes.filter(({ start, isKnown }) => wasTouched.has(start) && (isKnown || isSettled(start + 60, SETTLE_SECONDS))),
    now,
    stamp,
  );
  const due = minutes.filter(
    ({ start, holds, rows, isKnown, changedAt }) =>
      !holds &&
      !wasTouched.has(start) &&
      (rows > 0 || isKnown) &&
      isSettled(start + MINUTE_SECONDS, SETTLE_SECONDS) &&
      (!isKnown || changedAt + QUIET_SECONDS <= now),
  );
  const taken = due.toSorted((a, b) => b.start - a.start).slice(0, MINUTES_PER_CALL);
  if (taken.length === 0) return;
  await sumMinutes(storage, taken, now, stamp);

  const summed = new Set(taken.map(({ start }) => start));
  const left = minutes.filter(({ start, holds }) => !summed.has(start) && (!holds || wasTouched.has(start)));
  const unsettled = new Set(left.map(({ start }) => hourOf(start)));
  const hours = await storage.query<DueHourRow>("rollup_hours_due", {
    since_s: hourOf(Math.max(0, newest - BACK_SECONDS)) + HOUR_SECONDS,
    now_s: now,
  });
  const dueHours = hours.filter(
    ({ Start }) => !unsettled.has(Start) && isSettled(Start + HOUR_SECONDS, HOUR_SETTLE_SECONDS),
  );
  for (const hour of dueHours.slice(-HOURS_PER_CALL)) await sumHour(storage, hour, now);
}

function minutesOf(ranges: readonly RecomputedRange[]): number[] {
  const minutes = new Set<number>();
  for (const { from, to } of ranges) {
    for (let minute = from - (from % MINUTE_SECONDS); minute < to; minute += MINUTE_SECONDS) minutes.add(minute);
  }
  return [...minutes];
}

function hourOf(seconds: number): number {
  return seconds - (seconds % HOUR_SECONDS);
}

async function markChanged(
  storage: Storage,
  minutes: readonly UnsummedMinute[],
  now: number,
  stamp: number,
): Promise<void> {
  const change = { Revision: 0, At: now, Stamp: stamp };
  const hours = new Set(minutes.map(({ start }) => hourOf(start)));
  // Hours first: a minute that is marked and its hour not would never be told apart again.
  await storage.insertRows(
    "hour_rollups",
    [...hours].map((Hour) => ({ Hour, ...change })),
  );
  await storage.insertRows(
    "minute_rollups",
    minutes.map(({ start }) => ({ Minute: start, ...change })),
  );
}

async function sumMinutes(
  storage: Storage,
  minutes: readonly UnsummedMinute[],
  now: number,
  stamp: number,
): Promise<void> {
  for (const batch of batchesOf(minutes)) {
    await storage.command("rollup_edge_minutes", { minutes: batch, revision: stamp });
    await storage.command("rollup_operation_minutes", { minutes: batch, revision: stamp });
    await storage.insertRows(
      "minute_rollups",
      batch.map((Minute) => ({ Minute, Revision: stamp, At: now, Stamp: stamp })),
    );
  }
}

function batchesOf(minutes: readonly UnsummedMinute[]): number[][] {
  const batches: number[][] = [];
  let room = 0;
  for (const { start, rows } of minutes) {
    const last = batches.at(-1);
    if (last !== undefined && rows <= room) {
      last.push(start);
      room -= rows;
    } else {
      batches.push([start]);
      room = ROWS_PER_STATEMENT - rows;
    }
  }
  return batches;
}

async function sumHour(storage: Storage, hour: DueHourRow, now: number): Promise<void> {
  const { Start, Known, Minutes, Stamp: revision } = hour;
  const minutes = tuples(Minutes);
  await storage.command("rollup_edge_hour", { hour: Start, minutes, revision });
  await storage.command("rollup_operation_hour", { hour: Start, minutes, revision });
  await storage.insertRows("hour_rollups", [{ Hour: Start, Revision: revision, At: now, Stamp: revision }]);
  if (Known === 0) return;
  for (const table of ["edge", "operation"]) {
    await storage.command(`drop_stale_${table}_minutes`, { hour: Start, minutes });
    await storage.command(`drop_stale_${table}_hours`, { hour: Start, revision });
  }
}
