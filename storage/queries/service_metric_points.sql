-- What the series of the named metrics rose by, point by point; part of service_metrics.sql and service_metric_calls.sql, whose CTE `named`
--   says which metrics they read.
-- Parameters: tenant (String), starts, ends (Array(Float64): unix seconds, ranges (start, end]), back_seconds (Float64: how far before a range a
--   counter is looked for to rise from; points further apart say nothing of the time between).
-- Row: one a series: name, a (attributes, `_` for `.`), service, cluster, namespace (of the sender), unit, rises: (unix seconds, what was added
--   since the point before, the same of a histogram's sum). A counter that began anew has risen by what it shows, and so has a new one.
-- Cost: reads the named metrics over the ranges; what is done once a series (names of attributes) is not done once a point.
SELECT name, mapApply((k, v) -> (replaceAll(toString(k), '.', '_'), v), attributes) AS a, service, cluster, namespace, unit,
  arrayFilter((r) -> arrayExists((s, e) -> r.1 > s AND r.1 <= e, {starts:Array(Float64)}, {ends:Array(Float64)}),
    arrayMap((x, before) -> (x.1,
      -- New: it began within reach; or its sender was heard of before without it (the first failure makes a new series).
      multiIf(kind = 'delta' OR (before.1 = -inf AND (if(x.4 > 0, x.4 <= x.1 AND x.1 - x.4 <= {back_seconds:Float64}, sender_since < x.1))), x.2,
        x.1 - before.1 > {back_seconds:Float64}, 0., x.2 >= before.2, x.2 - before.2, x.2),
      multiIf(kind = 'delta' OR (before.1 = -inf AND (if(x.4 > 0, x.4 <= x.1 AND x.1 - x.4 <= {back_seconds:Float64}, sender_since < x.1))), x.3,
        x.1 - before.1 > {back_seconds:Float64}, 0., x.2 >= before.2, greatest(0., x.3 - before.3), x.3)),
      points, arrayPushFront(arrayPopBack(points), (-inf, 0., 0., 0.)))) AS rises
FROM (
  SELECT MetricName AS name, toString(Kind) AS kind, Cluster AS cluster, Namespace AS namespace, Service AS service, any(Unit) AS unit,
    any(Attributes) AS attributes,
    arraySort(groupArray((t, value, total, start))) AS said,
    -- One time, one value: two scrapers of one target say the same.
    arrayFilter((x, next) -> x.1 != next.1, said, arrayPushBack(arrayPopFront(said), (inf, 0., 0., 0.))) AS points,
    min(min(t)) OVER (PARTITION BY name, cluster, namespace, service) AS sender_since
  FROM (
    SELECT MetricName, Kind, Unit, Cluster, Namespace, Service, toUnixTimestamp64Milli(toDateTime64(Timestamp, 3)) / 1000 AS t,
      greatest(0, toUnixTimestamp64Milli(toDateTime64(StartTimestamp, 3)) / 1000) AS start, Value AS value, 0. AS total, Attributes,
      -- Sums of the pairs' hashes: the order of attributes does not matter.
      arraySum(arrayMap((k, v) -> if(k IN ('prometheus_replica', '__replica__'), 0, cityHash64(k, v)), mapKeys(Attributes), mapValues(Attributes)))
        + 31 * arraySum(arrayMap((k, v) -> cityHash64(k, v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes))) AS series
    FROM metrics_numbers
    WHERE Tenant = {tenant:String} AND MetricName IN (SELECT name FROM named) AND Kind != 'gauge' AND isFinite(Value)
      AND arrayExists((s, e) -> Timestamp > toDateTime64(s - {back_seconds:Float64}, 3) AND Timestamp <= toDateTime64(e, 3),
        {starts:Array(Float64)}, {ends:Array(Float64)})
      AND toStartOfMinute(Timestamp) >= toDateTime(arrayMin({starts:Array(Float64)}) - {back_seconds:Float64} - 60)
      AND toStartOfMinute(Timestamp) <= toDateTime(arrayMax({ends:Array(Float64)}))
    UNION ALL
    SELECT MetricName, Kind, Unit, Cluster, Namespace, Service, toUnixTimestamp64Milli(toDateTime64(Timestamp, 3)) / 1000 AS t,
      greatest(0, toUnixTimestamp64Milli(toDateTime64(StartTimestamp, 3)) / 1000) AS start, toFloat64(ObservationCount) AS value, Sum AS total, Attributes,
      arraySum(arrayMap((k, v) -> if(k IN ('prometheus_replica', '__replica__'), 0, cityHash64(k, v)), mapKeys(Attributes), mapValues(Attributes)))
        + 31 * arraySum(arrayMap((k, v) -> cityHash64(k, v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes))) AS series
    FROM metrics_distributions
    WHERE Tenant = {tenant:String} AND MetricName IN (SELECT name FROM named) AND Shape != 'summary' AND Kind != 'gauge' AND isFinite(Sum)
      AND arrayExists((s, e) -> Timestamp > toDateTime64(s - {back_seconds:Float64}, 3) AND Timestamp <= toDateTime64(e, 3),
        {starts:Array(Float64)}, {ends:Array(Float64)})
      AND toStartOfMinute(Timestamp) >= toDateTime(arrayMin({starts:Array(Float64)}) - {back_seconds:Float64} - 60)
      AND toStartOfMinute(Timestamp) <= toDateTime(arrayMax({ends:Array(Float64)}))
  )
  GROUP BY MetricName, Kind, Cluster, Namespace, Service, series
)
