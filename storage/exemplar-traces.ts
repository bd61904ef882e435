// Traces that show a fault: which to look at for a place and a time.
// In: a place, a window, how many. Out: trace ids, those with the slowest span there first.
// Bounds: the caller keeps the window short; of an adopted table the thousand slowest spans are looked at, and only while it is there.
import type { Storage } from "./client.ts";
import { readHorizon } from "./traces.ts";

/** Where to look for exemplar traces; '' matches any. */
export interface ExemplarQuery {
  readonly tenant: string;
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly peer: string;
  readonly from: number;
  readonly to: number;
  readonly failed: boolean;
  readonly maxCount: number;
}

/** Trace ids that show a fault at one place, slowest first; of an adopted table too while it is there. */
export async function readExemplarTraces(storage: Storage, query: ExemplarQuery): Promise<string[]> {
  const { failed, maxCount, ...where } = query;
  const params = { ...where, failed: failed ? 1 : 0, max_count: maxCount };
  const { isAdopted } = await readHorizon(storage, query.tenant);
  const names = ["read_exemplar_traces", ...(isAdopted ? ["adopted_exemplar_traces"] : [])];
  const read = (name: string) => storage.query<{ trace_id: string; duration: number }>(name, params);
  const rows = (await Promise.all(names.map(read))).flat().sort((a, b) => b.duration - a.duration);
  return [...new Set(rows.map((row) => row.trace_id))].slice(0, maxCount);
}
