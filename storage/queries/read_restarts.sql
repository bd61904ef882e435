-- Which instances had containers that restarted in the fault's window, whoever is blamed, for localization.
-- Parameters: tenant (String), from, to (DateTime).
-- Row: instance, restarts (of one container, the largest).
-- Cost: reads two metric names over the window's minutes; only instances that restarted, at most 1000.
SELECT instance, max(added) AS restarts
FROM (
  SELECT coalesce(nullIf(Attributes['exported_pod'], ''), nullIf(Attributes['pod'], ''), toString(Instance)) AS instance,
    coalesce(nullIf(Attributes['exported_container'], ''), nullIf(Attributes['container'], ''), ResourceAttributes['k8s.container.name']) AS container,
    max(Value) - min(Value) AS added
  FROM metrics_numbers
  WHERE Tenant = {tenant:String} AND MetricName IN ('k8s.container.restarts', 'kube_pod_container_status_restarts_total')
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
    AND isFinite(Value)
  GROUP BY instance, container
)
GROUP BY instance
HAVING restarts >= 1
ORDER BY restarts DESC
LIMIT 1000
