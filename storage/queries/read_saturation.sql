-- How full, throttled, behind and restarted the instances of services are, just before a time, against the ten minutes before it: for detection.
-- Parameters: tenant (String), at (DateTime: points before it), metrics (Array(String): levels).
-- Row: cluster, namespace, service, version, instance (all but instance '' where no span named the instance), metric, container,
--   now (average of the last 30 s), usual (median of the nine minutes before), low, high (its quartiles), points (that taught it), restarts
--   (rise over the last five minutes), last (rise over the last 30 s).
-- kube-state-metrics names pod and container as labels. A counter that began anew counts from nothing.
-- Cost: a few metric names over ten minutes, by the primary key; 20,000 rows at most.
SELECT any(home.Cluster) AS cluster, any(home.Namespace) AS namespace, any(home.Service) AS service, any(home.Version) AS version,
  told.instance AS instance, told.metric AS metric, told.container AS container,
  any(told.now) AS now, any(told.usual) AS usual, any(told.low) AS low, any(told.high) AS high, any(told.points) AS points,
  any(told.restarts) AS restarts, any(told.last) AS last
FROM (
  SELECT instance, metric, container, max(one_now) AS now, max(one_usual) AS usual, max(one_low) AS low, max(one_high) AS high,
    max(one_points) AS points, max(rise) AS restarts, max(recent) AS last
  FROM (
    SELECT instance, metric, container,
      avgIf(v, t >= {at:DateTime} - INTERVAL 30 SECOND) AS one_now,
      quantileIf(0.5)(v, t < {at:DateTime} - INTERVAL 60 SECOND) AS one_usual,
      quantileIf(0.25)(v, t < {at:DateTime} - INTERVAL 60 SECOND) AS one_low,
      quantileIf(0.75)(v, t < {at:DateTime} - INTERVAL 60 SECOND) AS one_high,
      countIf(t < {at:DateTime} - INTERVAL 60 SECOND) AS one_points,
      sumIf(added, is_counter AND t >= {at:DateTime} - INTERVAL 300 SECOND) AS rise,
      sumIf(added, is_counter AND t >= {at:DateTime} - INTERVAL 30 SECOND) AS recent
    FROM (
      SELECT instance, metric, container, series, t, v, is_counter,
        lagInFrame(toNullable(v)) OVER (PARTITION BY instance, metric, container, series ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
        multiIf(isNull(before), 0., v >= before, v - before, v) AS added
      FROM (
        SELECT coalesce(nullIf(Attributes['exported_pod'], ''), nullIf(Attributes['pod'], ''), Instance) AS instance,
          if(is_counter, coalesce(nullIf(Attributes['exported_container'], ''), nullIf(Attributes['container'], ''),
            ResourceAttributes['k8s.container.name']), '') AS container,
          MetricName IN ('k8s.container.restarts', 'kube_pod_container_status_restarts_total') AS is_counter,
          if(is_counter, 'k8s.container.restarts', toString(MetricName)) AS metric,
          if(is_counter, 0, cityHash64(Attributes['partition'], Attributes['topic'], Attributes['group'], Attributes['messaging.destination.name'],
            ResourceAttributes['k8s.container.name'])) AS series,
          Timestamp AS t, Value AS v
        FROM metrics_numbers
        WHERE Tenant = {tenant:String} AND MetricName IN arrayConcat({metrics:Array(String)},
            ['k8s.container.restarts', 'kube_pod_container_status_restarts_total'])
          AND toStartOfMinute(Timestamp) >= toStartOfMinute({at:DateTime} - INTERVAL 600 SECOND)
          AND Timestamp >= {at:DateTime} - INTERVAL 600 SECOND AND Timestamp < {at:DateTime} AND isFinite(Value)
      )
    )
    GROUP BY instance, metric, container, series
  )
  GROUP BY instance, metric, container
  HAVING restarts > 0 OR now > usual
) AS told
LEFT JOIN (
  SELECT Cluster, Namespace, Service, Version, Instance FROM entities WHERE Tenant = {tenant:String} AND Instance != ''
  ORDER BY LastSeen DESC LIMIT 1 BY Instance
) AS home ON home.Instance = told.instance
WHERE instance != ''
GROUP BY instance, metric, container
ORDER BY instance, metric, container
LIMIT 20000
SETTINGS join_use_nulls = 0
