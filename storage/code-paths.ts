// The ways that code took through its log lines and its calls, for the comparison of a fault's window with its baseline.
// In: a tenant and both windows. Out: counted steps by service and window.
// Bounds: at most MAX_STEP_ROWS rows, the most frequent first; a span's first thousand lines and calls; about MAX_REQUESTS requests, for which
//   some minutes of each window are searched where it holds more than MAX_SEARCHED.
import { groupBy } from "../model/group-by.ts";
import { BUCKET_SECONDS, type Windows } from "./buckets.ts";
import type { Storage } from "./client.ts";

const MAX_STEP_ROWS = 50_000;
const MAX_REQUESTS = 50_000;
// Searching costs more than what is found; rows lie by minute and service, so only whole minutes can be left out.
const MAX_SEARCHED = 1_000_000;
const MIN_MINUTES = 2;
const MINUTE_SECONDS = 60;

/** How often a service went from one step to the next in a window; `side` 1 = fault, 0 = baseline. */
export interface CodeStepRow {
  readonly side: 0 | 1;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  /** Steps between the lines of a span, or between the spans that it contains. */
  readonly via: "lines" | "calls";
  readonly from_step: string;
  readonly to_step: string;
  /** 1 where the line that it goes to tells of an error. */
  readonly to_error: 0 | 1;
  readonly step_count: number;
}

/**
 * Some minutes of a window, evenly spread over it: `share` (0..1) of them, MIN_MINUTES at least. The last bucket of each is left out, as lines may
 * be written a bucket later, in what would be one more minute to read.
 */
export function thinBuckets(buckets: readonly number[], share: number): number[] {
  const minutes = [...groupBy(buckets, (bucket) => Math.floor(bucket / MINUTE_SECONDS)).values()];
  const count = Math.max(MIN_MINUTES, Math.ceil(minutes.length * share));
  if (count >= minutes.length) return [...buckets];
  const kept = Array.from({ length: count }, (_, i) => minutes[Math.floor(((i + 0.5) * minutes.length) / count)]!);
  const isLast = (bucket: number) => bucket % MINUTE_SECONDS === MINUTE_SECONDS - BUCKET_SECONDS;
  return kept.flatMap((minute) => (minute.every(isLast) ? minute : minute.filter((bucket) => !isLast(bucket))));
}

/**
 * Reads the steps of every service that writes log lines with span ids, or whose spans contain others. `requests` = about how many requests
 * both windows hold: of many more than MAX_REQUESTS only a share is read, chosen by the spans' hashes.
 */
export function readCodeSteps(
  storage: Storage,
  tenant: string,
  windows: Windows,
  requests: number,
): Promise<CodeStepRow[]> {
  const share = Math.min(1, MAX_SEARCHED / requests);
  const [fault, baseline] = [thinBuckets(windows.fault, share), thinBuckets(windows.baseline, share)];
  const searched = (fault.length + baseline.length) / (windows.fault.length + windows.baseline.length);
  const every = Math.max(1, Math.ceil((requests * searched) / MAX_REQUESTS));
  return storage.query<CodeStepRow>("code_paths", { tenant, fault, baseline, every, max_rows: MAX_STEP_ROWS });
}
