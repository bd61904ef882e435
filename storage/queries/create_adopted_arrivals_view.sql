-- arrivals of adopted rows, as span_arrivals_view for our own. Parameters: none. Cost: none when it exists.
CREATE MATERIALIZED VIEW IF NOT EXISTS adopted_arrivals_view TO arrivals AS
SELECT Tenant, 'spans' AS Signal, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND) AS Bucket, count() AS RowCount,
  toDateTime64(max(Timestamp), 3) AS LastTimestamp
FROM adopted_spans GROUP BY Tenant, Bucket
