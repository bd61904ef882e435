-- Spans of one trace of an adopted table with all that the table holds of them, earliest first.
-- Parameters: tenant, trace_id (String), from, to (DateTime; minutes, both ends in), max_count (UInt32).
-- Row: whole_span_columns.sql. Spans of another tenant are not shown: span_edges knows whose they are.
-- Cost: the adopted table's index by trace; the keys of these minutes of span_edges.
SELECT
{{whole_span_columns}}
FROM otel_traces
WHERE TraceId = {trace_id:String}
  AND Timestamp >= toStartOfMinute({from:DateTime}) AND Timestamp < toStartOfMinute({to:DateTime}) + INTERVAL 1 MINUTE
  AND cityHash64(TraceId, SpanId) IN (
    SELECT SpanKey FROM span_edges
    WHERE Tenant = {tenant:String}
      AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND toStartOfMinute(Timestamp) <= {to:DateTime}
      AND SpanKey IN (
        SELECT cityHash64(TraceId, SpanId) FROM adopted_traces
        WHERE TraceId = {trace_id:String}
          AND Timestamp >= toStartOfMinute({from:DateTime}) AND Timestamp < toStartOfMinute({to:DateTime}) + INTERVAL 1 MINUTE))
ORDER BY Timestamp, SpanId
LIMIT 1 BY SpanId, SpanKind
LIMIT {max_count:UInt32}
