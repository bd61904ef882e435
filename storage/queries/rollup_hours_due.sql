-- Purpose: the hours whose sum does not hold while all of their minutes' sums do, and the server's clock before this is read.
-- Parameters: since_s: only hours that begin at or after, unix seconds; now_s: a change has to be a minute older.
-- Row: Start: the hour (unix seconds); Known: whether it had been summed before; Minutes: [start (unix s), revision]; Stamp (unix microseconds).
-- Cost: one row a minute since then.
SELECT toUnixTimestamp(m.Hour) AS Start, Known, Minutes, toUnixTimestamp64Micro(now64(6)) AS Stamp
FROM (
  SELECT toStartOfHour(Minute) AS Hour, groupArray((toUnixTimestamp(Minute), Revision)) AS Minutes, min(Revision) AS Least
  FROM minute_rollups FINAL
  WHERE Minute >= toDateTime({since_s:UInt32})
  GROUP BY Hour
) AS m
LEFT JOIN (SELECT Hour, Revision AS Holds, At AS ChangedAt, 1 AS Known FROM hour_rollups FINAL) AS h ON m.Hour = h.Hour
WHERE Least != 0 AND Holds = 0 AND (Known = 0 OR toUnixTimestamp(ChangedAt) + 60 <= {now_s:UInt32})
ORDER BY Start
SETTINGS join_use_nulls = 0
