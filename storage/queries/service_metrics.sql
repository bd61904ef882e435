-- Requests, failures and time of services as metrics tell them, in windows of equal length: RED metrics of applications and Collectors.
-- Parameters: those of service_metric_points.sql; origin (Float64: unix seconds where window 0 begins), length_seconds (Float64).
-- Row: window ((t - origin) / length, points at its end belong to it), cluster, namespace, service, requests, failed, total_ms.
--   One source a service: its own server metrics, else span metrics (server and consumer spans), else the callee's side of the service graph.
-- Cost: that of service_metric_points.sql, one row a service and window.
WITH
named AS ({{service_metric_names}}),
series AS (
  SELECT source, part, rises,
    if(source = 'graph', '', coalesce(nullIf(a['k8s_cluster_name'], ''), cluster)) AS at_cluster,
    if(source = 'graph', '', coalesce(nullIf(a['k8s_namespace_name'], ''), namespace)) AS at_namespace,
    multiIf(source = 'graph', a['server'], source = 'spans', coalesce(nullIf(a['service_name'], ''), nullIf(a['service'], ''), service), service) AS at_service,
    coalesce(nullIf(a['http_response_status_code'], ''), a['http_status_code']) AS status,
    multiIf(part = 'failed', false, source = 'spans', endsWith(a['status_code'], 'ERROR'), source = 'graph', a['failed'] = 'true',
      status != '', status >= '500' AND length(status) = 3,
      a['rpc_grpc_status_code'] != '', a['rpc_grpc_status_code'] IN ('2', '4', '12', '13', '14', '15'),
      a['error_type'] != '') AS is_failed,
    1000 * multiIf(seconds > 0, seconds, unit = 's', 1., unit = 'us', 1e-6, unit = 'ns', 1e-9, 0.001) AS unit_ms
  FROM ({{service_metric_points}}) AS points
  INNER JOIN named ON points.name = named.name
  WHERE (source != 'spans' OR a['span_kind'] IN ('', 'SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER')) AND at_service != ''
)
SELECT window, at_cluster AS cluster, at_namespace AS namespace, at_service AS service, requests, failed, total_ms
FROM (
  SELECT *, indexOf(['server', 'spans', 'graph'], source) AS place, min(place) OVER (PARTITION BY at_service) AS best
  FROM (
    SELECT toInt64(ceil((rise.1 - {origin:Float64}) / {length_seconds:Float64})) - 1 AS window, at_cluster, at_namespace, at_service, source,
      sumIf(rise.2, part IN ('both', 'calls', 'count')) AS requests,
      sumIf(rise.2, part = 'failed' OR (is_failed AND part IN ('both', 'calls', 'count'))) AS failed,
      sumIf(unit_ms * if(part = 'sum', rise.2, rise.3), part IN ('both', 'time', 'sum')) AS total_ms
    FROM series
    ARRAY JOIN rises AS rise
    GROUP BY window, at_cluster, at_namespace, at_service, source
    HAVING requests > 0
  )
)
WHERE place = best
ORDER BY service, window
