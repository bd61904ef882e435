-- Traces that have a span as asked for, those with the newest such span first.
-- Parameters: tenant, service, operation (String: service.name and span name, '' = any), min_ns, max_ns (UInt64), tag_names, tag_values (Array(String);
--   all of them on one span: attributes of the span or its resource, and error, span.kind, otel.status_code as Jaeger has them), from_ns, to_ns
--   (Int64, unix nanoseconds, half-open), max_count (UInt32).
-- Row: traceId, atSeconds (unix, of that span).
-- Cost: five narrow columns of the period's minutes, TraceId where they match; with tags both maps where the rest matches.
SELECT TraceId AS traceId, toUnixTimestamp(max(Timestamp) AS newest) AS atSeconds
FROM spans
PREWHERE Tenant = {tenant:String}
  AND toStartOfMinute(Timestamp) >= toStartOfMinute(fromUnixTimestamp64Nano({from_ns:Int64}))
  AND Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}) AND Timestamp < fromUnixTimestamp64Nano({to_ns:Int64})
  AND ({service:String} = '' OR ServiceName = {service:String})
  AND ({operation:String} = '' OR SpanName = {operation:String})
  AND Duration >= {min_ns:UInt64} AND Duration <= {max_ns:UInt64}
WHERE empty({tag_names:Array(String)})
  OR arrayAll((k, v) -> multiIf(
      k = 'error', (StatusCode = 'Error' OR SpanAttributes['error'] = 'true') = (v = 'true'),
      k = 'span.kind', lower(SpanKind) = lower(v),
      k = 'otel.status_code', upper(StatusCode) = upper(v),
      SpanAttributes[k] = v OR ResourceAttributes[k] = v),
    {tag_names:Array(String)}, {tag_values:Array(String)})
GROUP BY TraceId
ORDER BY newest DESC, traceId
LIMIT {max_count:UInt32}
