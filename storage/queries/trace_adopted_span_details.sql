-- Everything that an adopted table holds of a few spans.
-- Parameters: tenant, trace_id (String), span_ids (Array(String)), from, to (DateTime; minutes, both ends in), max_count (UInt32).
-- Row: as trace_span_details.sql; service is the service.name of the resource. Spans of another tenant are not shown: span_edges knows whose they are.
-- Cost: the adopted table's index by trace; the keys of these minutes of span_edges.
SELECT SpanId AS spanId, initcap(replaceOne(lower(toString(SpanKind)), 'span_kind_', '')) AS kind, toString(ServiceName) AS service,
  initcap(replaceOne(lower(toString(StatusCode)), 'status_code_', '')) AS statusCode, ScopeName AS scopeName,
  SpanAttributes AS attributes, ResourceAttributes AS resource, arrayMap(t -> toString(toUnixTimestamp64Nano(t)), `Events.Timestamp`) AS eventTimes,
  `Events.Name` AS eventNames, `Events.Attributes` AS eventAttributes, `Links.TraceId` AS linkTraceIds, `Links.SpanId` AS linkSpanIds
FROM otel_traces
WHERE TraceId = {trace_id:String} AND SpanId IN {span_ids:Array(String)}
  AND Timestamp >= toStartOfMinute({from:DateTime}) AND Timestamp < {to:DateTime} + INTERVAL 1 MINUTE
  AND cityHash64(TraceId, SpanId) IN (
    SELECT SpanKey FROM span_edges
    WHERE Tenant = {tenant:String}
      AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND toStartOfMinute(Timestamp) <= {to:DateTime}
      AND SpanKey IN (SELECT cityHash64({trace_id:String}, arrayJoin({span_ids:Array(String)}))))
ORDER BY Timestamp, SpanId
LIMIT 1 BY SpanId, SpanKind
LIMIT {max_count:UInt32}
