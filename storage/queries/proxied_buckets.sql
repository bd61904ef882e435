-- Spans of some buckets and a minute around them, where both proxies and applications tell of calls; no rows where either does not.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open).
-- Row: bucket (unix s), spans (all tenants), longest_ns.
-- Cost: one row a bucket, tenant and unmerged part. The first span of either sort ends its search; where there is none, one narrow column of
--   the range is read.
SELECT toUnixTimestamp(Bucket) AS bucket, sum(RowCount) AS spans, max(LongestNs) AS longest_ns
FROM arrivals
WHERE Signal = 'spans' AND Bucket >= {from:DateTime} - INTERVAL 60 SECOND AND Bucket < {to:DateTime} + INTERVAL 60 SECOND
  AND (
    SELECT count() FROM (
      SELECT 1 FROM span_edges
      WHERE Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND Proxy = 1 AND Kind IN ('Client', 'Server') LIMIT 1)
  ) > 0
  AND (
    SELECT count() FROM (
      SELECT 1 FROM span_edges
      WHERE Timestamp >= {from:DateTime} - INTERVAL 10 SECOND AND Timestamp < {to:DateTime} + INTERVAL 60 SECOND
        AND Proxy = 0 AND Kind IN ('Client', 'Server') LIMIT 1)
  ) > 0
GROUP BY bucket
