// Names past a tenant's limits, as the views of 0006_cardinality_overflows.sql count them.
// In: a tenant and a time. Out: rows stored under OVERFLOW_NAME by dimension and service. Bounds: `limit` rows, the fullest first.
import type { CardinalityDimension } from "../model/names.ts";
import type { Storage } from "./client.ts";

/** What of a tenant passed its limit; `service` is '' where the limit is the tenant's, `sample` '' when no name is told. */
export interface Overflow {
  readonly tenant: string;
  readonly dimension: CardinalityDimension;
  readonly service: string;
  readonly rowCount: number;
  readonly sample: string;
  readonly lastSeen: string;
}

/** Overflows of `tenant` ('' for all) since an hour, the fullest first. */
export function readOverflows(
  storage: Pick<Storage, "query">,
  request: { readonly tenant: string; readonly fromSeconds: number; readonly limit: number },
): Promise<Overflow[]> {
  const { tenant, fromSeconds, limit } = request;
  return storage.query<Overflow>("read_overflows", { tenant, from: fromSeconds, limit });
}
