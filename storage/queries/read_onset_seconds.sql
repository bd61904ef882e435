-- One symptom second by second, to find the onset inside its bucket.
-- Parameters: tenant, service, peer (String; peer '' = the service's own entry spans, else its client spans to that peer),
--   from, to (DateTime), slow_ns (UInt64: what counts as slow).
-- Row: second (unix s), calls, failed, refused (4xx and alike), slow. Cost: reads the narrow table over at most some minutes.
SELECT toUnixTimestamp(toDateTime(Timestamp)) AS second, count() AS calls, countIf(Outcome = 'failed') AS failed, countIf(Outcome = 'degraded') AS refused,
  countIf(Duration > {slow_ns:UInt64}) AS slow
FROM span_edges
WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime})
  AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND Service = {service:String}
  AND if({peer:String} = '', Kind IN ('Server', 'Consumer'), Kind IN ('Client', 'Producer') AND Peer = {peer:String})
GROUP BY second
ORDER BY second
