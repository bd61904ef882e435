-- Purpose: what each place answered in 10-second buckets: of minutes that are not summed yet or have changed since, or by instance.
-- Parameters: tenant; minutes: of which to read; from_s, to_s: half-open range, unix seconds; histograms: 0 leaves them out; limit;
--   at_cluster ... at_operation: the column that tells this part of a place at the level, or Untold where the level does not
--   carry it (storage/graph-columns.ts).
-- Row: the columns that storage/graph-table.ts reads, in its order: the place, requests by outcome, times, latency histogram; busiest first.
-- Cost: as the edges', by rows of operations.
WITH '' AS Untold
SELECT
  {at_cluster:Identifier},
  {at_namespace:Identifier},
  {at_service:Identifier},
  {at_version:Identifier},
  {at_instance:Identifier},
  {at_operation:Identifier},
  sum(Requests) AS RequestCount,
  sum(Failed),
  sum(Degraded),
  sum(Cancelled),
  sum(OriginFailed),
  sum(TotalNs),
  sum(SelfNs),
  if({histograms:UInt8} = 1, sumForEach(if({histograms:UInt8} = 1, Hist, [])), [])
FROM operation_buckets
WHERE Tenant = {tenant:String} AND toStartOfMinute(Bucket) IN {minutes:Array(DateTime)}
  AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
GROUP BY ALL
ORDER BY RequestCount DESC
LIMIT {limit:UInt32}
