-- Purpose: sums the edges of some minutes under a new revision; nobody reads it before minute_rollups names it.
-- Parameters: minutes: their starts; revision. Row: none.
-- Cost: one grouping of the minutes' buckets; for 5,000 edges about 0.1 CPU s a minute.
INSERT INTO edge_minutes (Tenant, Minute, Revision, Source, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, Protocol, Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerUs, CallerHist, CallerHistStart, CalleeCalls, CalleeFailed, CalleeDegraded,
  CalleeCancelled, CalleeUs, CalleeHist, CalleeHistStart, NeverArrived, OriginFailed, GapUs, ProxyUs, Retries, RequestBytes, ResponseBytes, SecuredCalls,
  PlainCalls, OffsetUs, OffsetCalls, Flags)
SELECT Tenant, toStartOfMinute(Bucket) AS Minute, {revision:UInt64}, Source, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, Protocol, Evidence,
  sum(CallerCalls),
  sum(CallerFailed),
  sum(CallerDegraded),
  sum(CallerCancelled),
  intDiv(sum(CallerNs) + 500, 1000),
  CAST(arraySlice(arrayResize(sumForEach(CallerHist) AS callerhist_sum, 16 * intDiv(arrayLastIndex(x -> x > 0, callerhist_sum) + 15, 16)), 16 * callerhist_start + 1), 'Array(UInt32)'),
  intDiv(greatest(arrayFirstIndex(x -> x > 0, callerhist_sum), 1) - 1, 16) AS callerhist_start,
  sum(CalleeCalls),
  sum(CalleeFailed),
  sum(CalleeDegraded),
  sum(CalleeCancelled),
  intDiv(sum(CalleeNs) + 500, 1000),
  CAST(arraySlice(arrayResize(sumForEach(CalleeHist) AS calleehist_sum, 16 * intDiv(arrayLastIndex(x -> x > 0, calleehist_sum) + 15, 16)), 16 * calleehist_start + 1), 'Array(UInt32)'),
  intDiv(greatest(arrayFirstIndex(x -> x > 0, calleehist_sum), 1) - 1, 16) AS calleehist_start,
  sum(NeverArrived),
  sum(OriginFailed),
  intDiv(sum(GapNs) + 500, 1000),
  intDiv(sum(ProxyNs) + 500, 1000),
  sum(Retries),
  sum(RequestBytes),
  sum(ResponseBytes),
  sum(SecuredCalls),
  sum(PlainCalls),
  toInt64(round(sum(OffsetNs) / 1000)),
  sum(OffsetCalls),
  sumMap(Flags)
FROM edge_buckets
WHERE toStartOfMinute(Bucket) IN {minutes:Array(DateTime)}
GROUP BY Tenant, Minute, Source, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, Protocol, Evidence
