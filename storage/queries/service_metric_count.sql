-- How many points the metrics of services' requests have in a range: what reading them costs.
-- Parameters: tenant (String), start, end (Float64: unix seconds, range (start, end]).
-- Row: points.
-- Cost: reads names and times of the named metrics only.
WITH
named AS ({{service_metric_names}})
SELECT sum(points) AS points
FROM (
  SELECT count() AS points
  FROM metrics_numbers
  WHERE Tenant = {tenant:String} AND MetricName IN (SELECT name FROM named)
    AND Timestamp > toDateTime64({start:Float64}, 3) AND Timestamp <= toDateTime64({end:Float64}, 3)
    AND toStartOfMinute(Timestamp) >= toDateTime({start:Float64} - 60) AND toStartOfMinute(Timestamp) <= toDateTime({end:Float64})
  UNION ALL
  SELECT count() AS points
  FROM metrics_distributions
  WHERE Tenant = {tenant:String} AND MetricName IN (SELECT name FROM named)
    AND Timestamp > toDateTime64({start:Float64}, 3) AND Timestamp <= toDateTime64({end:Float64}, 3)
    AND toStartOfMinute(Timestamp) >= toDateTime({start:Float64} - 60) AND toStartOfMinute(Timestamp) <= toDateTime({end:Float64})
)
