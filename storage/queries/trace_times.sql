-- When a trace happened: its first and last start within a period.
-- Parameters: tenant, trace_id (String), from, to (DateTime; minutes, both ends in).
-- Row: spanCount, firstSeconds, lastSeconds (unix; 0 where there are none).
-- Cost: as trace_spans.sql; the period decides.
SELECT count() AS spanCount, toUnixTimestamp(min(Timestamp)) AS firstSeconds, toUnixTimestamp(max(Timestamp)) AS lastSeconds
FROM spans
WHERE Tenant = {tenant:String} AND TraceId = {trace_id:String}
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND toStartOfMinute(Timestamp) <= {to:DateTime}
  AND Timestamp >= toStartOfMinute({from:DateTime})
