-- What the buckets of a stretch of time say of each edge between services, one row a source.
-- Parameters: tenant (String), from, to (DateTime, half-open), limit (UInt32, rows a source).
-- Row: both ends, source, both sides with histograms (storage/series.ts); targetSeen: telemetry of the callee is known. Busiest first.
-- Left out: entries whose parent was lost ("inferred" callers); they are calls of somebody who is known.
-- Cost: the edge buckets of the range.
SELECT
  SrcKind AS fromKind, SrcCluster AS fromCluster, SrcNamespace AS fromNamespace, SrcService AS fromService,
  DstKind AS toKind, DstCluster AS toCluster, DstNamespace AS toNamespace, DstService AS toService, Source AS source,
  (DstCluster, DstNamespace, DstService) IN (SELECT Cluster, Namespace, Service FROM entities WHERE Tenant = {tenant:String}) AS targetSeen,
  sum(CallerCalls) AS callerCalls, sum(CallerFailed) AS callerFailed, sum(CallerDegraded) AS callerDegraded,
  sum(CallerCancelled) AS callerCancelled, sum(CallerNs) AS callerNs, sumForEach(CallerHist) AS callerHist,
  sum(CalleeCalls) AS calleeCalls, sum(CalleeFailed) AS calleeFailed, sum(CalleeDegraded) AS calleeDegraded,
  sum(CalleeCancelled) AS calleeCancelled, sum(CalleeNs) AS calleeNs, sumForEach(CalleeHist) AS calleeHist
FROM edge_buckets
WHERE Tenant = {tenant:String} AND toStartOfMinute(Bucket) >= toStartOfMinute({from:DateTime})
  AND Bucket >= {from:DateTime} AND Bucket < {to:DateTime}
  AND NOT (SrcKind = 'unknown' AND Evidence = 'inferred')
GROUP BY fromKind, fromCluster, fromNamespace, fromService, toKind, toCluster, toNamespace, toService, source
ORDER BY greatest(callerCalls, calleeCalls) DESC, fromService, toService
LIMIT {limit:UInt32} BY source
