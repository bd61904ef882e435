-- Purpose: which sums of hours and minutes hold in a range, and from when to when there are buckets.
-- Parameters: from_s, to_s: half-open range, unix seconds; whole_from_s, whole_to_s: the same, widened to whole hours.
-- Row: one; Hours, Minutes: [start (unix s), revision]; minutes of whole hours that hold are left out; FirstBucket, LastBucket: unix
--   seconds, 0 when there is none.
-- Cost: one row a minute of the range that no whole hour holds; bounds of buckets are the parts' own. Nearly all of it is planning: a subquery costs 2 ms.
SELECT
  (SELECT groupArray((toUnixTimestamp(Hour), Revision)) FROM hour_rollups FINAL
    WHERE Hour >= toDateTime({whole_from_s:UInt32}) AND Hour < toDateTime({whole_to_s:UInt32}) AND Revision != 0) AS Hours,
  (SELECT groupArray((toUnixTimestamp(Minute), Revision)) FROM minute_rollups FINAL
    WHERE Minute >= toDateTime({whole_from_s:UInt32}) AND Minute < toDateTime({whole_to_s:UInt32}) AND Revision != 0
      AND toStartOfHour(Minute) NOT IN (
        SELECT Hour FROM hour_rollups FINAL
        WHERE Hour >= toDateTime({from_s:UInt32}) AND Hour + INTERVAL 1 HOUR <= toDateTime({to_s:UInt32}) AND Revision != 0
      )) AS Minutes,
  (SELECT (toUnixTimestamp(min(Bucket)), toUnixTimestamp(max(Bucket))) FROM edge_buckets) AS kept_buckets,
  kept_buckets.1 AS FirstBucket,
  kept_buckets.2 AS LastBucket
