-- Purpose: which sums of hours and minutes hold in a range, and how far back each grain goes.
-- Parameters: from_s, to_s: half-open range, unix seconds; whole_from_s, whole_to_s: the same, widened to whole hours.
-- Row: one; Hours, Minutes: [start (unix s), revision]; minutes of whole hours that hold are left out; FirstHour, FirstMinute, FirstBucket,
--   LastBucket, FirstSpan: unix seconds, 0 when there is none.
-- Cost: one row a minute of the range that no whole hour holds; the firsts are read from the parts' own bounds.
SELECT
  (SELECT groupArray((toUnixTimestamp(Hour), Revision)) FROM hour_rollups FINAL
    WHERE Hour >= toDateTime({whole_from_s:UInt32}) AND Hour < toDateTime({whole_to_s:UInt32}) AND Revision != 0) AS Hours,
  (SELECT groupArray((toUnixTimestamp(Minute), Revision)) FROM minute_rollups FINAL
    WHERE Minute >= toDateTime({whole_from_s:UInt32}) AND Minute < toDateTime({whole_to_s:UInt32}) AND Revision != 0
      AND toStartOfHour(Minute) NOT IN (
        SELECT Hour FROM hour_rollups FINAL
        WHERE Hour >= toDateTime({from_s:UInt32}) AND Hour + INTERVAL 1 HOUR <= toDateTime({to_s:UInt32}) AND Revision != 0
      )) AS Minutes,
  (SELECT toUnixTimestamp(min(Hour)) FROM edge_hours) AS FirstHour,
  (SELECT toUnixTimestamp(min(Minute)) FROM edge_minutes) AS FirstMinute,
  (SELECT toUnixTimestamp(min(Bucket)) FROM edge_buckets) AS FirstBucket,
  (SELECT toUnixTimestamp(max(Bucket)) FROM edge_buckets) AS LastBucket,
  (SELECT toUnixTimestamp(min(Timestamp)) FROM span_edges) AS FirstSpan
