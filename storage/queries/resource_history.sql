-- Purpose: resource figures of every instance in a fault's window beside their own history, for localization; only those that deviate.
-- Parameters: tenant (String), fault (Array(DateTime): bucket starts), history_from, history_to (DateTime: the history, half open),
--   also (Array(DateTime): buckets of the baseline, the whole history where they hold enough_points), names, meanings (Array(String), pairwise: metric name
--   and what it means), factors (Array(Float64): to the meaning's unit), floors (Array(Float64): least scale), counters (Array(UInt8): 1 = only the rate of the points counts),
--   min_z (Float64), max_rows (UInt32).
-- Row: cluster, namespace, service, instance, node, meaning, observed (mean of the fault's points), median, spread (1.4826 MAD) and points of
--   the history, z (robust: the scale is at least 5 % of the median and the meaning's own floor).
-- Cost: reads the named metrics over the history and the window once.
WITH
  least({history_from:DateTime}, arrayMin({also:Array(DateTime)})) AS earliest,
  greatest(arrayMax({fault:Array(DateTime)}), arrayMax({also:Array(DateTime)})) + INTERVAL 20 SECOND AS latest,
  points AS (
    SELECT Cluster AS cluster, Namespace AS namespace, Service AS service, Node AS node,
      coalesce(nullIf(Attributes['exported_pod'], ''), nullIf(Attributes['pod'], ''), Instance) AS instance,
      indexOf({names:Array(String)}, toString(MetricName)) AS place, Kind AS kind, Timestamp AS t, Value AS v,
      cityHash64(toString(mapSort(Attributes)), ResourceAttributes['k8s.container.name']) AS series
    FROM metrics_numbers
    WHERE Tenant = {tenant:String} AND MetricName IN {names:Array(String)} AND isFinite(Value)
      AND toStartOfMinute(Timestamp) >= toStartOfMinute(earliest) AND Timestamp >= earliest AND Timestamp < latest
      AND (Timestamp >= {history_from:DateTime} OR has({also:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
        OR has({also:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp) - INTERVAL 10 SECOND, INTERVAL 10 SECOND)))
  ),
  rated AS (
    SELECT cluster, namespace, service, node, instance, place, series, t,
      lagInFrame(toNullable(v)) OVER earlier AS last_v, lagInFrame(toNullable(t)) OVER earlier AS last_t,
      -- A counter that began anew counts from zero; the first point of a series has no rate.
      multiIf({counters:Array(UInt8)}[place] = 0, toNullable(v), isNull(last_v) OR t <= last_t, NULL,
        if(kind = 'delta', v, if(v >= last_v, v - last_v, v)) / greatest(0.001, dateDiff('millisecond', assumeNotNull(last_t), t) / 1000)) AS raw,
      -- A point tells of the time before it: of half the time since the one before, ten seconds at most.
      t - toIntervalMillisecond(if(isNull(last_t), 0, least(10000, intDiv(dateDiff('millisecond', assumeNotNull(last_t), t), 2)))) AS at
    FROM points
    WINDOW earlier AS (PARTITION BY cluster, namespace, service, node, instance, place, series ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
  ),
  marked AS (
    SELECT cluster, namespace, service, node, instance, {meanings:Array(String)}[place] AS meaning, {floors:Array(Float64)}[place] AS floor,
      at AS t, max(raw) * {factors:Array(Float64)}[place] AS figure,
      toStartOfInterval(toDateTime(at), INTERVAL 10 SECOND) AS bucket
    FROM rated
    WHERE isNotNull(raw)
    GROUP BY cluster, namespace, service, node, instance, place, at
  ),
  sides AS (
    SELECT cluster, namespace, service, anyLast(node) AS node, instance, meaning, any(floor) AS floor,
      avgIf(figure, has({fault:Array(DateTime)}, bucket)) AS observed,
      countIf(has({fault:Array(DateTime)}, bucket)) AS fault_points,
      groupArrayIf(1440)(assumeNotNull(figure), has({also:Array(DateTime)}, bucket)) AS quiet,
      groupArrayIf(1440)(assumeNotNull(figure), t >= {history_from:DateTime} AND t < {history_to:DateTime}
        AND NOT has({also:Array(DateTime)}, bucket) AND NOT has({fault:Array(DateTime)}, bucket)) AS before,
      -- The baseline alone where it says enough; where it is shorter than a few scrapes, the time before the fault with it.
      if(length(quiet) >= {enough_points:UInt32}, quiet, arrayConcat(quiet, before)) AS past,
      arrayReduce('median', past) AS median,
      1.4826 * arrayReduce('median', arrayMap(x -> abs(x - median), past)) AS spread,
      length(past) AS points
    FROM marked
    GROUP BY cluster, namespace, service, instance, meaning
    HAVING fault_points > 0 AND points > 0
  )
SELECT cluster, namespace, service, instance, node, meaning, assumeNotNull(observed) AS observed, median, spread, points,
  (assumeNotNull(observed) - median) / greatest(spread, 0.05 * abs(median), floor) AS z
FROM sides
WHERE z >= {min_z:Float64}
ORDER BY z DESC, service, instance, meaning
LIMIT {max_rows:UInt32}
