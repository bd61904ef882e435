-- The ledger of an edge from more than one source: spans, access logs and mesh metrics report of the same calls, each in rows of its own
-- (Source), so that none is counted twice and each may be compared with the others (model/ledger.ts chooses).
-- Retries: attempts beyond the first that the caller's side itself tells of (access logs, metrics, a proxy's spans); attempts that only
--   the callee's side shows are CalleeCalls beyond CallerCalls. ProxyNs: time in the sidecars of both sides, part of GapNs.
-- RequestBytes, ResponseBytes: caller to callee and back; 0 where the source does not tell. SecuredCalls, PlainCalls: calls known to be
--   with and without mutual TLS; the rest is unknown.
-- OffsetNs, OffsetCalls: sum over calls between clusters of (callee's clock minus caller's clock), by the midpoints of both spans.
ALTER TABLE edge_buckets
  MODIFY COLUMN SrcKind Enum8('unknown' = 0, 'service' = 1, 'messaging' = 3, 'external' = 4),
  MODIFY COLUMN DstKind Enum8('unknown' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4),
  ADD COLUMN Source Enum8('spans' = 0, 'access_logs' = 1, 'metrics' = 2) DEFAULT 'spans',
  ADD COLUMN Retries UInt64,
  ADD COLUMN ProxyNs UInt64,
  ADD COLUMN RequestBytes UInt64,
  ADD COLUMN ResponseBytes UInt64,
  ADD COLUMN SecuredCalls UInt64,
  ADD COLUMN PlainCalls UInt64,
  ADD COLUMN OffsetNs Int64,
  ADD COLUMN OffsetCalls UInt64;
ALTER TABLE edge_buckets_staging
  MODIFY COLUMN SrcKind Enum8('unknown' = 0, 'service' = 1, 'messaging' = 3, 'external' = 4),
  MODIFY COLUMN DstKind Enum8('unknown' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4),
  ADD COLUMN Source Enum8('spans' = 0, 'access_logs' = 1, 'metrics' = 2) DEFAULT 'spans',
  ADD COLUMN Retries UInt64,
  ADD COLUMN ProxyNs UInt64,
  ADD COLUMN RequestBytes UInt64,
  ADD COLUMN ResponseBytes UInt64,
  ADD COLUMN SecuredCalls UInt64,
  ADD COLUMN PlainCalls UInt64,
  ADD COLUMN OffsetNs Int64,
  ADD COLUMN OffsetCalls UInt64;

-- When a span became known, so that the graph can be computed as it was known at a time.
ALTER TABLE span_edges ADD COLUMN IngestedAt DateTime64(3) DEFAULT now64(3) CODEC(Delta(8), ZSTD(1));

-- The graph is drawn from buckets that may still grow; RowCount stays what the analysis used, PairedRows is what the graph used.
ALTER TABLE analyzed_buckets ADD COLUMN PairedRows UInt64 DEFAULT RowCount;
