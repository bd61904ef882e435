// The ways that code took through its log lines and its calls, for the comparison of a fault's window with its baseline.
// In: a tenant and both windows. Out: counted steps by service and window.
// Bounds: at most MAX_STEP_ROWS rows, the most frequent first; a span's first thousand lines and calls; about MAX_REQUESTS requests.
import type { Windows } from "./buckets.ts";
import type { Storage } from "./client.ts";

const MAX_STEP_ROWS = 50_000;
const MAX_REQUESTS = 100_000;

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
 * Reads the steps of every service that writes log lines with span ids, or whose spans contain others. `requests` = about how many requests
 * both windows hold: of many more than MAX_REQUESTS only a share is read, chosen by the spans' hashes.
 */
export function readCodeSteps(
  storage: Storage,
  tenant: string,
  windows: Windows,
  requests: number,
): Promise<CodeStepRow[]> {
  const every = Math.max(1, Math.ceil(requests / MAX_REQUESTS));
  return storage.query<CodeStepRow>("code_paths", { tenant, ...windows, every, max_rows: MAX_STEP_ROWS });
}
