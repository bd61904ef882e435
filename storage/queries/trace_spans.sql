-- The spans of one trace, earliest first.
-- Parameters: tenant, trace_id (String), from, to (DateTime; minutes that are looked at, both ends in), max_count (UInt32).
-- Row: trace_columns.sql. Copies of a span are left to the reader.
-- Cost: (minute, TraceId) is the order of the table: a granule or two a minute and part, of which only TraceId is read where the trace is not.
SELECT
{{trace_columns}}
FROM (
  SELECT *, SpanKind AS Kind, `Links.TraceId` AS LinkTraces, `Links.SpanId` AS LinkSpans
  FROM spans
  WHERE Tenant = {tenant:String} AND TraceId = {trace_id:String}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND toStartOfMinute(Timestamp) <= {to:DateTime}
    AND Timestamp >= toStartOfMinute({from:DateTime})
)
ORDER BY Timestamp, Duration DESC, SpanId
LIMIT {max_count:UInt32}
