-- How much whole histograms rose in each 10-second bucket; part of mesh_increases.sql.
-- Parameters: those of mesh_increases.sql.
-- Row: as of mesh_series_rises.sql.
-- Cost: one window function over the histograms' points of the window.
WITH
points AS (
  SELECT SeriesKey, toUnixTimestamp64Milli(Timestamp) / 1000 AS t,
    argMax((toUnixTimestamp64Milli(StartTimestamp) / 1000, Value, ObservationCount, Bounds, Counts), (ObservationCount, Value, StartTimestamp)) AS point,
    any(Kind) AS kind, any(Measure) AS measure, any(cityHash64({{mesh_labels}})) AS labels
  FROM mesh_points
  WHERE {{mesh_window}} AND Shape = 'histogram'
  GROUP BY SeriesKey, Timestamp
),
pairs AS (
  SELECT kind, measure, labels, t, point.1 AS s, point.2 AS v, toFloat64(point.3) AS n, point.4 AS bounds, point.5 AS counts,
    lagInFrame(t, 1, 0.) OVER series AS pt,
    lagInFrame(point.2, 1, 0.) OVER series AS pv,
    toFloat64(lagInFrame(point.3, 1, 0) OVER series) AS pn,
    lagInFrame(point.4) OVER series AS prev_bounds,
    lagInFrame(point.5) OVER series AS prev_counts
  FROM points
  WINDOW series AS (PARTITION BY SeriesKey ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
),
rises AS (
  SELECT measure, labels, t,
    pt > 0 AND t - pt <= {reach_seconds:UInt32} AS has_prev,
    s > 0 AND s < t AND t - s <= {reach_seconds:UInt32} AS has_start,
    has_start AND s >= toUnixTimestamp({from:DateTime}) - {back_seconds:UInt32} AS is_new,
    kind = 'delta' OR (NOT has_prev AND is_new) OR (has_prev AND (n < pn OR (has_start AND s > pt))) AS is_whole,
    multiIf(kind = 'delta', if(has_start, s, t - 0.001), has_start AND s > pt, s, has_prev, pt, t - 0.001) AS since,
    if(is_whole, 0., pv) AS value_base, v - value_base AS value_rise,
    if(is_whole, 0., pn) AS count_base, n - count_base AS count_rise,
    bounds,
    arrayPushFront(arrayPopBack(bounds), 0.) AS starts,
    arrayCumSum(arrayMap(c -> toFloat64(c), counts)) AS cumulative,
    multiIf(is_whole, cumulative,
      bounds = prev_bounds, arrayMap((c, p) -> c - p, cumulative, arrayCumSum(arrayMap(c -> toFloat64(c), prev_counts))),
      arrayMap((b, c) -> c - arraySum((pb, pc) -> if(pb <= b + abs(b) * 1e-9, toFloat64(pc), 0.), prev_bounds, prev_counts), bounds, cumulative)) AS below,
    arrayMap((x, lower) -> greatest(x - lower, 0.), below, arrayPopBack(arrayPushFront(below, 0.))) AS counts_rise
  FROM pairs
  WHERE (is_whole OR has_prev) AND t > toUnixTimestamp({from:DateTime}) AND since < toUnixTimestamp({to:DateTime})
),
steps AS (
  SELECT *,
    arrayJoin(range(toUInt64(floor(greatest(since, toFloat64(toUnixTimestamp({from:DateTime}))) / 10)),
      toUInt64(ceil(least(t, toFloat64(toUnixTimestamp({to:DateTime}))) / 10)))) AS step,
    (greatest(since, toFloat64(step * 10)) - since) / (t - since) AS begun,
    (least(t, toFloat64(step * 10 + 10)) - since) / (t - since) AS done
  FROM rises
)
SELECT step, any(steps.labels) AS labels, any(steps.measure) AS measure,
  sum(floor(count_base + count_rise * done + 0.5) - floor(count_base + count_rise * begun + 0.5)) AS amount,
  sum(if(endsWith(steps.measure, '_ms'), value_rise * (done - begun),
    floor(value_base + value_rise * done + 0.5) - floor(value_base + value_rise * begun + 0.5))) AS total,
  sumMap(steps.bounds, arrayMap(c -> c * (done - begun), counts_rise)) AS whole,
  maxMap(steps.bounds, steps.starts) AS whole_starts,
  whole.2 AS counts,
  arrayMap(b -> whole_starts.2[indexOf(whole_starts.1, b)], whole.1) AS starts,
  whole.1 AS bounds
FROM steps
GROUP BY step, cityHash64(steps.labels, steps.measure)
