-- Purpose: how much of a range is in the graph.
-- Parameters: tenant; from_s, to_s: half-open range, unix seconds, multiples of 10.
-- Row: one; first and last bucket in the graph (unix seconds, 0 when none; marks are kept for days, sums longer), the newest span's start in
--   the last one (unix milliseconds), the buckets of the range whose rows have arrived and are not in the graph at all, and how many
--   have grown since.
-- Cost: one row a bucket.
SELECT
  (SELECT toUnixTimestamp(min(Bucket)) FROM analyzed_buckets WHERE Tenant = {tenant:String}) AS FirstAnalyzed,
  (SELECT toUnixTimestamp(max(Bucket)) FROM analyzed_buckets WHERE Tenant = {tenant:String}) AS LastAnalyzed,
  (SELECT toUnixTimestamp64Milli(max(LastTimestamp)) FROM arrivals
    WHERE Tenant = {tenant:String} AND Signal = 'spans' AND toUnixTimestamp(Bucket) = LastAnalyzed) AS ReachedMs,
  groupArrayIf(10000)(toUnixTimestamp(arrived.Bucket), analyzed.UsedRows = 0) AS Missing,
  countIf(analyzed.UsedRows > 0) AS OutdatedCount
FROM (
  SELECT Bucket, sum(RowCount) AS ArrivedRows
  FROM arrivals
  WHERE Tenant = {tenant:String} AND Signal = 'spans'
    AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
  GROUP BY Bucket
) AS arrived
LEFT JOIN (
  SELECT Bucket, argMax(PairedRows, Revision) AS UsedRows
  FROM analyzed_buckets
  WHERE Tenant = {tenant:String} AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
  GROUP BY Bucket
) AS analyzed ON arrived.Bucket = analyzed.Bucket
WHERE analyzed.UsedRows < arrived.ArrivedRows
SETTINGS join_use_nulls = 0
