-- The gauges of a mesh in each 10-second bucket, by edge and reporting instance: connections, pending requests, healthy hosts, circuit breakers.
-- Parameters: tenant (String), from, to (DateTime, starts of buckets), measures (Array(String)).
-- Row: bucket, the columns of an edge, instance, last and highest: sums over the instance's series (one subset of hosts each) of the last and of
--   the highest value in the bucket; of circuit breakers last and highest are 1 when any of an instance's is open.
-- Cost: reads the tenant's points of the window.
SELECT bucket, measure, instance, src_cluster, src_namespace, src_service, src_version, dst_cluster, dst_namespace, dst_service, subset,
  if(measure = 'circuit_breaker_open', max(series_last), sum(series_last)) AS last,
  if(measure = 'circuit_breaker_open', max(series_highest), sum(series_highest)) AS highest
FROM (
  SELECT SeriesKey, toUnixTimestamp(toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND)) AS bucket,
    any(Measure) AS measure, any(Instance) AS instance, any(SrcCluster) AS src_cluster, any(SrcNamespace) AS src_namespace,
    any(SrcService) AS src_service, any(SrcVersion) AS src_version, any(DstCluster) AS dst_cluster, any(DstNamespace) AS dst_namespace,
    any(DstService) AS dst_service, any(Subset) AS subset,
    argMax(Value, Timestamp) AS series_last, max(Value) AS series_highest
  FROM mesh_points
  WHERE Tenant = {tenant:String} AND Measure IN {measures:Array(String)} AND Kind = 'gauge'
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
  GROUP BY SeriesKey, bucket
)
GROUP BY bucket, measure, instance, src_cluster, src_namespace, src_service, src_version, dst_cluster, dst_namespace, dst_service, subset
ORDER BY bucket, measure, instance, dst_service
