// How requests were answered that did not end well: codes of spans, details of access logs.
// In: a tenant and the fault's buckets. Out: plain rows, named as in the .sql file.
// Bounds: only what did not end well; the statement has a row limit.
import type { Storage } from "./client.ts";

/** So many requests that ended in one way, as one side tells of them. */
export interface RefusalRow {
  readonly service: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly is_callee: 0 | 1;
  readonly peer: string;
  readonly proxy: 0 | 1;
  readonly grpc: 0 | 1;
  readonly code: number;
  readonly detail: string;
  readonly answers: number;
}

/** How the requests of the named buckets (unix seconds) were answered that did not end well, most frequent first. */
export function readRefusals(storage: Storage, tenant: string, fault: readonly number[]): Promise<RefusalRow[]> {
  return storage.query<RefusalRow>("read_refusals", { tenant, fault });
}
