-- Everything that is stored of a few spans: attributes, events, links.
-- Parameters: tenant, trace_id (String), span_ids (Array(String)), from, to (DateTime; minutes, both ends in), max_count (UInt32).
-- Row: spanId, kind, service, statusCode, scopeName, attributes, resource (maps), eventTimes (text, unix ns), eventNames, eventAttributes, linkTraceIds, linkSpanIds.
-- Cost: as trace_spans.sql; the maps are read of the granules that hold the spans.
SELECT SpanId AS spanId, toString(SpanKind) AS kind, toString(Service) AS service, toString(StatusCode) AS statusCode, ScopeName AS scopeName,
  SpanAttributes AS attributes, ResourceAttributes AS resource, arrayMap(t -> toString(toUnixTimestamp64Nano(t)), `Events.Timestamp`) AS eventTimes,
  `Events.Name` AS eventNames, `Events.Attributes` AS eventAttributes, `Links.TraceId` AS linkTraceIds, `Links.SpanId` AS linkSpanIds
FROM spans
WHERE Tenant = {tenant:String} AND TraceId = {trace_id:String} AND SpanId IN {span_ids:Array(String)}
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND toStartOfMinute(Timestamp) <= {to:DateTime}
  AND Timestamp >= toStartOfMinute({from:DateTime})
ORDER BY Timestamp, SpanId
LIMIT 1 BY SpanId, SpanKind, Service
LIMIT {max_count:UInt32}
