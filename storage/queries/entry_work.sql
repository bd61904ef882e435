-- Purpose: what users asked for and what became of it: the operations of the services that unknown callers call, in a window and in a baseline.
-- Parameters: tenant; from, to, baseline_from, baseline_to (DateTime, half-open).
-- Row: side (1 window, 0 baseline), cluster, namespace, service, operation, requests, failed, hist (96 counts).
-- Cost: the edges from unknown callers and the operations of their callees in both windows; at most 2000 rows.
WITH (Bucket >= {from:DateTime} AND Bucket < {to:DateTime}) AS in_window,
  (Bucket >= {baseline_from:DateTime} AND Bucket < {baseline_to:DateTime}) AS in_baseline
SELECT toUInt8(in_window) AS side, Cluster AS cluster, Namespace AS namespace, Service AS service, Operation AS operation,
  sum(Requests) AS requests, sum(Failed) AS failed, sumForEach(Hist) AS hist
FROM operation_buckets
WHERE Tenant = {tenant:String} AND (in_window OR in_baseline) AND Operation != ''
  AND (Cluster, Namespace, Service) IN (
    SELECT DstCluster, DstNamespace, DstService FROM edge_buckets
    WHERE Tenant = {tenant:String} AND in_window AND SrcKind = 'unknown' AND CalleeCalls > 0)
GROUP BY side, cluster, namespace, service, operation
HAVING requests > 0
ORDER BY requests DESC
LIMIT 2000
