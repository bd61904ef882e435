// What storage adds to an incident when somebody opens it: when each place first deviated, and what the users' requests met.
// In: an incident's places and windows. Out: plain rows, named as in the .sql files.
// Bounds: both reads have row and time limits; buckets that are no longer kept have no rows.
import type { Indicator, TimeRange } from "../model/localization.ts";
import type { Storage } from "./client.ts";

const READ_SETTINGS = { max_execution_time: 5 } as const;
const MAX_ENTITIES = 500;

/** The first bucket (unix seconds) in which one indicator of one place deviated. */
export interface AnomalyStart {
  readonly entity_id: string;
  readonly indicator: Indicator;
  readonly first: number;
}

/** One operation that users call, once in the window (side 1) and once in the baseline (side 0). */
export interface EntryWork {
  readonly side: 0 | 1;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly operation: string;
  readonly requests: number;
  readonly failed: number;
  readonly hist: readonly number[];
}

const seconds = (instant: string) => Math.floor(Date.parse(instant) / 1000);

/** When each of the places first deviated in a range, both ends included. */
export function readAnomalyStarts(
  storage: Storage,
  tenant: string,
  entities: readonly string[],
  range: TimeRange,
): Promise<AnomalyStart[]> {
  const [from, to] = [seconds(range.from), seconds(range.to)];
  const named = { tenant, entities: entities.slice(0, MAX_ENTITIES), from, to };
  return entities.length === 0 ? Promise.resolve([]) : storage.query("anomaly_starts", named, READ_SETTINGS);
}

/** The operations that users call, in a window and in a baseline. */
export function readEntryWork(
  storage: Storage,
  tenant: string,
  window: TimeRange,
  baseline: TimeRange,
): Promise<EntryWork[]> {
  return storage.query(
    "entry_work",
    {
      tenant,
      from: seconds(window.from),
      to: seconds(window.to),
      baseline_from: seconds(baseline.from),
      baseline_to: seconds(baseline.to),
    },
    READ_SETTINGS,
  );
}

/** The place whose usual traces are asked for; '' = any. */
export interface UsualPlace {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly peer: string;
}

/** Ids of traces in which a place took about as long as it usually does, at most `count`. */
export async function readNormalTraces(
  storage: Storage,
  tenant: string,
  place: UsualPlace,
  range: TimeRange,
  count: number,
): Promise<string[]> {
  const [from, to] = [seconds(range.from), seconds(range.to)];
  const asked = { tenant, ...place, from, to, max_count: count };
  const rows = await storage.query<{ trace_id: string }>("normal_traces", asked, READ_SETTINGS);
  return rows.map((row) => row.trace_id);
}
