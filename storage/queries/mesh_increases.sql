-- How much the counters and histograms of a mesh rose in each 10-second bucket, by edge, reporter and status.
-- Parameters: tenant (String), from, to (DateTime, starts of buckets), reach_seconds (UInt32), measures (Array(String)).
-- A cumulative series is differenced point by point, in the order of their times, whenever they came; points of one time count once.
--   A value that fell, or a start time between two points, is a reset: the point counts whole. The first point of a series counts only where its
--   start time is known and within reach; points further apart than that say nothing of what was between them (staleness).
--   A start time equal to the point's own is a receiver's first sight of a series, not a reset. Delta points count as they are.
--   What rose between two points is spread evenly over that time, so a bucket's figure is final when the scrape after it has come.
-- Row: bucket, the columns of an edge, amount (of a histogram: observations), total (what a histogram's observations add up to),
--   bounds and counts (observations by upper bound; no bound = null), starts_of and starts (lower bound by upper bound).
-- Cost: reads the tenant's points of the window and reach_seconds on both sides; memory by the series in there.
WITH
points AS (
  SELECT SeriesKey, toUnixTimestamp64Milli(Timestamp) / 1000 AS t,
    argMax((toUnixTimestamp64Milli(StartTimestamp) / 1000, Value, ObservationCount, Bounds, Counts), (ObservationCount, Value, StartTimestamp)) AS point,
    any(Kind) AS kind, any(Shape) AS shape, any(Le) AS le,
    any((Origin, Measure, Reporter, Proxy, SrcCluster, SrcNamespace, SrcService, SrcWorkload, SrcVersion,
      DstCluster, DstNamespace, DstService, DstWorkload, DstVersion, DstHost, Subset, Protocol, Code, GrpcStatus, Flags)) AS edge
  FROM mesh_points
  WHERE Tenant = {tenant:String} AND Measure IN {measures:Array(String)} AND Kind != 'gauge'
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime} - {reach_seconds:UInt32})
    AND toStartOfMinute(Timestamp) <= toStartOfMinute({to:DateTime} + {reach_seconds:UInt32})
    AND Timestamp >= {from:DateTime} - {reach_seconds:UInt32} AND Timestamp <= {to:DateTime} + {reach_seconds:UInt32}
  GROUP BY SeriesKey, Timestamp
),
pairs AS (
  SELECT kind, shape, le, edge, t, point.1 AS s, point.2 AS v, point.3 AS n, point.4 AS bounds, point.5 AS counts,
    lagInFrame(t, 1, 0.) OVER series AS pt,
    lagInFrame(point.2, 1, 0.) OVER series AS pv,
    lagInFrame(point.3, 1, 0) OVER series AS pn,
    lagInFrame(point.4) OVER series AS prev_bounds,
    lagInFrame(point.5) OVER series AS prev_counts
  FROM points
  WINDOW series AS (PARTITION BY SeriesKey ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
),
rises AS (
  SELECT shape, le, edge, t,
    pt > 0 AND t - pt <= {reach_seconds:UInt32} AS has_prev,
    s > 0 AND s < t AND t - s <= {reach_seconds:UInt32} AS has_start,
    has_prev AND (if(shape = 'histogram', n < pn, v < pv) OR (has_start AND s > pt)) AS is_reset,
    kind = 'delta' OR is_reset OR (NOT has_prev AND has_start) AS is_whole,
    multiIf(kind = 'delta', if(has_start, s, t - 0.001), has_start AND s > pt, s, has_prev, pt, has_start, s, t - 0.001) AS since,
    multiIf(is_whole, v, has_prev, v - pv, 0.) AS value_rise,
    multiIf(is_whole, toFloat64(n), has_prev, toFloat64(n) - toFloat64(pn), 0.) AS count_rise,
    bounds,
    arrayPushFront(arrayPopBack(bounds), 0.) AS starts,
    arrayCumSum(arrayMap(c -> toFloat64(c), counts)) AS cumulative,
    multiIf(is_whole, cumulative, NOT has_prev, arrayMap(c -> 0., cumulative),
      bounds = prev_bounds, arrayMap((c, p) -> c - p, cumulative, arrayCumSum(arrayMap(c -> toFloat64(c), prev_counts))),
      arrayMap((b, c) -> c - arraySum((pb, pc) -> if(pb <= b + abs(b) * 1e-9, toFloat64(pc), 0.), prev_bounds, prev_counts), bounds, cumulative)) AS below,
    arrayMap((x, i) -> greatest(x - if(i = 1, 0., below[i - 1]), 0.), below, arrayEnumerate(below)) AS counts_rise
  FROM pairs
  WHERE is_whole OR has_prev
),
spread AS (
  SELECT *, arrayJoin(range(toUInt64(floor(since / 10)), toUInt64(ceil(t / 10)))) AS step,
    (least(t, toFloat64(step * 10 + 10)) - greatest(since, toFloat64(step * 10))) / (t - since) AS share
  FROM rises
  WHERE t > toUnixTimestamp({from:DateTime}) AND since < toUnixTimestamp({to:DateTime})
),
sums AS (
  SELECT step, edge,
    sum(multiIf(shape IN ('value', 'count'), value_rise, shape = 'histogram', count_rise, 0.) * share) AS amount,
    sum(if(shape IN ('sum', 'histogram'), value_rise, 0.) * share) AS total,
    sumMapIf([le], [value_rise * share], shape = 'bucket') AS classic,
    sumMapIf(bounds, arrayMap(c -> c * share, counts_rise), shape = 'histogram') AS whole,
    maxMapIf(bounds, starts, shape = 'histogram') AS whole_starts
  FROM spread
  WHERE step * 10 >= toUnixTimestamp({from:DateTime}) AND step * 10 < toUnixTimestamp({to:DateTime})
  GROUP BY step, edge
)
SELECT step * 10 AS bucket,
  edge.1 AS origin, edge.2 AS measure, edge.3 AS reporter, edge.4 AS proxy,
  edge.5 AS src_cluster, edge.6 AS src_namespace, edge.7 AS src_service, edge.8 AS src_workload, edge.9 AS src_version,
  edge.10 AS dst_cluster, edge.11 AS dst_namespace, edge.12 AS dst_service, edge.13 AS dst_workload, edge.14 AS dst_version, edge.15 AS dst_host,
  edge.16 AS subset, edge.17 AS protocol, edge.18 AS code, edge.19 AS grpc_status, edge.20 AS flags,
  amount, total,
  -- The series of a classic histogram count all that is below their bound.
  arrayConcat(classic.1, whole.1) AS bounds,
  arrayConcat(arrayMap((c, i) -> greatest(c - if(i = 1, 0., classic.2[i - 1]), 0.), classic.2, arrayEnumerate(classic.2)), whole.2) AS counts,
  arrayConcat(classic.1, whole_starts.1) AS starts_of,
  arrayConcat(arrayPopBack(arrayPushFront(classic.1, 0.)), whole_starts.2) AS starts
FROM sums
ORDER BY bucket, edge
