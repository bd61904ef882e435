-- What each service did in some buckets, for detection; health checks and scrapes are kept apart, they are no requests of anybody.
-- Parameters: tenant (String), from, to (DateTime, half-open), services (Array(String): these names, [] = all).
-- Row: bucket (unix s), cluster, namespace, service, requests, failed, degraded, origin_failed, total_ns, self_ns, hist (counts, ends with
--   the last that is not 0), held_requests, health_requests, health_failed, health_hist, instances (at most 64 names).
-- Requests that are held on purpose (held_operations.sql) count, but hist leaves their durations out: a service is not slow because more wait.
-- A health check is known by its operation: the usual paths of probes and scrapes, the gRPC health service.
-- Cost: reads the buckets of the window once; one row a service and bucket.
SELECT toUnixTimestamp(Bucket) AS bucket, Cluster AS cluster, Namespace AS namespace, Service AS service,
  sumIf(Requests, NOT is_health) AS requests, sumIf(Failed, NOT is_health) AS failed, sumIf(Degraded, NOT is_health) AS degraded,
  sumIf(OriginFailed, NOT is_health) AS origin_failed, sumIf(TotalNs, NOT is_health) AS total_ns, sumIf(SelfNs, NOT is_health) AS self_ns,
  arrayResize(sumForEachIf(Hist, NOT is_health AND NOT is_held) AS hist_sum, arrayLastIndex(x -> x > 0, hist_sum)) AS hist,
  sumIf(Requests, is_held) AS held_requests,
  sumIf(Requests, is_health) AS health_requests, sumIf(Failed, is_health) AS health_failed,
  arrayResize(sumForEachIf(Hist, is_health) AS health_sum, arrayLastIndex(x -> x > 0, health_sum)) AS health_hist,
  groupUniqArray(64)(toString(Instance)) AS instances
FROM (
  SELECT *, match(Operation,
    {{health_operation}}) AS is_health, NOT is_health AND (Cluster, Namespace, Service, Operation) IN ({{held_operations}}) AS is_held
  FROM operation_buckets
  WHERE Tenant = {tenant:String} AND Bucket >= {from:DateTime} AND Bucket < {to:DateTime}
    AND (empty({services:Array(String)}) OR Service IN {services:Array(String)})
)
GROUP BY Bucket, Cluster, Namespace, Service
ORDER BY Bucket
