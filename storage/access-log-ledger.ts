// The ledger rows of access logs: who called whom, how often, how it ended and how long it took, as the proxies wrote it down.
// In: a range in whole buckets. Out: rows with Source 'access_logs' in edge_buckets_staging (storage/buckets.ts swaps them in).
// Bounds: one statement over the raw rows of the range and 30 s around it; past 256 MB its groups go to disk. A bucket's rows depend on
// nothing but the log rows within a minute of it, so ranges may be cut anywhere; staging twice without clearing counts twice.
import type { Storage } from "./client.ts";

const ALL_KNOWN = "2299-01-01 00:00:00";

/** Stages the edges of the buckets [from, to) (unix seconds, multiples of BUCKET_SECONDS) of all tenants. */
export async function stageAccessLogLedger(storage: Storage, from: number, to: number): Promise<void> {
  await storage.command("access_log_ledger", { from, to, known_at: ALL_KNOWN });
}
