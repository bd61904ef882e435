-- How many span rows have arrived for each recent 10-second bucket, and how many the analyzer has used.
-- Parameters: since (DateTime), until (DateTime: buckets after it are clocks gone wrong).
-- Row: tenant, bucket (unix s), arrived, analyzed (rows; 0 = never analysed), last_ms (unix ms of the newest span).
-- Cost: one row a bucket, tenant and unmerged part.
SELECT tenant, bucket, sum(arrived_rows) AS arrived, sum(analyzed_rows) AS analyzed, max(last) AS last_ms
FROM (
  SELECT Tenant AS tenant, toUnixTimestamp(Bucket) AS bucket, sum(RowCount) AS arrived_rows, 0 AS analyzed_rows,
    toUnixTimestamp64Milli(max(LastTimestamp)) AS last
  FROM arrivals
  WHERE Signal = 'spans' AND Bucket >= {since:DateTime} AND Bucket <= {until:DateTime}
  GROUP BY Tenant, Bucket
  UNION ALL
  SELECT Tenant, toUnixTimestamp(Bucket), 0, argMax(RowCount, Revision), 0
  FROM analyzed_buckets
  WHERE Bucket >= {since:DateTime} AND Bucket <= {until:DateTime}
  GROUP BY Tenant, Bucket
)
GROUP BY tenant, bucket
HAVING arrived > 0
ORDER BY tenant, bucket
