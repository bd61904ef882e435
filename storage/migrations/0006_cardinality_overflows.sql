-- Names past a tenant's limits, counted by the engine from the rows that carry OVERFLOW_NAME of model/names.ts, so that nothing counts
-- twice and a row that was read again from Kafka is not counted again. Service: whose version, instance or operation it was, '' otherwise.
-- Sample: one name as it was sent, where a column of its own tells it (service.name, the span's name).
CREATE TABLE cardinality_overflows (
  Tenant LowCardinality(String),
  Hour DateTime,
  Dimension LowCardinality(String),
  Service LowCardinality(String),
  RowCount SimpleAggregateFunction(sum, UInt64),
  Sample SimpleAggregateFunction(any, String),
  LastSeen SimpleAggregateFunction(max, DateTime)
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(Hour)
ORDER BY (Tenant, Hour, Dimension, Service)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW span_overflows_view TO cardinality_overflows AS
SELECT Tenant, Hour, overflow.1 AS Dimension, overflow.2 AS Service, count() AS RowCount, any(overflow.3) AS Sample,
  toDateTime(max(At)) AS LastSeen
FROM (
  SELECT Tenant, toStartOfHour(toDateTime(Timestamp)) AS Hour, Timestamp AS At,
    arrayFilter(d -> d.4, [
      ('cluster', '', '', Cluster = '__overflow__'),
      ('namespace', '', '', Namespace = '__overflow__'),
      ('service', '', toString(ServiceName), Service = '__overflow__'),
      ('version', toString(Service), '', Version = '__overflow__'),
      ('instance', toString(Service), '', Instance = '__overflow__'),
      ('node', '', '', Node = '__overflow__'),
      ('operation', toString(Service), toString(SpanName), Operation = '__overflow__'),
      ('peer', '', '', Peer = '__overflow__'),
      ('response_flags', '', '', ResponseFlags = '__overflow__')]) AS overflows
  FROM spans
  WHERE Cluster = '__overflow__' OR Namespace = '__overflow__' OR Service = '__overflow__' OR Version = '__overflow__'
    OR Instance = '__overflow__' OR Node = '__overflow__' OR Operation = '__overflow__' OR Peer = '__overflow__'
    OR ResponseFlags = '__overflow__'
) ARRAY JOIN overflows AS overflow
GROUP BY Tenant, Hour, Dimension, Service;

CREATE MATERIALIZED VIEW log_overflows_view TO cardinality_overflows AS
SELECT Tenant, Hour, overflow.1 AS Dimension, overflow.2 AS Service, count() AS RowCount, any(overflow.3) AS Sample,
  toDateTime(max(At)) AS LastSeen
FROM (
  SELECT Tenant, toStartOfHour(toDateTime(Timestamp)) AS Hour, Timestamp AS At,
    arrayFilter(d -> d.4, [
      ('cluster', '', '', Cluster = '__overflow__'),
      ('namespace', '', '', Namespace = '__overflow__'),
      ('service', '', toString(ServiceName), Service = '__overflow__'),
      ('version', toString(Service), '', Version = '__overflow__'),
      ('instance', toString(Service), '', Instance = '__overflow__'),
      ('node', '', '', Node = '__overflow__')]) AS overflows
  FROM logs
  WHERE Cluster = '__overflow__' OR Namespace = '__overflow__' OR Service = '__overflow__' OR Version = '__overflow__'
    OR Instance = '__overflow__' OR Node = '__overflow__'
) ARRAY JOIN overflows AS overflow
GROUP BY Tenant, Hour, Dimension, Service;

CREATE MATERIALIZED VIEW metric_overflows_view TO cardinality_overflows AS
SELECT Tenant, Hour, overflow.1 AS Dimension, overflow.2 AS Service, count() AS RowCount, any(overflow.3) AS Sample,
  toDateTime(max(At)) AS LastSeen
FROM (
  SELECT Tenant, toStartOfHour(toDateTime(Timestamp)) AS Hour, Timestamp AS At,
    arrayFilter(d -> d.4, [
      ('cluster', '', '', Cluster = '__overflow__'),
      ('namespace', '', '', Namespace = '__overflow__'),
      ('service', '', toString(ResourceAttributes['service.name']), Service = '__overflow__'),
      ('version', toString(Service), '', Version = '__overflow__'),
      ('instance', toString(Service), '', Instance = '__overflow__'),
      ('node', '', '', Node = '__overflow__')]) AS overflows
  FROM metrics_numbers
  WHERE Cluster = '__overflow__' OR Namespace = '__overflow__' OR Service = '__overflow__' OR Version = '__overflow__'
    OR Instance = '__overflow__' OR Node = '__overflow__'
) ARRAY JOIN overflows AS overflow
GROUP BY Tenant, Hour, Dimension, Service;
