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
    SELECT any(named) AS instance, any(level) AS metric, any(of_container) AS container,
      avgIf(v, t >= {at:DateTime} - INTERVAL 30 SECOND) AS one_now,
      quantilesIf(0.25, 0.5, 0.75)(v, t < {at:DateTime} - INTERVAL 60 SECOND) AS quartiles,
      quartiles[2] AS one_usual, quartiles[1] AS one_low, quartiles[3] AS one_high,
      countIf(t < {at:DateTime} - INTERVAL 60 SECOND) AS one_points,
      arraySort(groupArrayIf((t, v), is_counter)) AS counted,
      arrayMap((p, b, i) -> (p.1, multiIf(i = 1, 0., p.2 >= b.2, p.2 - b.2, p.2)), counted, arraySlice(arrayPushFront(counted, (toDateTime64(0, 9), 0.)), 1, length(counted)),
        arrayEnumerate(counted)) AS added,
      arraySum(p -> if(p.1 >= {at:DateTime} - INTERVAL 300 SECOND, p.2, 0.), added) AS rise,
      arraySum(p -> if(p.1 >= {at:DateTime} - INTERVAL 30 SECOND, p.2, 0.), added) AS recent
    FROM (
      SELECT multiIf(Attributes['exported_pod'] != '', Attributes['exported_pod'], Attributes['pod'] != '', Attributes['pod'], toString(Instance)) AS named,
        if(is_counter, multiIf(Attributes['exported_container'] != '', Attributes['exported_container'], Attributes['container'] != '', Attributes['container'],
          ResourceAttributes['k8s.container.name']), '') AS of_container,
        MetricName IN ('k8s.container.restarts', 'kube_pod_container_status_restarts_total') AS is_counter,
        if(is_counter, toLowCardinality('k8s.container.restarts'), MetricName) AS level,
        if(is_counter, 0, cityHash64(Attributes['partition'], Attributes['topic'], Attributes['group'], Attributes['messaging.destination.name'],
          ResourceAttributes['k8s.container.name'])) AS series,
        Timestamp AS t, Value AS v
      FROM metrics_numbers
      WHERE Tenant = {tenant:String} AND MetricName IN arrayConcat({metrics:Array(String)},
          ['k8s.container.restarts', 'kube_pod_container_status_restarts_total'])
        AND toStartOfMinute(Timestamp) >= toStartOfMinute({at:DateTime} - INTERVAL 600 SECOND)
        AND Timestamp >= {at:DateTime} - INTERVAL 600 SECOND AND Timestamp < {at:DateTime} AND isFinite(Value)
    )
    GROUP BY cityHash64(named, cityHash64(level), of_container, series)
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
