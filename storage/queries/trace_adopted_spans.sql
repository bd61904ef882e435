-- The spans of one trace that an adopted table holds, with what was made of them in span_edges; earliest first.
-- Parameters: tenant, trace_id (String), from, to (DateTime; minutes that are looked at, both ends in), max_count (UInt32).
-- Row: trace_columns.sql. Spans that are not taken yet, or by another tenant, are not shown.
-- Cost: the adopted table's own index by trace; the keys of these minutes of span_edges: the caller keeps them few.
SELECT
{{trace_columns}}
FROM (
  SELECT t.Timestamp AS Timestamp, t.SpanId AS SpanId, t.ParentSpanId AS ParentSpanId, e.Kind AS Kind, t.Duration AS Duration, t.SpanName AS SpanName,
    e.Operation AS Operation, e.Protocol AS Protocol, e.Cluster AS Cluster, e.Namespace AS Namespace, e.Service AS Service, e.Version AS Version,
    e.Instance AS Instance, e.Node AS Node, '' AS Runtime, '' AS Isolation, e.Outcome AS Outcome, e.ResponseCode AS ResponseCode,
    e.ResponseFlags AS ResponseFlags, e.Proxy AS Proxy, e.Peer AS Peer, e.PeerKind AS PeerKind, t.StatusMessage AS StatusMessage,
    t.`Links.TraceId` AS LinkTraces, t.`Links.SpanId` AS LinkSpans
  FROM otel_traces AS t
  INNER JOIN (
    SELECT * FROM span_edges
    WHERE Tenant = {tenant:String}
      AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND toStartOfMinute(Timestamp) <= {to:DateTime}
      AND SpanKey IN (
        SELECT cityHash64(TraceId, SpanId) FROM adopted_traces
        WHERE TraceId = {trace_id:String} AND Timestamp >= toStartOfMinute({from:DateTime}) AND Timestamp < {to:DateTime} + INTERVAL 1 MINUTE)
    LIMIT 1 BY SpanKey
  ) AS e ON cityHash64(t.TraceId, t.SpanId) = e.SpanKey
  WHERE t.TraceId = {trace_id:String} AND t.Timestamp >= toStartOfMinute({from:DateTime}) AND t.Timestamp < {to:DateTime} + INTERVAL 1 MINUTE
)
ORDER BY Timestamp, Duration DESC, SpanId
LIMIT {max_count:UInt32}
