-- Trace ids that show the fault at one place: failed spans first, then the slowest.
-- Parameters: tenant, service, instance, version, peer (String; '' = any), from, to (DateTime), failed (UInt8: 1 = failed spans only),
--   max_count (UInt32).
-- Row: trace_id. Spans of an adopted table have no attributes with us: they are found by the keys of the slowest in span_edges.
-- Cost: reads four columns of the window's minutes, of an adopted table ids and times; the caller keeps the window short.
SELECT trace_id FROM (
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
  UNION ALL
  SELECT t.TraceId, max(k.Duration)
  FROM adopted_traces AS t
  INNER JOIN (
    SELECT SpanKey, Duration FROM span_edges
    WHERE Tenant = {tenant:String}
      AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
      AND Service = {service:String}
      AND ({instance:String} = '' OR Instance = {instance:String})
      AND ({version:String} = '' OR Version = {version:String})
      AND ({peer:String} = '' OR Peer = {peer:String})
      AND ({failed:UInt8} = 0 OR Outcome = 'failed')
    ORDER BY Duration DESC
    LIMIT 1000
  ) AS k ON cityHash64(t.TraceId, t.SpanId) = k.SpanKey
  WHERE t.Timestamp >= {from:DateTime} AND t.Timestamp < {to:DateTime}
  GROUP BY t.TraceId
)
ORDER BY duration DESC
LIMIT {max_count:UInt32}
