-- Purpose: traces that show a place as it usually is: spans that did not fail and took about as long as half of them do.
-- Parameters: tenant, service, instance, version, peer (String; '' = any), from, to (DateTime), max_count (UInt32).
-- Row: trace_id. Cost: reads four columns of the window's minutes twice; the caller keeps the window short.
WITH (
  SELECT quantile(0.5)(Duration) FROM spans
  WHERE Tenant = {tenant:String}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
    AND Service = {service:String} AND ({instance:String} = '' OR Instance = {instance:String})
    AND ({version:String} = '' OR Version = {version:String}) AND ({peer:String} = '' OR Peer = {peer:String}) AND Outcome = 'ok'
) AS usual
SELECT TraceId AS trace_id
FROM spans
WHERE Tenant = {tenant:String}
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
  AND Service = {service:String} AND ({instance:String} = '' OR Instance = {instance:String})
  AND ({version:String} = '' OR Version = {version:String}) AND ({peer:String} = '' OR Peer = {peer:String}) AND Outcome = 'ok'
GROUP BY trace_id
ORDER BY min(abs(toFloat64(Duration) - usual)), trace_id
LIMIT {max_count:UInt32}
