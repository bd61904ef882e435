-- Purpose: sums the operations of some minutes under a new revision; nobody reads it before minute_rollups names it.
-- Parameters: minutes: their starts; revision. Row: none.
-- Cost: one grouping of the minutes' buckets; for 5,000 edges about 0.1 CPU s a minute.
INSERT INTO operation_minutes (Tenant, Minute, Revision, Cluster, Namespace, Service, Version, Operation,
  Requests, Failed, Degraded, Cancelled, OriginFailed, TotalUs, SelfUs, Hist, HistStart)
SELECT Tenant, toStartOfMinute(Bucket) AS Minute, {revision:UInt64}, Cluster, Namespace, Service, Version, Operation,
  sum(Requests),
  sum(Failed),
  sum(Degraded),
  sum(Cancelled),
  sum(OriginFailed),
  intDiv(sum(TotalNs) + 500, 1000),
  intDiv(sum(SelfNs) + 500, 1000),
  CAST(arraySlice(arrayResize(sumForEach(Hist) AS hist_sum, 16 * intDiv(arrayLastIndex(x -> x > 0, hist_sum) + 15, 16)), 16 * hist_start + 1), 'Array(UInt32)'),
  intDiv(greatest(arrayFirstIndex(x -> x > 0, hist_sum), 1) - 1, 16) AS hist_start
FROM operation_buckets
WHERE toStartOfMinute(Bucket) IN {minutes:Array(DateTime)}
GROUP BY Tenant, Minute, Cluster, Namespace, Service, Version, Operation
