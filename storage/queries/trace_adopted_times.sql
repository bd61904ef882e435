-- When a trace of the adopted table happened: its first and last start within a period.
-- Parameters: trace_id (String), from, to (DateTime). Row: spanCount, firstSeconds, lastSeconds (unix; 0 where there are none).
-- Cost: the adopted table's index by trace (a bloom filter, by the Collector's schema) over the period's parts.
SELECT count() AS spanCount, toUnixTimestamp(min(Timestamp)) AS firstSeconds, toUnixTimestamp(max(Timestamp)) AS lastSeconds
FROM adopted_traces
WHERE TraceId = {trace_id:String} AND Timestamp >= toStartOfMinute({from:DateTime}) AND Timestamp < {to:DateTime} + INTERVAL 1 MINUTE
