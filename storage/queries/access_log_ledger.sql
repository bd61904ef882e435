-- Writes the edges that access logs tell of to edge_buckets_staging, all tenants.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open), known_at (DateTime64(3)).
-- Cost: access_log_ledger_rows.sql; groups past 256 MB go to disk.
INSERT INTO edge_buckets_staging (Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerNs, CallerHist,
  CalleeCalls, CalleeFailed, CalleeDegraded, CalleeCancelled, CalleeNs, CalleeHist,
  NeverArrived, OriginFailed, GapNs, Flags, Source, Retries, ProxyNs, RequestBytes, ResponseBytes,
  SecuredCalls, PlainCalls, OffsetNs, OffsetCalls)
{{access_log_ledger_rows}}
SETTINGS max_bytes_before_external_group_by = 268435456
