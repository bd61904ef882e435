// What users felt of an incident, by the operations that they call.
// In: the entry operations in the incident's window and in its baseline. Out: the share of their requests that was hit.
// Bounds: pure; a request counts when it failed beyond the baseline's ratio or took longer than 99 in 100 did before; ratios 0..1.
import { type Entity, makeEntity } from "../model/entity.ts";
import type { Impact } from "../model/incident.ts";
import { histogramCount, quantileIndex, tailAbove } from "../model/histogram.ts";
import type { EntryWork } from "../storage/incident-story.ts";

/** What one entry operation met. */
export interface EntryImpact extends Impact {
  readonly requests: number;
  /** Estimated number of requests that were hit. */
  readonly affectedRequests: number;
}

// Fewer requests than this in the baseline say nothing of what is usual.
const MIN_BASELINE = 20;
const SLOW_QUANTILE = 0.99;

/** Share of a histogram's requests above bucket `index`. */
function shareAbove(hist: readonly number[], index: number): number {
  const total = histogramCount(hist);
  return total === 0 ? 0 : tailAbove(hist, index) / total;
}

function affected(now: EntryWork, before: EntryWork | undefined): number | null {
  if (before === undefined || before.requests < MIN_BASELINE) return null;
  const failed = Math.max(0, now.failed / now.requests - before.failed / before.requests);
  const slowFrom = quantileIndex(before.hist, histogramCount(before.hist), SLOW_QUANTILE);
  const slow = Math.max(0, shareAbove(now.hist, slowFrom) - shareAbove(before.hist, slowFrom));
  return Math.min(1, failed + slow);
}

/** The entry operations of an incident, the ones with most affected requests first. */
export function entryImpact(rows: readonly EntryWork[]): EntryImpact[] {
  const keyOf = (row: EntryWork) => JSON.stringify([row.cluster, row.namespace, row.service, row.operation]);
  const before = new Map(rows.filter((row) => row.side === 0).map((row) => [keyOf(row), row]));
  return rows
    .filter((row) => row.side === 1)
    .map((row): EntryImpact => {
      const affectedRatio = affected(row, before.get(keyOf(row)));
      const { cluster, namespace, service, operation, requests } = row;
      const entity: Entity = makeEntity("OPERATION", { cluster, namespace, service, operation });
      return { entity, affectedRatio, requests, affectedRequests: Math.round((affectedRatio ?? 0) * requests) };
    })
    .sort((a, b) => b.affectedRequests - a.affectedRequests || b.requests - a.requests);
}
