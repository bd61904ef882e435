-- The columns of a span that the trace view reads; included by trace_spans.sql and trace_adopted_spans.sql, never run by itself.
-- Row: as model/trace/span.ts, with startNs as text (unix nanoseconds) and links as two arrays. Cost: no maps are read.
  SpanId AS spanId, ParentSpanId AS parentSpanId, toString(Kind) AS kind, toString(toUnixTimestamp64Nano(Timestamp)) AS startNs,
  Duration AS durationNs, SpanName AS name, Operation AS operation, Protocol AS protocol, Cluster AS cluster, Namespace AS namespace,
  Service AS service, Version AS version, Instance AS instance, Node AS node, Runtime AS runtime, Isolation AS isolation,
  toString(Outcome) AS outcome, ResponseCode AS responseCode, ResponseFlags AS flags, Proxy AS proxy, Peer AS peer,
  toString(PeerKind) AS peerKind, StatusMessage AS message, LinkTraces AS linkTraceIds, LinkSpans AS linkSpanIds
