-- Purpose: for how long of a range each source told of any call.
-- Parameters: tenant; hours, minutes, open, from_s, to_s: which sums hold, (start, revision), minutes to read from buckets, and the half-open range of these, unix seconds.
-- Row: Source, Seconds.
-- Cost: two narrow columns of the rows of the edges.
SELECT toString(Source) AS Name, sum(Length) AS Seconds
FROM (
  SELECT Source, uniqExact(Hour) * 3600 AS Length
  FROM edge_hours
  WHERE Tenant = {tenant:String} AND (Hour, Revision) IN {hours:Array(Tuple(DateTime, UInt64))}
  GROUP BY Source
  UNION ALL
  SELECT Source, uniqExact(Minute) * 60
  FROM edge_minutes
  WHERE Tenant = {tenant:String} AND (Minute, Revision) IN {minutes:Array(Tuple(DateTime, UInt64))}
  GROUP BY Source
  UNION ALL
  SELECT Source, uniqExact(Bucket) * 10
  FROM edge_buckets
  WHERE Tenant = {tenant:String} AND toStartOfMinute(Bucket) IN {open:Array(DateTime)}
    AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
  GROUP BY Source
)
GROUP BY Source
ORDER BY Source
