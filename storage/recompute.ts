// Computes some buckets of the graph anew: edges from each source, operations from spans.
// In: a range in whole buckets. Out: the minutes that the range lies in, swapped one by one; what has vanished from the sources vanishes.
// Bounds: one call at a time, as there is one staging table of each; the caller keeps the range short.
import type { Storage } from "./client.ts";
import { stageAccessLogLedger } from "./access-log-ledger.ts";
import { stageMeshLedger } from "./mesh-ledger.ts";
import { stageSpanLedger } from "./span-ledger.ts";

/** Which sources of the graph to compute; rows of the others stay. `meshTenants`: all tenants with mesh metrics, [] = leave them. */
export interface GraphSources {
  readonly spans: boolean;
  readonly accessLogs: boolean;
  readonly meshTenants: readonly string[];
}

const SPANS_AND_LOGS: GraphSources = { spans: true, accessLogs: true, meshTenants: [] };

/** Computes edges and operations of the buckets [from, to) anew and swaps the minutes they lie in. */
export async function recomputeBuckets(
  storage: Storage,
  from: number,
  to: number,
  sources: GraphSources = SPANS_AND_LOGS,
): Promise<void> {
  // Neither reads what the other writes. Both are awaited whatever happens, or a retry would meet a statement that still fills a staging table.
  const outcomes = await Promise.allSettled([
    recomputeEdges(storage, from, to, sources),
    sources.spans ? recomputeOperations(storage, from, to) : undefined,
  ]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function recomputeEdges(storage: Storage, from: number, to: number, sources: GraphSources): Promise<void> {
  const computed = [];
  await storage.command("clear_edge_staging");
  if (sources.spans) {
    await stageSpanLedger(storage, from, to);
    computed.push("spans");
  }
  if (sources.accessLogs) {
    await stageAccessLogLedger(storage, from, to);
    computed.push("access_logs");
  }
  if (sources.meshTenants.length > 0) {
    await stageMeshLedger(storage, sources.meshTenants, from, to);
    computed.push("metrics");
  }
  await storage.command("keep_edge_buckets", { from, to, sources: computed });
  await replaceMinutes(storage, "edge", from, to);
}

async function recomputeOperations(storage: Storage, from: number, to: number): Promise<void> {
  await storage.command("clear_operation_staging");
  await storage.command("own_time", { from, to });
  await storage.command("keep_operation_buckets", { from, to });
  await replaceMinutes(storage, "operation", from, to);
}

async function replaceMinutes(storage: Storage, table: "edge" | "operation", from: number, to: number): Promise<void> {
  for (let minute = from - (from % 60); minute < to; minute += 60) {
    await storage.command(
      `replace_${table}_minute`,
      { partition: String(minute) },
      { allow_replace_partition_from_empty_source: 1 },
    );
  }
}
