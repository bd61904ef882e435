-- Pairs the spans of some buckets into edges (paired_edges.sql) and writes them to edge_buckets_staging.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open), known_at (DateTime64(3)).
-- Cost: that of paired_edges.sql, and one row an edge between instances and bucket.
INSERT INTO edge_buckets_staging (Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerNs, CallerHist,
  CalleeCalls, CalleeFailed, CalleeDegraded, CalleeCancelled, CalleeNs, CalleeHist,
  NeverArrived, OriginFailed, GapNs, Flags, Source, Retries, ProxyNs, OffsetNs, OffsetCalls)
SELECT Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerNs, CallerHist,
  CalleeCalls, CalleeFailed, CalleeDegraded, CalleeCancelled, CalleeNs, CalleeHist,
  NeverArrived, OriginFailed, GapNs, Flags, Source, Retries, ProxyNs, OffsetNs, OffsetCalls
FROM ({{paired_edges}})
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0, max_threads = 2, group_by_two_level_threshold = 1000,
  optimize_and_compare_chain = 0
