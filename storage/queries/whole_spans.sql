-- Spans of a few traces with all that is stored of them, each trace's earliest first.
-- Parameters: tenant (String), trace_ids (Array(String)), at (Array(UInt32), unix seconds of each, in the same order), first, last (Int32: minutes that
--   are read before and after that time), per_trace, max_count (UInt32).
-- Row: whole_span_columns.sql. A span that came twice is there once.
-- Cost: (minute, TraceId) is the order of the table, and both are given: a granule or two a trace and minute, maps and all.
SELECT
{{whole_span_columns}}
FROM (
  SELECT * FROM spans
  WHERE Tenant = {tenant:String}
    AND (toStartOfMinute(Timestamp), TraceId) IN (
      SELECT toStartOfMinute(toDateTime(pair.2)) + toIntervalMinute(arrayJoin(range({first:Int32}, {last:Int32} + 1))), pair.1
      FROM (SELECT arrayJoin(arrayZip({trace_ids:Array(String)}, {at:Array(UInt32)})) AS pair))
  LIMIT 1 BY TraceId, SpanId, SpanKind, Service
)
ORDER BY indexOf({trace_ids:Array(String)}, TraceId), Timestamp, SpanId
LIMIT {per_trace:UInt32} BY TraceId
LIMIT {max_count:UInt32}
