-- Purpose: how much of a range has been analysed.
-- Parameters: tenant; from_s, to_s: half-open range, unix seconds, multiples of 10.
-- Row: one; first and last analysed bucket ever (unix seconds, 0 when none), the buckets of the range whose rows have arrived
--   and were not analysed at all, and how many were analysed before all of their rows had arrived.
-- Cost: one row a bucket.
SELECT
  (SELECT toUnixTimestamp(min(Bucket)) FROM analyzed_buckets WHERE Tenant = {tenant:String}) AS FirstAnalyzed,
  (SELECT toUnixTimestamp(max(Bucket)) FROM analyzed_buckets WHERE Tenant = {tenant:String}) AS LastAnalyzed,
  groupArrayIf(10000)(toUnixTimestamp(arrived.Bucket), analyzed.AnalyzedRows = 0) AS Missing,
  countIf(analyzed.AnalyzedRows > 0) AS OutdatedCount
FROM (
  SELECT Bucket, sum(RowCount) AS ArrivedRows
  FROM arrivals
  WHERE Tenant = {tenant:String} AND Signal = 'spans'
    AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
  GROUP BY Bucket
) AS arrived
LEFT JOIN (
  SELECT Bucket, argMax(RowCount, Revision) AS AnalyzedRows
  FROM analyzed_buckets
  WHERE Tenant = {tenant:String} AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
  GROUP BY Bucket
) AS analyzed ON arrived.Bucket = analyzed.Bucket
WHERE analyzed.AnalyzedRows < arrived.ArrivedRows
SETTINGS join_use_nulls = 0
