-- What pairing plans by. LongestNs: the longest span of the bucket, whose children may lie in later ones; ProducerCount: messages sent, whose
-- consumers may come later still. PairedLogs, PairedPoints: rows of access logs and mesh metrics that the graph used (PairedRows: of spans).
ALTER TABLE arrivals
  ADD COLUMN LongestNs SimpleAggregateFunction(max, UInt64),
  ADD COLUMN ProducerCount SimpleAggregateFunction(sum, UInt64);

ALTER TABLE span_arrivals_view MODIFY QUERY
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp, max(Duration) AS LongestNs, countIf(SpanKind = 'Producer') AS ProducerCount
FROM spans GROUP BY Tenant, Bucket;

ALTER TABLE adopted_span_arrivals_view MODIFY QUERY
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp, max(Duration) AS LongestNs, countIf(SpanKind = 'Producer') AS ProducerCount
FROM adopted_spans GROUP BY Tenant, Bucket;

ALTER TABLE analyzed_buckets
  ADD COLUMN PairedLogs UInt64,
  ADD COLUMN PairedPoints UInt64;
