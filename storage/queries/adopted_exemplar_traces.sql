-- The same of an adopted table's traces: its spans have no attributes with us, so they are found by the keys of the slowest in span_edges.
-- Parameters, row: as read_exemplar_traces.sql. Fails where the table is gone: to be asked only while it is there (trace_horizon.sql).
-- Cost: the window's minutes of span_edges, ids and times of the adopted table.
SELECT t.TraceId AS trace_id, max(k.Duration) AS duration
FROM adopted_traces AS t
INNER JOIN (
  SELECT SpanKey, Duration FROM span_edges
  WHERE Tenant = {tenant:String}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
    AND Service = {service:String}
    AND ({instance:String} = '' OR Instance = {instance:String})
    AND ({version:String} = '' OR Version = {version:String})
    AND ({peer:String} = '' OR Peer = {peer:String})
    AND ({failed:UInt8} = 0 OR Outcome = 'failed')
  ORDER BY Duration DESC
  LIMIT 1000
) AS k ON cityHash64(t.TraceId, t.SpanId) = k.SpanKey
WHERE t.Timestamp >= {from:DateTime} AND t.Timestamp < {to:DateTime}
GROUP BY t.TraceId
ORDER BY duration DESC
LIMIT {max_count:UInt32}
