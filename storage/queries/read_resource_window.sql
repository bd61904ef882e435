-- Resource figures of instances over the fault's and the baseline's buckets, for localization.
-- Parameters: tenant (String), instances (Array(String)), fault, baseline (Array(DateTime): bucket starts).
-- The names are those of the Collector's kubeletstats and k8s_cluster receivers; cAdvisor and kube-state-metrics say the same under others, in
--   other units, with pod and container as labels: read as what they mean, utilization worked out from use and limit.
-- Row: side (1 fault, 0 baseline), instance, metric, average, most (the highest point), rise (of one container, the largest), seconds (between first and last point,
--   at least 1). A rise adds up what was added between points, so a counter that began anew in the window has its true rise, not a negative one;
--   delta sums count as they are.
-- Cost: reads thirteen metric names over the named minutes.
WITH
points AS (
  SELECT toUInt8(has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))) AS side,
    coalesce(nullIf(Attributes['exported_pod'], ''), nullIf(Attributes['pod'], ''), Instance) AS instance,
    coalesce(nullIf(Attributes['exported_container'], ''), nullIf(Attributes['container'], ''), ResourceAttributes['k8s.container.name']) AS container,
    MetricName AS name, Attributes['resource'] AS resource,
    -- What changes when a container starts anew, or tells two scrapers apart, does not make another series.
    cityHash64(toString(mapSort(mapFilter((k, v) -> k NOT IN ('id', 'image', 'name', 'uid', 'job', 'instance', 'endpoint', 'service',
      'metrics_path', 'prometheus_replica', '__replica__'), Attributes)))) AS series,
    Timestamp AS t, Value AS v, Kind AS kind
  FROM metrics_numbers
  WHERE Tenant = {tenant:String}
    AND MetricName IN ('k8s.pod.cpu_limit_utilization', 'k8s.container.cpu_limit_utilization', 'k8s.container.memory_limit_utilization',
      'k8s.container.restarts', 'container.cpu.throttling_data.throttled_time',
      'kube_pod_container_status_restarts_total', 'container_cpu_cfs_throttled_seconds_total', 'container_cpu_usage_seconds_total',
      'container_memory_working_set_bytes', 'kube_pod_container_resource_limits',
      'container.memory.working_set', 'k8s.pod.memory.working_set', 'k8s.pod.filesystem.usage')
    AND toStartOfMinute(Timestamp) >= toStartOfMinute(least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})))
    AND Timestamp < greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) + INTERVAL 10 SECOND
    AND (has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
      OR has({baseline:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND)))
    AND instance IN {instances:Array(String)} AND isFinite(Value)
),
figures AS (
  SELECT side, instance, container, name, resource, avg(v) AS average, max(v) AS most, sum(added) AS rise,
    greatest(1, dateDiff('second', min(t), max(t))) AS seconds
  FROM (
    SELECT side, instance, container, name, resource, series, t, v,
      lagInFrame(toNullable(v)) OVER earlier AS before,
      multiIf(kind = 'delta', v, isNull(before), 0., v >= before, v - before, v) AS added
    FROM points
    WINDOW earlier AS (PARTITION BY side, instance, container, name, series ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
  )
  GROUP BY side, instance, container, name, resource, series
)
SELECT side, instance, metric, max(one_average) AS average, max(one_most) AS most, max(one_rise) AS rise, max(one_seconds) AS seconds
FROM (
  SELECT side, instance,
    transform(name, ['kube_pod_container_status_restarts_total', 'container_cpu_cfs_throttled_seconds_total'],
      ['k8s.container.restarts', 'container.cpu.throttling_data.throttled_time'], name) AS metric,
    if(name = 'container_cpu_cfs_throttled_seconds_total', 1e9, 1.) AS unit,
    average * unit AS one_average, most * unit AS one_most, rise * unit AS one_rise, seconds AS one_seconds
  FROM figures
  WHERE name NOT IN ('container_cpu_usage_seconds_total', 'container_memory_working_set_bytes', 'kube_pod_container_resource_limits')
  UNION ALL
  SELECT used.side AS side, used.instance AS instance,
    if(used.name = 'container_cpu_usage_seconds_total', 'k8s.container.cpu_limit_utilization', 'k8s.container.memory_limit_utilization') AS metric,
    1. AS unit,
    if(used.name = 'container_cpu_usage_seconds_total', used.rise / used.seconds, used.average) / limits.most AS one_average,
    if(used.name = 'container_cpu_usage_seconds_total', one_average, used.most / limits.most) AS one_most,
    0. AS one_rise, used.seconds AS one_seconds
  FROM figures AS used
  INNER JOIN (
    SELECT side, instance, container,
      if(resource = 'cpu', 'container_cpu_usage_seconds_total', 'container_memory_working_set_bytes') AS limited, max(average) AS most
    FROM figures
    WHERE name = 'kube_pod_container_resource_limits' AND resource IN ('cpu', 'memory') AND average > 0
    GROUP BY side, instance, container, resource
  ) AS limits ON used.side = limits.side AND used.instance = limits.instance AND used.container = limits.container AND used.name = limits.limited
)
GROUP BY side, instance, metric
