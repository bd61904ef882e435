-- The start of the oldest span that is kept, of any tenant. Row: ms (unix ms; 0 when there is none).
-- Cost: nothing, ClickHouse knows it by part.
SELECT toUnixTimestamp64Milli(toDateTime64(min(Timestamp), 3)) AS ms FROM spans
