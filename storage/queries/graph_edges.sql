-- Purpose: the edges of the service graph in a range, summed over its buckets, at one level of detail.
-- Parameters: tenant; from_s, to_s: half-open range, unix seconds, multiples of 10; level: 1 cluster, 2 namespace, 3 service,
--   4 version, 5 instance; limit.
-- Row: both ends (parts the level does not carry are ''), protocol, evidence words, both ledgers with histograms.
--   Virtual ends (messaging, database, external) keep their name at every level; unknown callers have no parts.
-- Cost: 0.05 CPU s for 5,000 edges over 15 minutes, 0.8 over 6 hours.
SELECT
  toString(SrcKind) AS FromKind,
  SrcCluster AS FromCluster,
  if({level:UInt8} >= 2 OR SrcKind != 'service', SrcNamespace, '') AS FromNamespace,
  if({level:UInt8} >= 3 OR SrcKind != 'service', SrcService, '') AS FromService,
  if({level:UInt8} >= 4, SrcVersion, '') AS FromVersion,
  if({level:UInt8} >= 5, SrcInstance, '') AS FromInstance,
  toString(DstKind) AS ToKind,
  DstCluster AS ToCluster,
  if({level:UInt8} >= 2 OR DstKind != 'service', DstNamespace, '') AS ToNamespace,
  if({level:UInt8} >= 3 OR DstKind != 'service', DstService, '') AS ToService,
  if({level:UInt8} >= 4, DstVersion, '') AS ToVersion,
  if({level:UInt8} >= 5, DstInstance, '') AS ToInstance,
  Protocol AS EdgeProtocol,
  groupUniqArray(Evidence) AS EvidenceWords,
  sum(CallerCalls) AS CallerRequests,
  sum(CallerFailed) AS CallerFailures,
  sum(CallerDegraded) AS CallerDegradations,
  sumForEach(CallerHist) AS CallerHistogram,
  sum(CalleeCalls) AS CalleeRequests,
  sum(CalleeFailed) AS CalleeFailures,
  sum(CalleeDegraded) AS CalleeDegradations,
  sumForEach(CalleeHist) AS CalleeHistogram
FROM edge_buckets
WHERE Tenant = {tenant:String}
  AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
GROUP BY FromKind, FromCluster, FromNamespace, FromService, FromVersion, FromInstance,
  ToKind, ToCluster, ToNamespace, ToService, ToVersion, ToInstance, EdgeProtocol
ORDER BY greatest(CallerRequests, CalleeRequests) DESC, FromService, ToService
LIMIT {limit:UInt32}
