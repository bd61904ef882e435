-- Traces with a span as asked for: with a service, spans of it; without, roots.
-- Parameters: tenant, service, operation (String, '' = any), min_duration_ns (UInt64), failed (UInt8, 1 = failed spans only), by_duration (UInt8,
--   1 = the slowest first, 0 = the newest), from, to (DateTime, half-open), adopted (UInt8, 1 = a table is adopted), max_count (UInt32).
-- Row: traceId, atNs (text), durationNs, service, operation, matched (spans; copies are told by their times). The figures are those of the slowest span that matches.
-- Cost: six narrow columns of the period's minutes, TraceId where they match; of an adopted table the ids of the period.
SELECT traceId, toString(toUnixTimestamp64Nano(best.1 AS at)) AS atNs, durationNs, best.2 AS service, best.3 AS operation, matched
FROM (
  SELECT TraceId AS traceId, argMax((Timestamp, Service, Operation), Duration) AS best, max(Duration) AS durationNs,
    uniqExact(Timestamp, Duration, Operation) AS matched
  FROM spans
  WHERE Tenant = {tenant:String}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
    AND if({service:String} = '', ParentSpanId = '', Service = {service:String})
    AND ({operation:String} = '' OR Operation = {operation:String})
    AND Duration >= {min_duration_ns:UInt64}
    AND ({failed:UInt8} = 0 OR Outcome = 'failed')
  GROUP BY TraceId
  UNION ALL
  SELECT t.TraceId, argMax((k.Timestamp, k.Service, k.Operation), k.Duration), max(k.Duration), uniqExact(k.SpanKey)
  FROM adopted_traces AS t
  INNER JOIN (
    SELECT SpanKey, Timestamp, Duration, Service, Operation FROM span_edges
    WHERE {adopted:UInt8} = 1 AND Tenant = {tenant:String}
      AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
      AND if({service:String} = '', ParentKey = 0, Service = {service:String})
      AND ({operation:String} = '' OR Operation = {operation:String})
      AND Duration >= {min_duration_ns:UInt64}
      AND ({failed:UInt8} = 0 OR Outcome = 'failed')
    ORDER BY if({by_duration:UInt8} = 1, Duration, toUInt64(toUnixTimestamp64Nano(Timestamp))) DESC
    LIMIT 10000
  ) AS k ON cityHash64(t.TraceId, t.SpanId) = k.SpanKey
  WHERE {adopted:UInt8} = 1 AND t.Timestamp >= {from:DateTime} AND t.Timestamp < {to:DateTime}
  GROUP BY t.TraceId
)
ORDER BY if({by_duration:UInt8} = 1, durationNs, toUInt64(toUnixTimestamp64Nano(at))) DESC, traceId
LIMIT 1 BY traceId
LIMIT {max_count:UInt32}
