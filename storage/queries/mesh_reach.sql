-- From when to when points and buckets of a mesh determine one another, around a window.
-- Parameters: tenant (String), from, to (DateTime), reach_seconds (UInt32).
-- Row: one; needed_since, needed_until: the earliest and the latest point (unix s, fractions) that the figures of the window's buckets depend on;
--   touched_since, touched_until: the earliest and the latest moment whose figures depend on the points within the window. 0 where there is none.
--   Both are read from the counters of calls: what else a proxy exposes is scraped with them.
-- Cost: a point a scrape and counter within reach_seconds of the window.
WITH
series AS (
  SELECT arraySort(groupArray((toUnixTimestamp64Milli(Timestamp) / 1000, toUnixTimestamp64Milli(StartTimestamp) / 1000))) AS points
  FROM mesh_points
  WHERE Tenant = {tenant:String} AND Kind != 'gauge' AND Shape IN ('value', 'histogram')
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime} - {reach_seconds:UInt32})
    AND toStartOfMinute(Timestamp) <= toStartOfMinute({to:DateTime} + {reach_seconds:UInt32})
    AND Timestamp >= {from:DateTime} - {reach_seconds:UInt32} AND Timestamp <= {to:DateTime} + {reach_seconds:UInt32}
  GROUP BY SeriesKey
),
segments AS (
  SELECT x.1 AS t, x.2 AS s, pt,
    s > 0 AND s < t AND t - s <= {reach_seconds:UInt32} AS has_start,
    pt > 0 AND t - pt <= {reach_seconds:UInt32} AS has_prev,
    multiIf(has_start AND has_prev, least(s, pt), has_prev, pt, has_start, s, t - 0.001) AS since,
    toFloat64(toUnixTimestamp({from:DateTime})) AS begins, toFloat64(toUnixTimestamp({to:DateTime})) AS ends
  FROM series ARRAY JOIN points AS x, arrayPushFront(arrayPopBack(points.1), 0.) AS pt
)
SELECT
  minIf(since, t > begins AND since < ends) AS needed_since,
  maxIf(t, t > begins AND since < ends) AS needed_until,
  minIf(since, (t >= begins AND t < ends) OR (pt >= begins AND pt < ends)) AS touched_since,
  maxIf(t, (t >= begins AND t < ends) OR (pt >= begins AND pt < ends)) AS touched_until
FROM segments
