-- What each instance did by operation, once over the fault's buckets and once over the baseline's, for localization.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts).
-- Row: side (1 fault, 0 baseline), cluster, namespace, service, version, instance, node, operation, protocol, requests, failed,
--   degraded, origin_failed, total_ns, self_ns, hist, self_hist (96 counts each), flags (map flag -> count).
-- Services without spans: what access logs or metrics tell of their inbound edges (the source that saw more; logs within 2 %), as rows without
--   node and operation. Own time and failures of their own are what came in less what they passed on; self_hist is told of those that pass nothing on.
-- Cost: reads the named buckets once; one row an instance, operation and side. The second part reads only where there are other sources.
WITH
  least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})) AS first_bucket,
  greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) AS last_bucket,
  (SELECT count() FROM edge_buckets
    WHERE Tenant = {tenant:String} AND Bucket >= first_bucket AND Bucket <= last_bucket AND Source != 'spans') > 0 AS is_told,
  edges AS (
    SELECT * FROM edge_buckets
    WHERE is_told AND Tenant = {tenant:String} AND Bucket >= first_bucket AND Bucket <= last_bucket
      AND (has({fault:Array(DateTime)}, Bucket) OR has({baseline:Array(DateTime)}, Bucket))
  ),
  -- The source of each service that has no spans, and whether it tells of the callee's side.
  told AS (
    SELECT DstCluster AS at_cluster, DstNamespace AS at_namespace, DstService AS at_service,
      if(maxIf(calls, Source = 'access_logs') >= 0.98 * max(calls), 'access_logs', 'metrics') AS teller,
      if(teller = 'metrics', maxIf(callee_calls, Source = 'metrics'), maxIf(callee_calls, Source = 'access_logs')) > 0 AS is_callee
    FROM (
      SELECT Source, DstCluster, DstNamespace, DstService, sum(CalleeCalls) AS callee_calls, greatest(callee_calls, sum(CallerCalls)) AS calls
      FROM edges
      WHERE Source != 'spans' AND DstKind = 'service' AND DstService != ''
        AND (DstCluster, DstNamespace, DstService) NOT IN (
          SELECT Cluster, Namespace, Service FROM operation_buckets
          WHERE Tenant = {tenant:String} AND Bucket >= first_bucket AND Bucket <= last_bucket)
      GROUP BY Source, DstCluster, DstNamespace, DstService
    )
    GROUP BY at_cluster, at_namespace, at_service
  )
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
SELECT side, toLowCardinality(e.cluster), toLowCardinality(e.namespace), toLowCardinality(e.service), toLowCardinality(e.version), toLowCardinality(e.instance),
  toLowCardinality(''), toLowCardinality(''), any(e.protocol),
  sum(e.requests) AS in_requests, sum(e.failed) AS in_failed, sum(e.degraded),
  toUInt64(greatest(toInt64(in_failed) - toInt64(sum(e.out_failed)), 0)), sum(e.ns) AS in_ns, toUInt64(greatest(toInt64(in_ns) - toInt64(sum(e.out_ns)), 0)),
  sumForEach(e.hist) AS in_hist, if(sum(e.out_ns) = 0, in_hist, []), CAST(map(), 'Map(LowCardinality(String), UInt64)')
FROM (
  SELECT toUInt8(has({fault:Array(DateTime)}, Bucket)) AS side, DstCluster AS cluster, DstNamespace AS namespace, DstService AS service,
    DstVersion AS version, DstInstance AS instance, Protocol AS protocol, told.is_callee AS is_callee,
    if(is_callee, CalleeCalls, CallerCalls) AS requests, if(is_callee, CalleeFailed, CallerFailed) AS failed,
    if(is_callee, CalleeDegraded, CallerDegraded) AS degraded, if(is_callee, CalleeNs, CallerNs) AS ns,
    if(is_callee, CalleeHist, CallerHist) AS hist, toUInt64(0) AS out_failed, toUInt64(0) AS out_ns
  FROM edges
  INNER JOIN told ON DstCluster = at_cluster AND DstNamespace = at_namespace AND DstService = at_service
  WHERE toString(Source) = teller AND DstKind = 'service'
  UNION ALL
  SELECT toUInt8(has({fault:Array(DateTime)}, Bucket)), SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance, '', told.is_callee,
    0, 0, 0, 0, [], CallerFailed, CallerNs
  FROM edges
  INNER JOIN told ON SrcCluster = at_cluster AND SrcNamespace = at_namespace AND SrcService = at_service
  WHERE toString(Source) = teller AND SrcKind = 'service'
) AS e
GROUP BY side, e.cluster, e.namespace, e.service, e.version, e.instance
HAVING in_requests > 0
