-- How many rows have arrived for each recent 10-second bucket, and how many the graph and the analyzer have used.
-- Parameters: since (DateTime), until (DateTime: buckets after it are clocks gone wrong).
-- Row: tenant, bucket (unix s); spans, logs, points (rows that have arrived); paired_spans, paired_logs, paired_points (rows that the graph
--   used), analyzed (rows that the analysis used; 0 = never); last_span_ms, last_log_ms, last_point_ms (unix ms of the newest, 0 = none);
--   longest_ns (longest span), producers (spans that sent a message).
-- Cost: one row a bucket, tenant, signal and unmerged part.
SELECT tenant, bucket,
  sum(span_rows) AS spans, sum(log_rows) AS logs, sum(point_rows) AS points,
  sum(used_spans) AS paired_spans, sum(used_logs) AS paired_logs, sum(used_points) AS paired_points, sum(analyzed_rows) AS analyzed,
  max(span_ms) AS last_span_ms, max(log_ms) AS last_log_ms, max(point_ms) AS last_point_ms, max(longest) AS longest_ns, sum(sent) AS producers
FROM (
  SELECT Tenant AS tenant, toUnixTimestamp(Bucket) AS bucket,
    sumIf(RowCount, Signal = 'spans') AS span_rows, sumIf(RowCount, Signal = 'access_logs') AS log_rows, sumIf(RowCount, Signal = 'mesh_points') AS point_rows,
    0 AS used_spans, 0 AS used_logs, 0 AS used_points, 0 AS analyzed_rows,
    if(span_rows = 0, 0, toUnixTimestamp64Milli(maxIf(LastTimestamp, Signal = 'spans'))) AS span_ms,
    if(log_rows = 0, 0, toUnixTimestamp64Milli(maxIf(LastTimestamp, Signal = 'access_logs'))) AS log_ms,
    if(point_rows = 0, 0, toUnixTimestamp64Milli(maxIf(LastTimestamp, Signal = 'mesh_points'))) AS point_ms,
    max(LongestNs) AS longest, sum(ProducerCount) AS sent
  FROM arrivals
  WHERE Signal IN ('spans', 'access_logs', 'mesh_points') AND Bucket >= {since:DateTime} AND Bucket <= {until:DateTime}
  GROUP BY Tenant, Bucket
  UNION ALL
  SELECT Tenant, toUnixTimestamp(Bucket), 0, 0, 0, argMax(PairedRows, Revision), argMax(PairedLogs, Revision), argMax(PairedPoints, Revision),
    argMax(RowCount, Revision), 0, 0, 0, 0, 0
  FROM analyzed_buckets
  WHERE Bucket >= {since:DateTime} AND Bucket <= {until:DateTime}
  GROUP BY Tenant, Bucket
)
GROUP BY tenant, bucket
HAVING spans + logs + points > 0
ORDER BY tenant, bucket
