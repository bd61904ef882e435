-- What each service did in some buckets, for detection.
-- Parameters: tenant (String), from, to (DateTime, half-open).
-- Row: bucket (unix s), cluster, namespace, service, requests, failed, degraded, origin_failed, total_ns, self_ns, hist (96 counts).
-- Cost: reads the buckets of the window once; one row a service and bucket.
SELECT toUnixTimestamp(Bucket) AS bucket, Cluster AS cluster, Namespace AS namespace, Service AS service,
  sum(Requests) AS requests, sum(Failed) AS failed, sum(Degraded) AS degraded, sum(OriginFailed) AS origin_failed,
  sum(TotalNs) AS total_ns, sum(SelfNs) AS self_ns, sumForEach(Hist) AS hist
FROM operation_buckets
WHERE Tenant = {tenant:String} AND Bucket >= {from:DateTime} AND Bucket < {to:DateTime}
GROUP BY Bucket, Cluster, Namespace, Service
ORDER BY Bucket
