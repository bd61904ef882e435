-- What each instance did by operation, once over the fault's buckets and once over the baseline's, for localization: counts and times alone.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts).
-- Row: that of read_operation_window.sql; hist and self_hist are empty for what spans tell of (service_histograms.sql reads them by service).
-- Services without spans: what other sources tell of them (told_operations.sql), histograms too.
-- Cost: reads the named buckets once, without histograms; one row an instance, operation and side, each a number until it is told.
WITH
{{told_window}}
SELECT toUInt8(has({fault:Array(DateTime)}, Bucket)) AS side, any(Cluster) AS cluster, any(Namespace) AS namespace, any(Service) AS service,
  any(Version) AS version, any(Instance) AS instance, any(Node) AS node, any(Operation) AS operation, any(Protocol) AS protocol,
  sum(Requests) AS requests, sum(Failed) AS failed, sum(Degraded) AS degraded, sum(OriginFailed) AS origin_failed,
  sum(TotalNs) AS total_ns, sum(SelfNs) AS self_ns, emptyArrayUInt64() AS hist, emptyArrayUInt64() AS self_hist, sumMap(Flags) AS flags
FROM operation_buckets
WHERE Tenant = {tenant:String}
  AND Bucket >= first_bucket
  AND Bucket <= last_bucket
  AND (has({fault:Array(DateTime)}, Bucket) OR has({baseline:Array(DateTime)}, Bucket))
GROUP BY side, cityHash64(cityHash64(Cluster), cityHash64(Namespace), cityHash64(Service), cityHash64(Version), cityHash64(Instance),
  cityHash64(Node), cityHash64(Operation))
UNION ALL
{{told_operations}}
