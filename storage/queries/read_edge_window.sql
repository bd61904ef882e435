-- The edges between versions by source (storage/edge-choice.ts makes one row an edge of them), once over the fault's buckets and once over the baseline's, for localization.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts), targets (Array(String): names of callees; [] = all),
--   with_hist (UInt8: 0 = caller_hist stays empty, and its column is not read).
-- Row: source, side (1 fault, 0 baseline), src_kind .. src_version, dst_kind .. dst_version, caller_calls, caller_failed,
--   caller_cancelled, caller_other, callee_other (degraded and cancelled), callee_calls, callee_failed, caller_retries, never_arrived, origin_failed, caller_ns, callee_ns, gap_ns,
--   caller_hist (96 counts), flags (map flag -> count).
-- Cost: reads the named buckets once; one row an edge, source and side, each a number until it is told. The histograms are most of the bytes, so localization asks for all edges
--   without them and then for those of a few callees.
SELECT toString(any(Source)) AS source, toUInt8(has({fault:Array(DateTime)}, Bucket)) AS side,
  toString(any(SrcKind)) AS src_kind, any(SrcCluster) AS src_cluster, any(SrcNamespace) AS src_namespace, any(SrcService) AS src_service, any(SrcVersion) AS src_version,
  toString(any(DstKind)) AS dst_kind, any(DstCluster) AS dst_cluster, any(DstNamespace) AS dst_namespace, any(DstService) AS dst_service, any(DstVersion) AS dst_version,
  sum(CallerCalls) AS caller_calls, sum(CallerFailed) AS caller_failed, sum(CallerCancelled) AS caller_cancelled,
  sum(CalleeCalls) AS callee_calls, sum(CalleeFailed) AS callee_failed,
  sum(CallerDegraded + CallerCancelled) AS caller_other, sum(CalleeDegraded + CalleeCancelled) AS callee_other,
  sum(Retries) AS caller_retries, sum(NeverArrived) AS never_arrived, sum(OriginFailed) AS origin_failed,
  sum(CallerNs) AS caller_ns, sum(CalleeNs) AS callee_ns, sum(GapNs) AS gap_ns,
  -- The choice is inside: outside, the column would be read all the same.
  sumForEachIf(if({with_hist:UInt8} = 1, CallerHist, []), CallerCalls > 0) AS caller_hist, sumMap(Flags) AS flags
FROM edge_buckets
WHERE Tenant = {tenant:String}
  AND Bucket >= least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)}))
  AND Bucket <= greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)}))
  AND (has({fault:Array(DateTime)}, Bucket) OR has({baseline:Array(DateTime)}, Bucket))
  AND (empty({targets:Array(String)}) OR DstService IN {targets:Array(String)})
GROUP BY side, cityHash64(Source, SrcKind, DstKind, cityHash64(SrcCluster), cityHash64(SrcNamespace), cityHash64(SrcService), cityHash64(SrcVersion),
  cityHash64(DstCluster), cityHash64(DstNamespace), cityHash64(DstService), cityHash64(DstVersion))
