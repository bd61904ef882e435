// Anomalies as kept: what the detectors saw in each bucket, newest Revision wins.
// In: deviations with entity, p-value and effect. Out: rows of the anomalies table.
// Bounds: one insert a bucket; p-values below 1e-300 are stored as 1e-300.
import { type Entity, entityId } from "../model/entity.ts";
import type { Indicator } from "../model/localization.ts";
import type { Storage } from "./client.ts";

/** One deviation; `log10P` ≤ 0, `observed` and `expected` in `unit`. */
export interface AnomalyRecord {
  readonly entity: Entity;
  readonly indicator: Indicator;
  readonly log10P: number;
  readonly observed: number;
  readonly expected: number;
  readonly unit: string;
}

/** Stores the anomalies of one bucket (unix seconds); `revision` is a UInt64 in decimal. */
export async function writeAnomalies(
  storage: Storage,
  tenant: string,
  bucket: number,
  anomalies: readonly AnomalyRecord[],
  revision: string,
): Promise<void> {
  await storage.insertRows(
    "anomalies",
    anomalies.map((a) => ({
      Tenant: tenant,
      Bucket: bucket,
      EntityId: entityId(a.entity),
      Indicator: a.indicator,
      Direction: a.observed >= a.expected ? "up" : "down",
      PValue: 10 ** Math.max(-300, a.log10P),
      Effect: a.observed - a.expected,
      Observed: a.observed,
      Expected: a.expected,
      Unit: a.unit,
      Revision: revision,
    })),
  );
}
