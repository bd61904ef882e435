-- Purpose: when each cluster was last heard, as a caller by its own telling or as a callee.
-- Parameters: tenant; since_s, hours_to_s: hours to read; minutes_s, buckets_s: from when on to read minutes and 10-second buckets; to_s: the
--   end of both. All unix seconds.
-- Row: Cluster, LastHeard: the end of the last bucket, minute or hour with a call, unix seconds.
-- Cost: two cluster names and two counts a row of at most two hours of minutes and a quarter of an hour of buckets.
SELECT ends.1 AS Cluster, toUnixTimestamp(max(ends.2)) AS LastHeard
FROM (
  SELECT SrcCluster, DstCluster, maxIf(Hour + INTERVAL 1 HOUR, CallerCalls > 0) AS Calling, maxIf(Hour + INTERVAL 1 HOUR, CalleeCalls > 0) AS Called
  FROM edge_hours
  WHERE Tenant = {tenant:String} AND Hour >= toDateTime({since_s:UInt32}) AND Hour < toDateTime({hours_to_s:UInt32})
  GROUP BY SrcCluster, DstCluster
  UNION ALL
  SELECT SrcCluster, DstCluster, maxIf(Minute + INTERVAL 1 MINUTE, CallerCalls > 0), maxIf(Minute + INTERVAL 1 MINUTE, CalleeCalls > 0)
  FROM edge_minutes
  WHERE Tenant = {tenant:String} AND Minute >= toDateTime({minutes_s:UInt32}) AND Minute < toDateTime({to_s:UInt32})
  GROUP BY SrcCluster, DstCluster
  UNION ALL
  SELECT SrcCluster, DstCluster, maxIf(Bucket + INTERVAL 10 SECOND, CallerCalls > 0), maxIf(Bucket + INTERVAL 10 SECOND, CalleeCalls > 0)
  FROM edge_buckets
  WHERE Tenant = {tenant:String} AND Bucket >= toDateTime({buckets_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
  GROUP BY SrcCluster, DstCluster
)
ARRAY JOIN [(SrcCluster, Calling), (DstCluster, Called)] AS ends
WHERE Cluster != ''
GROUP BY Cluster
HAVING LastHeard > 0
ORDER BY Cluster
