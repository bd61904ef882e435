-- Trace ids that show the fault at one place, the slowest first; with `failed` those with a failed span there.
-- Parameters: tenant, service, instance, version, peer (String; '' = any), from, to (DateTime), failed (UInt8: 1 = failed spans only),
--   max_count (UInt32).
-- Row: trace_id, duration (ns of the slowest such span).
-- Cost: reads four columns of the window's minutes; the caller keeps the window short.
SELECT TraceId AS trace_id, max(Duration) AS duration
FROM spans
WHERE Tenant = {tenant:String}
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
  AND Service = {service:String}
  AND ({instance:String} = '' OR Instance = {instance:String})
  AND ({version:String} = '' OR Version = {version:String})
  AND ({peer:String} = '' OR Peer = {peer:String})
  AND ({failed:UInt8} = 0 OR Outcome = 'failed')
GROUP BY TraceId
ORDER BY duration DESC
LIMIT {max_count:UInt32}
