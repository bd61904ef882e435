-- Everything that is stored of a span; included by whole_spans.sql and adopted_whole_spans.sql, never run by itself.
-- Row: storage/whole-traces.ts, WholeSpan; times are texts (unix nanoseconds), the kind and the status in the words of today's Collector. Cost: maps are read.
  TraceId AS traceId, SpanId AS spanId, ParentSpanId AS parentSpanId, TraceState AS traceState, toString(SpanName) AS name,
  initcap(replaceOne(lower(toString(SpanKind)), 'span_kind_', '')) AS kind, toString(ServiceName) AS service,
  toString(toUnixTimestamp64Nano(Timestamp)) AS startNs, Duration AS durationNs,
  initcap(replaceOne(lower(toString(StatusCode)), 'status_code_', '')) AS statusCode, StatusMessage AS statusMessage,
  ScopeName AS scopeName, ScopeVersion AS scopeVersion, SpanAttributes AS attributes, ResourceAttributes AS resource,
  arrayMap(t -> toString(toUnixTimestamp64Nano(t)), `Events.Timestamp`) AS eventTimes, `Events.Name` AS eventNames, `Events.Attributes` AS eventAttributes,
  `Links.TraceId` AS linkTraceIds, `Links.SpanId` AS linkSpanIds
