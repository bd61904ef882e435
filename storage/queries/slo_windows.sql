-- What the services with an objective did in the last 5 min, 30 min, 1 h and 6 h, for burn rates.
-- Parameters: tenant (String), services (Array(String)), at (DateTime, a whole minute: the end of the windows).
-- Row: cluster, namespace, service, window_seconds, requests, failed, hist. Health checks are left out, as in read_service_buckets.
-- Minutes come from their sum where it holds, else from their 10-second buckets, so that the newest minute counts and none twice.
-- Cost: the minutes of six hours of the named services, and the buckets of the few minutes that are not summed.
WITH
held AS (
  SELECT Minute, argMax(Revision, Stamp) AS holding
  FROM minute_rollups
  WHERE Minute >= {at:DateTime} - INTERVAL 6 HOUR AND Minute < {at:DateTime}
  GROUP BY Minute
  HAVING holding != 0
)
SELECT cluster, namespace, service, window_seconds, sum(all_requests) AS requests, sum(all_failed) AS failed, sumForEach(counts) AS hist
FROM (
  SELECT Cluster AS cluster, Namespace AS namespace, Service AS service, toUnixTimestamp(Minute) AS t, Requests AS all_requests,
    Failed AS all_failed, Hist AS counts
  FROM operation_minutes
  WHERE Tenant = {tenant:String} AND Minute >= {at:DateTime} - INTERVAL 6 HOUR AND Minute < {at:DateTime}
    AND Service IN {services:Array(String)} AND (Minute, Revision) IN (SELECT Minute, holding FROM held)
    AND NOT match(Operation, {{health_operation}})
  UNION ALL
  SELECT Cluster, Namespace, Service, toUnixTimestamp(Bucket), Requests, Failed, Hist
  FROM operation_buckets
  WHERE Tenant = {tenant:String} AND Bucket >= {at:DateTime} - INTERVAL 6 HOUR AND Bucket < {at:DateTime}
    AND Service IN {services:Array(String)} AND toStartOfMinute(Bucket) NOT IN (SELECT Minute FROM held)
    AND NOT match(Operation, {{health_operation}})
)
ARRAY JOIN arrayFilter(w -> t >= toUnixTimestamp({at:DateTime}) - w, [300, 1800, 3600, 21600]) AS window_seconds
GROUP BY cluster, namespace, service, window_seconds
ORDER BY cluster, namespace, service, window_seconds
