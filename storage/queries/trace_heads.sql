-- A few traces in a line each.
-- Parameters: tenant (String), trace_ids (Array(String)), at (Array(UInt32), unix seconds of a span of each, in the same order).
-- Row: traceId, startNs (text), durationNs, spanCount, failedCount, services (names, at most 20), rootService, rootOperation ('' where no root is known).
--   Of a trace that goes on for longer, what began from two minutes before to three after that span.
-- Cost: (minute, TraceId) is the order of the table, and both are given: a granule or two a trace and minute.
SELECT TraceId AS traceId, toString(toUnixTimestamp64Nano(min(Timestamp))) AS startNs,
  toUInt64(max(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) - min(toUnixTimestamp64Nano(Timestamp))) AS durationNs,
  uniqExact(SpanId, SpanKind) AS spanCount, uniqExactIf((SpanId, SpanKind), Outcome = 'failed') AS failedCount,
  groupUniqArray(20)(toString(Service)) AS services,
  argMinIf(toString(Service), Timestamp, ParentSpanId = '') AS rootService,
  argMinIf(toString(Operation), Timestamp, ParentSpanId = '') AS rootOperation
FROM spans
WHERE Tenant = {tenant:String}
  AND (toStartOfMinute(Timestamp), TraceId) IN (
    SELECT toStartOfMinute(toDateTime(pair.2)) + toIntervalMinute(arrayJoin(range(-2, 4))), pair.1
    FROM (SELECT arrayJoin(arrayZip({trace_ids:Array(String)}, {at:Array(UInt32)})) AS pair))
GROUP BY TraceId
