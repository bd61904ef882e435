-- The way of rows from an adopted table to what is derived from spans: it keeps nothing, the views on it do.
-- Parameters: none. Cost: none when it exists.
CREATE TABLE IF NOT EXISTS adopted_spans (
  Timestamp DateTime64(9),
  SpanKey UInt64,
  ParentKey UInt64,
  LinkKeys Array(UInt64),
  Kind Enum8('Unspecified' = 0, 'Internal' = 1, 'Server' = 2, 'Client' = 3, 'Producer' = 4, 'Consumer' = 5),
  Proxy UInt8,
  Outcome Enum8('ok' = 0, 'degraded' = 1, 'failed' = 2, 'cancelled' = 3),
  ResponseCode Int16,
  Duration UInt64,
  Tenant LowCardinality(String),
  Cluster LowCardinality(String),
  Namespace LowCardinality(String),
  Service LowCardinality(String),
  Version LowCardinality(String),
  Instance LowCardinality(String),
  Node LowCardinality(String),
  Operation LowCardinality(String),
  Protocol LowCardinality(String),
  Peer LowCardinality(String),
  PeerKind Enum8('' = 0, 'service' = 1, 'database' = 2, 'messaging' = 3, 'external' = 4),
  ResponseFlags LowCardinality(String),
  ResourceAttributes Map(LowCardinality(String), String)
) ENGINE = Null
