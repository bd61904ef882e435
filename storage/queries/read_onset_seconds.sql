-- One symptom second by second, to find the onset inside its bucket, as spans and as access logs tell it.
-- Parameters: tenant, service, peer (String; peer '' = the service's own entry spans or requests, else its calls of that peer),
--   from, to (DateTime), slow_ns (UInt64: what counts as slow).
-- Row: source ('spans', 'access_logs'), second (unix s), calls, failed, refused (4xx and alike), slow. Cost: reads the narrow table and some
--   columns of access logs over at most some minutes.
SELECT source, toUnixTimestamp(toDateTime(Timestamp)) AS second, count() AS calls, countIf(Outcome = 'failed') AS failed,
  countIf(Outcome = 'degraded') AS refused, countIf(Duration > {slow_ns:UInt64}) AS slow
FROM (
  SELECT 'spans' AS source, Timestamp, toString(Outcome) AS Outcome, toUInt64(Duration) AS Duration
  FROM span_edges
  WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime})
    AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND Service = {service:String}
    AND if({peer:String} = '', Kind IN ('Server', 'Consumer'), Kind IN ('Client', 'Producer') AND Peer = {peer:String})
  UNION ALL
  SELECT 'access_logs' AS source, Timestamp, toString(Outcome), toUInt64(greatest(Duration, 0))
  FROM access_logs
  WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime})
    AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND Service = {service:String}
    AND if({peer:String} = '', Direction = 'inbound' OR Reporter = 'gateway', Direction = 'outbound' AND DstService = {peer:String})
)
GROUP BY source, second
ORDER BY second
