-- How many requests each edge usually has in an hour like this one: the median over the same hour of earlier days.
-- Parameters: tenant (String), hours (Array(DateTime): starts), min_days (UInt8).
-- Row: src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service, requests (of an hour, of the
--   source that saw most). Edges seen on fewer days are left out.
-- Cost: the named hours of edge_hours without histograms; one row an edge.
WITH held AS (
  SELECT Hour, argMax(Revision, Stamp) AS holding FROM hour_rollups WHERE Hour IN {hours:Array(DateTime)} GROUP BY Hour HAVING holding != 0
)
SELECT src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service,
  quantileExact(0.5)(in_hour) AS requests
FROM (
  SELECT Hour, src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service, max(by_source) AS in_hour
  FROM (
    SELECT Hour, Source, toString(SrcKind) AS src_kind, SrcCluster AS src_cluster, SrcNamespace AS src_namespace, SrcService AS src_service,
      toString(DstKind) AS dst_kind, DstCluster AS dst_cluster, DstNamespace AS dst_namespace, DstService AS dst_service,
      greatest(sum(CallerCalls), sum(CalleeCalls)) AS by_source
    FROM edge_hours
    WHERE Tenant = {tenant:String} AND Hour IN {hours:Array(DateTime)} AND (Hour, Revision) IN (SELECT Hour, holding FROM held)
    GROUP BY Hour, Source, src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service
  )
  GROUP BY Hour, src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service
)
GROUP BY src_kind, src_cluster, src_namespace, src_service, dst_kind, dst_cluster, dst_namespace, dst_service
HAVING count() >= {min_days:UInt8}
