-- Purpose: how far ingest and analysis have come.
-- Parameters: tenant; now_s: unix seconds.
-- Row: one; last bucket that spans arrived for and last analysed bucket (unix seconds, 0 when none), spans of the last minute.
-- Cost: one row a bucket of the last two days.
SELECT
  (SELECT toUnixTimestamp(max(Bucket)) FROM arrivals
    WHERE Tenant = {tenant:String} AND Signal = 'spans' AND Bucket <= toDateTime({now_s:UInt32} + 60)) AS LastArrived,
  (SELECT toUnixTimestamp(max(Bucket)) FROM analyzed_buckets
    WHERE Tenant = {tenant:String} AND Bucket <= toDateTime({now_s:UInt32} + 60)) AS LastAnalyzed,
  (SELECT sum(RowCount) FROM arrivals
    WHERE Tenant = {tenant:String} AND Signal = 'spans'
      AND Bucket > toDateTime({now_s:UInt32} - 60) AND Bucket <= toDateTime({now_s:UInt32})) AS SpansLastMinute
