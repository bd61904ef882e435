-- Who calls whom, as the service graph's metrics tell (`traces_service_graph_request_total`), over the ranges in question.
-- Parameters: those of service_metric_points.sql.
-- Row: client, server, calls (0: only that there are some). Callers without a name are left out.
-- Cost: that of service_metric_points.sql, one row a pair.
WITH
named AS (SELECT 'traces_service_graph_request_total' AS name)
SELECT a['client'] AS client, a['server'] AS server, sum(arraySum(rises.2)) AS calls
FROM ({{service_metric_points}}) AS points
WHERE a['client'] != '' AND a['server'] != '' AND a['client'] != a['server']
GROUP BY client, server
HAVING sum(length(rises)) > 0
ORDER BY client, server
