-- How requests were answered that did not end well, as the proxies say it, for localization: by code and by detail.
-- Parameters: tenant (String), fault (Array(DateTime): bucket starts).
-- Row: service, namespace, cluster (of the one who tells), is_callee (1: told on the callee's side), peer ('' unknown), proxy (1: a proxy answered or told,
--   0: the application), grpc (1: code is a gRPC status), code (-1 unknown), detail (Envoy's response code details, '' unknown), answers.
-- Cost: the spans and access logs of the named buckets, only those that did not end well; at most 5000 rows.
SELECT service, namespace, cluster, is_callee, peer, proxy, grpc, code, detail, sum(answers) AS answers
FROM (
  SELECT Service AS service, Namespace AS namespace, Cluster AS cluster, toUInt8(Kind = 'Server') AS is_callee, if(Kind = 'Server', '', Peer) AS peer,
    Proxy AS proxy, toUInt8(Protocol = 'grpc') AS grpc, ResponseCode AS code, '' AS detail, count() AS answers
  FROM span_edges
  -- Most requests end well: nothing else is read of those.
  PREWHERE Outcome IN ('degraded', 'failed')
  WHERE Tenant = {tenant:String}
    AND toStartOfMinute(Timestamp) >= toStartOfMinute(arrayMin({fault:Array(DateTime)}))
    AND Timestamp >= arrayMin({fault:Array(DateTime)}) AND Timestamp < arrayMax({fault:Array(DateTime)}) + INTERVAL 10 SECOND
    AND Kind IN ('Server', 'Client')
    AND has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
  GROUP BY ALL
  UNION ALL
  SELECT Service, Namespace, Cluster, toUInt8(Direction = 'inbound'), if(Direction = 'inbound', '', DstService), 1, toUInt8(GrpcStatus >= 0),
    if(GrpcStatus >= 0, GrpcStatus, ResponseCode), ResponseDetails, count()
  FROM access_logs
  WHERE Tenant = {tenant:String}
    AND Timestamp >= arrayMin({fault:Array(DateTime)}) AND Timestamp < arrayMax({fault:Array(DateTime)}) + INTERVAL 10 SECOND
    AND Outcome IN ('degraded', 'failed') AND Direction != '' AND ResponseDetails NOT IN ('', '-', 'via_upstream')
    AND has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
  GROUP BY ALL
)
GROUP BY ALL
ORDER BY answers DESC
LIMIT 5000
