-- What pairing plans by. LongestNs: the longest span of the bucket, whose children may lie in later ones; ProducerCount: messages sent, whose
-- consumers may come later still. PairedLogs, PairedPoints: rows of access logs and mesh metrics that the graph used (PairedRows: of spans).
ALTER TABLE arrivals
  ADD COLUMN LongestNs SimpleAggregateFunction(max, UInt64),
  ADD COLUMN ProducerCount SimpleAggregateFunction(sum, UInt64);

-- New views and then the old ones away: what comes between is counted twice, which only makes its bucket due once more. (MODIFY QUERY leaves
-- the view another identity until the server starts again, and then an insert repeated over the restart is not known as such.)
CREATE MATERIALIZED VIEW span_arrivals TO arrivals AS
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp, max(Duration) AS LongestNs, countIf(SpanKind = 'Producer') AS ProducerCount
FROM spans GROUP BY Tenant, Bucket;
DROP VIEW IF EXISTS span_arrivals_view;

CREATE MATERIALIZED VIEW adopted_span_arrivals TO arrivals AS
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp, max(Duration) AS LongestNs, countIf(SpanKind = 'Producer') AS ProducerCount
FROM adopted_spans GROUP BY Tenant, Bucket;
DROP VIEW IF EXISTS adopted_span_arrivals_view;

ALTER TABLE analyzed_buckets
  ADD COLUMN PairedLogs UInt64,
  ADD COLUMN PairedPoints UInt64;
