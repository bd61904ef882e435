// Who called which operation: read from raw spans, because the buckets of edges carry no operations.
// In: a tenant and a range. Out: one row a caller, operation and protocol, as the callee saw the calls.
// Bounds: ranges of OPERATION_CALLS_MAX_SECONDS, READ_ROWS_MAX rows of spans, `limit` rows, 10 s; only spans that are still kept.
import type { Storage } from "./client.ts";
import type { GraphRequest } from "./graph-reads.ts";

/** The longest range that callers of operations are read for, seconds. */
export const OPERATION_CALLS_MAX_SECONDS = 3600;

/** Calls of one operation by one caller. */
export interface OperationCallRow {
  FromKind: "unknown" | "service" | "messaging";
  FromCluster: string;
  FromNamespace: string;
  FromService: string;
  AtCluster: string;
  AtNamespace: string;
  AtService: string;
  AtOperation: string;
  CallProtocol: string;
  Calls: number;
  Failures: number;
  Degradations: number;
  Cancellations: number;
  Ns: number;
  Histogram: number[];
}

// Spans of 20 million requests; three scans of a range.
const READ_ROWS_MAX = 60_000_000;
// TOO_MANY_ROWS, TIMEOUT_EXCEEDED, TOO_SLOW of ClickHouse.
const TOO_MUCH = new Set(["158", "159", "160"]);

// Later than anything can have been stored.
const END_OF_TIME_SECONDS = 4_294_967_295;

function isTooMuch(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && TOO_MUCH.has(error.code);
}

/** The calls of operations in a range, most frequent first; null where that would read more than is worth it. */
export async function readOperationCalls(
  storage: Storage,
  { tenant, range, knownAtMs, mergeClusters }: GraphRequest,
  limit: number,
  readRowsMax = READ_ROWS_MAX,
): Promise<OperationCallRow[] | null> {
  if (range.toSeconds - range.fromSeconds > OPERATION_CALLS_MAX_SECONDS) return null;
  try {
    return await storage.query<OperationCallRow>(
      "operation_calls",
      {
        tenant,
        from: range.fromSeconds,
        to: range.toSeconds,
        known_at: knownAtMs === null ? END_OF_TIME_SECONDS : knownAtMs / 1000,
        merge: mergeClusters ? 1 : 0,
        limit,
      },
      { max_execution_time: 10, max_rows_to_read: readRowsMax },
    );
  } catch (error) {
    if (isTooMuch(error)) return null;
    throw error;
  }
}
