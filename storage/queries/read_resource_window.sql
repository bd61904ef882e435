-- Resource figures of instances over the fault's and the baseline's buckets, for localization.
-- Parameters: tenant (String), instances (Array(String)), fault, baseline (Array(DateTime): bucket starts).
-- Row: side (1 fault, 0 baseline), instance, metric, average, rise (last minus first of each container, the largest),
--   seconds (between first and last point, at least 1).
-- Cost: reads five metric names over the named minutes.
SELECT side, instance, metric, max(one_average) AS average, max(one_rise) AS rise, max(one_seconds) AS seconds
FROM (
  SELECT toUInt8(has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))) AS side,
    Instance AS instance, MetricName AS metric, ResourceAttributes['k8s.container.name'] AS container,
    avg(Value) AS one_average, argMax(Value, Timestamp) - argMin(Value, Timestamp) AS one_rise,
    greatest(1, dateDiff('second', min(Timestamp), max(Timestamp))) AS one_seconds
  FROM metrics_numbers
  WHERE Tenant = {tenant:String}
    AND MetricName IN ('k8s.pod.cpu_limit_utilization', 'k8s.container.cpu_limit_utilization', 'k8s.container.memory_limit_utilization',
      'k8s.container.restarts', 'container.cpu.throttling_data.throttled_time')
    AND toStartOfMinute(Timestamp) >= toStartOfMinute(least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})))
    AND Timestamp < greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) + INTERVAL 10 SECOND
    AND (has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
      OR has({baseline:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND)))
    AND Instance IN {instances:Array(String)}
  GROUP BY side, instance, metric, container
)
GROUP BY side, instance, metric
