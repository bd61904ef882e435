-- The service-level edges of some buckets by source, for detection; storage/edge-choice.ts makes one row an edge of them.
-- Parameters: tenant (String), from, to (DateTime, half-open), services (Array(String): edges with one of these ends, [] = all).
-- Row: source, bucket (unix s), src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service,
--   caller_calls, caller_failed, caller_other, callee_other (degraded and cancelled), callee_calls, callee_failed, never_arrived, origin_failed, caller_ns, hist (counts, the
--   caller's view where there is one, else the callee's; ends with the last that is not 0), injected (requests that fault injection aborted or delayed).
-- Cost: reads the buckets of the window once; one row an edge, source and bucket.
SELECT toString(Source) AS source, toUnixTimestamp(Bucket) AS bucket,
  toString(SrcKind) AS src_kind, SrcCluster AS src_cluster, SrcNamespace AS src_namespace, SrcService AS src_service,
  toString(DstKind) AS dst_kind, DstCluster AS dst_cluster, DstNamespace AS dst_namespace, DstService AS dst_service,
  sum(CallerCalls) AS caller_calls, sum(CallerFailed) AS caller_failed,
  sum(CalleeCalls) AS callee_calls, sum(CalleeFailed) AS callee_failed,
  sum(CallerDegraded + CallerCancelled) AS caller_other, sum(CalleeDegraded + CalleeCancelled) AS callee_other,
  sum(NeverArrived) AS never_arrived, sum(OriginFailed) AS origin_failed, sum(CallerNs) AS caller_ns,
  arrayResize(if(caller_calls > 0, sumForEachIf(CallerHist, CallerCalls > 0), sumForEachIf(CalleeHist, CalleeCalls > 0)) AS hist_sum,
    arrayLastIndex(x -> x > 0, hist_sum)) AS hist,
  sum(Flags['FI'] + Flags['DI']) AS injected
FROM edge_buckets
WHERE Tenant = {tenant:String} AND Bucket >= {from:DateTime} AND Bucket < {to:DateTime}
  AND (empty({services:Array(String)}) OR SrcService IN {services:Array(String)} OR DstService IN {services:Array(String)})
GROUP BY Source, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, DstKind, DstCluster, DstNamespace, DstService
ORDER BY Bucket
