-- How much the counters and histograms of a mesh rose in each 10-second bucket, by edge, reporter and status.
-- Parameters: tenant (String), from, to (DateTime, starts of buckets), measures (Array(String)), reach_seconds (UInt32), back_seconds and ahead_seconds
--   (UInt32): how far before and after the window points may matter, at most reach_seconds (mesh_reach.sql tells).
-- A cumulative series is differenced point by point, in the order of their times, whenever they came; points of one time count once.
--   A value that fell, or a start time between two points, is a reset: the point counts whole. The first point of a series counts only where its
--   start time is known and within reach; points further apart than that say nothing of what was between them (staleness).
--   A start time equal to the point's own is a receiver's first sight of a series, not a reset. Delta points count as they are.
--   What rose between two points is spread evenly over that time, so a bucket's figure is final when the scrape after it has come.
-- Row: the columns of an edge, and rises: (bucket, measure, amount, total, starts, bounds, counts); amount of a histogram is its observations, total
--   what they add up to, and of its buckets those that rose (no upper bound = null; thousandths). Of figures other than calls only those that rose are
--   listed: labels of calls name services even in buckets without any.
-- Cost: 4 µs of CPU a point that is read within the window and its margins; memory by the series in there.
SELECT Origin AS origin, Reporter AS reporter, Proxy AS proxy, SrcCluster AS src_cluster, SrcNamespace AS src_namespace, SrcService AS src_service,
  SrcWorkload AS src_workload, SrcVersion AS src_version, DstCluster AS dst_cluster, DstNamespace AS dst_namespace, DstService AS dst_service,
  DstWorkload AS dst_workload, DstVersion AS dst_version, DstHost AS dst_host, Subset AS subset, Protocol AS protocol, Code AS code,
  GrpcStatus AS grpc_status, Flags AS flags, Security AS security, rises
FROM (
  SELECT labels, groupArray((step * 10, toString(measure), amount, round(total, 3),
    arrayFilter((x, c) -> c >= 0.0005, starts, counts), arrayFilter((x, c) -> c >= 0.0005, bounds, counts),
    arrayMap(c -> round(c, 3), arrayFilter(c -> c >= 0.0005, counts)))) AS rises
  FROM (
    SELECT step, labels, measure, amount, total, starts, bounds, counts FROM ({{mesh_series_rises}})
    UNION ALL
    SELECT step, labels, measure, amount, total, starts, bounds, counts FROM ({{mesh_histogram_rises}})
  )
  WHERE amount != 0 OR total != 0 OR measure IN ('requests', 'tcp_connections_opened', 'upstream_requests')
  GROUP BY labels
) AS risen
-- Every edge has a series that is neither a bucket nor a sum; bytes are of calls that are counted.
INNER JOIN (
  SELECT DISTINCT cityHash64({{mesh_labels}}) AS labels, {{mesh_labels}}
  FROM mesh_points
  WHERE {{mesh_window}} AND Shape NOT IN ('bucket', 'sum') AND Measure NOT IN ('request_bytes', 'response_bytes')
) AS said ON risen.labels = said.labels
ORDER BY risen.labels
