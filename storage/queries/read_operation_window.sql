-- What each instance did by operation, once over the fault's buckets and once over the baseline's, for localization.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts).
-- Row: side (1 fault, 0 baseline), cluster, namespace, service, version, instance, node, operation, protocol, requests, failed,
--   degraded, origin_failed, total_ns, self_ns, hist, self_hist (96 counts each), flags (map flag -> count).
-- Services without spans: what other sources tell of them (told_operations.sql).
-- Cost: reads the named buckets once; one row an instance, operation and side. The second part reads only where there are other sources.
WITH
{{told_window}}
SELECT toUInt8(has({fault:Array(DateTime)}, Bucket)) AS side, Cluster AS cluster, Namespace AS namespace, Service AS service,
  Version AS version, Instance AS instance, Node AS node, Operation AS operation, any(Protocol) AS protocol,
  sum(Requests) AS requests, sum(Failed) AS failed, sum(Degraded) AS degraded, sum(OriginFailed) AS origin_failed,
  sum(TotalNs) AS total_ns, sum(SelfNs) AS self_ns, sumForEach(Hist) AS hist, sumForEach(SelfHist) AS self_hist, sumMap(Flags) AS flags
FROM operation_buckets
WHERE Tenant = {tenant:String}
  AND Bucket >= first_bucket
  AND Bucket <= last_bucket
  AND (has({fault:Array(DateTime)}, Bucket) OR has({baseline:Array(DateTime)}, Bucket))
GROUP BY side, Cluster, Namespace, Service, Version, Instance, Node, Operation
UNION ALL
{{told_operations}}
