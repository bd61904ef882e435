-- Purpose: the minutes whose sum does not hold, and the server's clock before anything is read.
-- Parameters: touched: minutes of which the state is wanted in any case; back_s: how far back from the newest bucket to look;
--   now_s: unix seconds, buckets more than a minute after it are clocks gone wrong.
-- Row: one; Stamp (unix microseconds); Newest: start of the newest bucket, unix seconds; Minutes: [minute, rows of
--   its edges and operations, revision (0 = no sum holds), whether it is known, unix seconds of its last change].
-- Cost: one row a minute of a day, and two minutes of buckets; which minutes have buckets is read from the partitions' own bounds.
WITH
  toDateTime({now_s:UInt32} + 60) AS latest,
  -- Two minutes are looked at, as all of the newer one may be too late.
  (
    SELECT min(Minute) FROM (
      SELECT Minute FROM (SELECT toStartOfMinute(Bucket) AS Minute, count() FROM edge_buckets GROUP BY Minute) WHERE Minute <= latest ORDER BY Minute DESC LIMIT 2)
  ) AS recent,
  (SELECT max(Bucket) FROM edge_buckets WHERE Bucket >= recent AND Bucket <= latest) AS newest
SELECT
  toUnixTimestamp64Micro(now64(6)) AS Stamp,
  toUnixTimestamp(newest) AS Newest,
  groupArray((Start, RowCount, Holds, Known, ChangedAt)) AS Minutes
FROM (
  SELECT toUnixTimestamp(Minute) AS Start, sum(BucketRows) AS RowCount, max(Revision) AS Holds, max(IsKnown) AS Known, max(At) AS ChangedAt
  FROM (
    SELECT toStartOfMinute(Bucket) AS Minute, count() AS BucketRows, toUInt64(0) AS Revision, 0 AS IsKnown, toUInt32(0) AS At
    FROM edge_buckets GROUP BY Minute
    UNION ALL
    SELECT toStartOfMinute(Bucket) AS Minute, count(), 0, 0, 0 FROM operation_buckets GROUP BY Minute
    UNION ALL
    SELECT Minute, 0, Revision, 1, toUnixTimestamp(At) FROM minute_rollups FINAL
  )
  WHERE Minute >= newest - INTERVAL {back_s:UInt32} SECOND AND Minute <= newest
  GROUP BY Minute
  HAVING Holds = 0 OR Minute IN {touched:Array(DateTime)}
  ORDER BY Minute DESC
)
