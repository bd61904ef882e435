-- How much single series (counters, gauges aside, and the series of classic histograms) rose in each 10-second bucket; part of mesh_increases.sql.
-- Parameters: those of mesh_increases.sql.
-- Row: step (bucket / 10), labels (hash of the columns of an edge), measure, amount, total; starts, bounds and counts by bucket of a histogram.
--   Counts are whole: between two points a counter is drawn as a straight line, and a bucket has what its rounded value rose by. So a bucket is at most
--   one call off, buckets add up to what the counter rose, and no bucket depends on which others are read. Durations and buckets keep fractions.
-- Cost: 3 µs a point; the bounds and the numbers of byte histograms are not read.
WITH
series AS (
  SELECT any(Kind) AS kind, any(Shape) AS shape, any(Le) AS le, any(Measure) AS measure,
    any(cityHash64({{mesh_labels}})) AS labels,
    arraySort(groupArray((toUnixTimestamp64Milli(Timestamp) / 1000, Value, toUnixTimestamp64Milli(StartTimestamp) / 1000))) AS said,
    arrayFilter((x, next) -> x.1 != next, said, arrayPushBack(arrayPopFront(said.1), inf)) AS points
  FROM mesh_points
  WHERE {{mesh_window}} AND Shape != 'histogram' AND NOT (Measure IN ('request_bytes', 'response_bytes') AND Shape IN ('bucket', 'count'))
  GROUP BY SeriesKey
),
segments AS (
  SELECT shape, le, measure, labels, x.1 AS t, x.2 AS v, x.3 AS s,
    before.1 AS pt, before.2 AS pv, pt > 0 AND t - pt <= {reach_seconds:UInt32} AS has_prev,
    s > 0 AND s < t AND t - s <= {reach_seconds:UInt32} AS has_start,
    has_start AND s >= toUnixTimestamp({from:DateTime}) - {back_seconds:UInt32} AS is_new,
    kind = 'delta' OR (NOT has_prev AND is_new) OR (has_prev AND (v < pv OR (has_start AND s > pt))) AS is_whole,
    multiIf(kind = 'delta', if(has_start, s, t - 0.001), has_start AND s > pt, s, has_prev, pt, t - 0.001) AS since,
    if(is_whole, 0., pv) AS base, v - base AS rise
  FROM series ARRAY JOIN points AS x, arrayPushFront(arrayPopBack(points), (0., 0., 0.)) AS before
  WHERE (is_whole OR has_prev) AND t > toUnixTimestamp({from:DateTime}) AND since < toUnixTimestamp({to:DateTime})
),
steps AS (
  SELECT shape, le, measure, labels,
    arrayJoin(range(toUInt64(floor(greatest(since, toFloat64(toUnixTimestamp({from:DateTime}))) / 10)),
      toUInt64(ceil(least(t, toFloat64(toUnixTimestamp({to:DateTime}))) / 10)))) AS step,
    (greatest(since, toFloat64(step * 10)) - since) / (t - since) AS begun,
    (least(t, toFloat64(step * 10 + 10)) - since) / (t - since) AS done,
    if(shape = 'bucket' OR (shape = 'sum' AND endsWith(measure, '_ms')), rise * (done - begun),
      floor(base + rise * done + 0.5) - floor(base + rise * begun + 0.5)) AS part
  FROM segments
)
SELECT step, any(steps.labels) AS labels, any(steps.measure) AS measure,
  sumIf(part, shape IN ('value', 'count')) AS amount,
  sumIf(part, shape = 'sum') AS total,
  groupArrayIf(le, shape = 'bucket') AS les, groupArrayIf(part, shape = 'bucket') AS parts,
  -- Proxies that say the same of one edge have a series each.
  if(length(arrayDistinct(les)) = length(les), (arraySort(les), arraySort((p, l) -> l, parts, les)), arrayReduce('sumMap', [les], [parts])) AS classic,
  -- These series count all that is below their bound.
  arrayMap((c, lower) -> c - lower, classic.2, arrayPopBack(arrayPushFront(classic.2, 0.))) AS counts,
  arrayPopBack(arrayPushFront(classic.1, 0.)) AS starts,
  classic.1 AS bounds
FROM steps
GROUP BY step, cityHash64(steps.labels, steps.measure)
