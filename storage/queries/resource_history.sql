-- Purpose: resource figures of every instance in a fault's window beside their own history, for localization; only those that deviate.
-- Parameters: tenant (String), fault (Array(DateTime): bucket starts), history_from, history_to (DateTime: the history, half open),
--   also (Array(DateTime): buckets of the baseline, the whole history where they hold enough_points), names, meanings (Array(String), pairwise: metric name
--   and what it means), factors (Array(Float64): to the meaning's unit), floors (Array(Float64): least scale), counters (Array(UInt8): 1 = only the rate of the points counts),
--   instances (Array(String): these, [] = all), is_whole (UInt8: 0 = the history may reach further back than is read here), min_z (Float64), max_rows (UInt32).
-- Row: cluster, namespace, service, instance, node, meaning, observed (mean of the fault's points), median, spread (1.4826 MAD) and points of
--   the history, z (robust: the scale is at least 5 % of the median and the meaning's own floor), is_short (1: more must be read to judge it, whatever z; first).
-- Cost: reads the named metrics over the history and the window once; a series is one number until its points are arrays.
WITH
  least({history_from:DateTime}, arrayMin({also:Array(DateTime)})) AS earliest,
  greatest(arrayMax({fault:Array(DateTime)}), arrayMax({also:Array(DateTime)})) + INTERVAL 20 SECOND AS latest,
  arrayMap(b -> toUnixTimestamp(b), {fault:Array(DateTime)}) AS fault_starts,
  arrayMap(b -> toUnixTimestamp(b), {also:Array(DateTime)}) AS quiet_starts,
  series AS (
    SELECT any(Cluster) AS cluster, any(Namespace) AS namespace, any(Service) AS service, any(Node) AS node, any(instance) AS instance,
      indexOf({names:Array(String)}, toString(any(MetricName))) AS place, any(Kind = 'delta') AS is_delta,
      groupArray(toUnixTimestamp64Nano(Timestamp)) AS times, groupArray(Value) AS given,
      arraySort(times) AS ts, arraySort((v, t) -> t, given, times) AS vs,
      -- Nanoseconds since the point before; 0 of the first.
      arrayMap((t, b) -> intDiv(t, 1000000) - intDiv(b, 1000000), ts, arrayPushFront(arrayPopBack(ts), ts[1])) AS since_ms,
      -- A counter that began anew counts from zero; the first point of a series has no rate.
      if({counters:Array(UInt8)}[place] = 0, vs, arrayMap((v, b, t, u, ms) -> if(t <= u, nan,
        if(is_delta OR v < b, v, v - b) / greatest(0.001, ms / 1000)),
        vs, arrayPushFront(arrayPopBack(vs), 0), ts, arrayPushFront(arrayPopBack(ts), ts[1]), since_ms)) AS raws,
      -- A point tells of the time before it: of half the time since the one before, ten seconds at most.
      arrayMap((t, ms) -> t - 1000000 * least(10000, intDiv(ms, 2)), ts, since_ms) AS ats,
      -- What the first point tells depends on the one before it, where that is not read.
      {is_whole:UInt8} = 0 AND hasAny(arrayConcat(fault_starts, quiet_starts), [toUInt32(intDiv(ts[1], 10000000000) * 10), toUInt32(intDiv(ts[1], 10000000000) * 10) - 10]) AS is_cut
    FROM (
      SELECT Cluster, Namespace, Service, Node, MetricName, Kind, Timestamp, Value,
        multiIf(Attributes['exported_pod'] != '', Attributes['exported_pod'], Attributes['pod'] != '', Attributes['pod'], toString(Instance)) AS instance,
        cityHash64(cityHash64(Cluster), cityHash64(Namespace), cityHash64(Service), cityHash64(Node), instance, cityHash64(MetricName),
          arraySum(arrayMap((k, v) -> cityHash64(k, v), mapKeys(Attributes), mapValues(Attributes))), ResourceAttributes['k8s.container.name']) AS one
      FROM metrics_numbers
      WHERE Tenant = {tenant:String} AND MetricName IN {names:Array(String)} AND isFinite(Value)
        AND toStartOfMinute(Timestamp) >= toStartOfMinute(earliest) AND Timestamp >= earliest AND Timestamp < latest
        AND (Timestamp >= {history_from:DateTime} OR has({also:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
          OR has({also:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp) - INTERVAL 10 SECOND, INTERVAL 10 SECOND)))
        AND (empty({instances:Array(String)}) OR instance IN {instances:Array(String)})
    )
    GROUP BY one
  ),
  -- Of several series of one figure and time the highest counts.
  figures AS (
    SELECT cluster, namespace, service, node, instance, place, is_cut_short,
      is_single AND NOT has(arrayPopFront(arrayDifference(all_ats)), 0) AS is_plain,
      if(is_plain, [], arraySort(arrayZip(all_ats, all_raws))) AS ordered,
      arrayFilter((x, next) -> x.1 != next, ordered, arraySlice(arrayPushBack(arrayMap(x -> x.1, ordered), 0), 2)) AS highest,
      if(is_plain, all_ats, arrayMap(x -> x.1, highest)) AS figure_ats, if(is_plain, all_raws, arrayMap(x -> x.2, highest)) AS figure_raws
    FROM (
      SELECT cluster, namespace, service, node, instance, place, max(is_cut) AS is_cut_short, count() = 1 AS is_single,
        groupArrayArray(arrayFilter((a, r) -> NOT isNaN(r), ats, raws)) AS all_ats, groupArrayArray(arrayFilter(r -> NOT isNaN(r), raws)) AS all_raws
      FROM series
      GROUP BY cluster, namespace, service, node, instance, place
    )
  ),
  sides AS (
    SELECT cluster, namespace, service, anyLast(node) AS node, instance, {meanings:Array(String)}[place] AS meaning,
      any({floors:Array(Float64)}[place]) AS floor,
      groupArrayArray(figure_ats) AS ats, groupArrayArray(arrayMap(v -> v * {factors:Array(Float64)}[place], figure_raws)) AS values,
      arrayMap(a -> toUInt32(intDiv(a, 10000000000) * 10), ats) AS buckets,
      arrayFilter((v, b) -> has(fault_starts, b), values, buckets) AS now, arrayAvg(now) AS observed,
      arraySlice(arrayFilter((v, b) -> has(quiet_starts, b), values, buckets), 1, 1440) AS quiet,
      arraySlice(arrayFilter((v, a, b) -> a >= toInt64(toUnixTimestamp({history_from:DateTime})) * 1000000000 AND a < toInt64(toUnixTimestamp({history_to:DateTime})) * 1000000000
        AND NOT has(quiet_starts, b) AND NOT has(fault_starts, b), values, ats, buckets), 1, 1440) AS before,
      -- The baseline alone where it says enough; where it is shorter than a few scrapes, the time before the fault with it.
      if(length(quiet) >= {enough_points:UInt32}, quiet, arrayConcat(quiet, before)) AS past,
      arrayReduce('median', past) AS median,
      1.4826 * arrayReduce('median', arrayMap(x -> abs(x - median), past)) AS spread,
      length(past) AS points,
      {is_whole:UInt8} = 0 AND (max(is_cut_short) OR notEmpty(now) AND length(quiet) < {enough_points:UInt32}) AS is_short
    FROM figures
    GROUP BY cluster, namespace, service, instance, meaning
    HAVING is_short OR notEmpty(now) AND points > 0
  )
SELECT cluster, namespace, service, instance, node, meaning, observed, median, spread, points,
  (observed - median) / greatest(spread, 0.05 * abs(median), floor) AS z, is_short
FROM sides
WHERE is_short OR z >= {min_z:Float64}
ORDER BY is_short DESC, z DESC, service, instance, meaning
LIMIT {max_rows:UInt32}
