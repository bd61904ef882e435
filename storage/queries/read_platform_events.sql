-- Kubernetes events of a window, by object and reason, for localization.
-- Parameters: tenant (String), from, to (DateTime). Row: kind, name, reason, message (one of them), events.
-- Cost: scans the attributes of the window's log records; at most 1000 rows.
SELECT ResourceAttributes['k8s.object.kind'] AS kind, ResourceAttributes['k8s.object.name'] AS name,
  LogAttributes['k8s.event.reason'] AS reason, any(Body) AS message, count() AS events
FROM logs
WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime})
  AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND LogAttributes['k8s.event.reason'] != ''
GROUP BY kind, name, reason
ORDER BY events DESC
LIMIT 1000
