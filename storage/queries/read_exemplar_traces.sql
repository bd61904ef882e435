-- Trace ids that show the fault at one place, the slowest first; with `failed` those with a failed span there.
-- Parameters: tenant, service, instance, version, peer (String; '' = any), from, to (DateTime), failed (UInt8: 1 = failed spans only),
--   max_count (UInt32).
-- Row: trace_id, duration (ns of the slowest such span).
-- Cost: the narrow spans of one service, sorted by service, say when the slowest began; of the wide ones the times of those minutes are read. Where
--   the narrow ones are gone (they are kept for a shorter time), four columns of all the window's minutes.
WITH
  (
    SELECT count() FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
      AND Service = {service:String} AND Tenant = {tenant:String}
  ) > 0 AS is_narrow,
  -- Several may be of one trace.
  slowest AS (
    SELECT Timestamp FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
      AND Service = {service:String} AND Tenant = {tenant:String}
      AND ({instance:String} = '' OR Instance = {instance:String})
      AND ({version:String} = '' OR Version = {version:String})
      AND ({peer:String} = '' OR Peer = {peer:String})
      AND ({failed:UInt8} = 0 OR Outcome = 'failed')
    ORDER BY Duration DESC
    LIMIT 3 * {max_count:UInt32}
  )
SELECT TraceId AS trace_id, max(Duration) AS duration
FROM spans
WHERE Tenant = {tenant:String}
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
  AND (NOT is_narrow OR toStartOfMinute(Timestamp) IN (SELECT toStartOfMinute(Timestamp) FROM slowest) AND Timestamp IN slowest)
  AND Service = {service:String}
  AND ({instance:String} = '' OR Instance = {instance:String})
  AND ({version:String} = '' OR Version = {version:String})
  AND ({peer:String} = '' OR Peer = {peer:String})
  AND ({failed:UInt8} = 0 OR Outcome = 'failed')
GROUP BY TraceId
ORDER BY duration DESC
LIMIT {max_count:UInt32}
