-- What access logs or metrics tell of services without spans, as rows of read_operation_window.sql; a part of other statements, after told_window.sql.
-- Rule: the source that saw more (logs within 2 %), the inbound edges, no node and no operation. Own time and failures of their own are what came in
--   less what they passed on; self_hist is told of those that pass nothing on.
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
