-- The edges of a window's buckets that other sources than spans tell of, and which source speaks for each service without spans; a part of other
-- statements. Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts).
-- Gives: first_bucket, last_bucket, edges (rows of edge_buckets, none where spans alone tell), told (at_cluster, at_namespace, at_service, teller, is_callee).
-- Cost: reads only where there are other sources.
  least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})) AS first_bucket,
  greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) AS last_bucket,
  (SELECT count() FROM edge_buckets
    WHERE Tenant = {tenant:String} AND Bucket >= first_bucket AND Bucket <= last_bucket AND Source != 'spans') > 0 AS is_told,
  edges AS (
    SELECT * FROM edge_buckets
    WHERE is_told AND Tenant = {tenant:String} AND Bucket >= first_bucket AND Bucket <= last_bucket
      AND (has({fault:Array(DateTime)}, Bucket) OR has({baseline:Array(DateTime)}, Bucket))
  ),
  -- The source of each service that has no spans, and whether it tells of the callee's side.
  told AS (
    SELECT DstCluster AS at_cluster, DstNamespace AS at_namespace, DstService AS at_service,
      if(maxIf(calls, Source = 'access_logs') >= 0.98 * max(calls), 'access_logs', 'metrics') AS teller,
      if(teller = 'metrics', maxIf(callee_calls, Source = 'metrics'), maxIf(callee_calls, Source = 'access_logs')) > 0 AS is_callee
    FROM (
      SELECT Source, DstCluster, DstNamespace, DstService, sum(CalleeCalls) AS callee_calls, greatest(callee_calls, sum(CallerCalls)) AS calls
      FROM edges
      WHERE Source != 'spans' AND DstKind = 'service' AND DstService != ''
        AND (DstCluster, DstNamespace, DstService) NOT IN (
          SELECT Cluster, Namespace, Service FROM operation_buckets
          WHERE Tenant = {tenant:String} AND Bucket >= first_bucket AND Bucket <= last_bucket)
      GROUP BY Source, DstCluster, DstNamespace, DstService
    )
    GROUP BY at_cluster, at_namespace, at_service
  )
