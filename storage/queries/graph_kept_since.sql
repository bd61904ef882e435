-- Purpose: how far back the graph's minutes and hours go, and raw spans.
-- Parameters: none.
-- Row: one; FirstHour, FirstMinute, FirstSpan: unix seconds, 0 when there is none.
-- Cost: read from the parts' own bounds.
SELECT
  (SELECT toUnixTimestamp(min(Hour)) FROM edge_hours) AS FirstHour,
  (SELECT toUnixTimestamp(min(Minute)) FROM edge_minutes) AS FirstMinute,
  (SELECT toUnixTimestamp(min(Timestamp)) FROM span_edges) AS FirstSpan
