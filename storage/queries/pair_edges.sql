-- Pairs the spans of some buckets into edges and writes them to edge_buckets_staging.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open).
-- Rule: callee side = every entry span (Server or Consumer whose parent is another service, or none), counted in its own bucket;
--   caller side = the last span of the caller before the wire (it has an entry child in another service, or no child at all),
--   counted in its own bucket. So each span counts once, whatever the order of arrival, and windows add up to the whole.
--   A call that never arrived names its callee without a namespace: it is the one service of that name, or else the caller's neighbour.
--   app CLIENT -> proxy CLIENT -> proxy SERVER -> app SERVER is one edge. Retries: callee calls exceed caller calls,
--   and the caller's result is compared with the last attempt. Keys are salted with the tenant: nothing is joined across tenants.
-- Cost: two hash joins over the window plus margins (60 s back for parents, 60 s ahead for children), and one grouping of
--   the callee spans by parent for the attempts of a retried call (the last one stands for the call).
INSERT INTO edge_buckets_staging (Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerNs, CallerHist,
  CalleeCalls, CalleeFailed, CalleeDegraded, CalleeCancelled, CalleeNs, CalleeHist,
  NeverArrived, OriginFailed, GapNs, Flags)
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  edge.Evidence = 'inferred' AND edge.DstKind = 'service' AND edge.DstVersion = '' AND edge.DstInstance = '' AND notEmpty(home.places) AS moved
SELECT edge.* EXCEPT (caller_map, callee_map) REPLACE (
  if(moved, home.places[1].1, edge.DstCluster) AS DstCluster,
  if(moved, home.places[1].2, edge.DstNamespace) AS DstNamespace)
FROM (
SELECT
  Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
  countIf(side = 1) AS CallerCalls,
  countIf(side = 1 AND Outcome = 'failed') AS CallerFailed,
  countIf(side = 1 AND Outcome = 'degraded') AS CallerDegraded,
  countIf(side = 1 AND Outcome = 'cancelled') AS CallerCancelled,
  sumIf(Duration, side = 1) AS CallerNs,
  if(CallerCalls = 0, [], arrayMap(i -> caller_map.2[indexOf(caller_map.1, toUInt8(i))], range(96))) AS CallerHist,
  countIf(side = 2) AS CalleeCalls,
  countIf(side = 2 AND Outcome = 'failed') AS CalleeFailed,
  countIf(side = 2 AND Outcome = 'degraded') AS CalleeDegraded,
  countIf(side = 2 AND Outcome = 'cancelled') AS CalleeCancelled,
  sumIf(Duration, side = 2) AS CalleeNs,
  if(CalleeCalls = 0, [], arrayMap(i -> callee_map.2[indexOf(callee_map.1, toUInt8(i))], range(96))) AS CalleeHist,
  sum(never_arrived) AS NeverArrived,
  sum(origin_failed) AS OriginFailed,
  sum(gap) AS GapNs,
  CAST(sumMap(flags, arrayMap(f -> toUInt64(1), flags)), 'Map(LowCardinality(String), UInt64)') AS Flags,
  sumMapIf([hist], [toUInt32(1)], side = 1) AS caller_map,
  sumMapIf([hist], [toUInt32(1)], side = 2) AS callee_map
FROM (
  SELECT
    toUInt8(2) AS side, e.Tenant AS Tenant,
    toStartOfInterval(toDateTime(e.Timestamp), INTERVAL 10 SECOND) AS Bucket,
    multiIf(e.Kind = 'Consumer', 'messaging', p.SpanKey = 0, 'unknown', 'service') AS SrcKind,
    if(e.Kind = 'Consumer', e.Cluster, p.Cluster) AS SrcCluster,
    if(e.Kind = 'Consumer', e.Namespace, p.Namespace) AS SrcNamespace,
    if(e.Kind = 'Consumer', e.Peer, p.Service) AS SrcService,
    if(e.Kind = 'Consumer', '', p.Version) AS SrcVersion,
    if(e.Kind = 'Consumer', '', p.Instance) AS SrcInstance,
    'service' AS DstKind, e.Cluster AS DstCluster, e.Namespace AS DstNamespace, e.Service AS DstService,
    e.Version AS DstVersion, e.Instance AS DstInstance, e.Protocol AS Protocol,
    multiIf(e.Kind = 'Consumer' AND notEmpty(e.LinkKeys), 'link', p.SpanKey = 0 AND e.ParentKey != 0, 'inferred', 'span-pair') AS Evidence,
    e.Outcome AS Outcome, e.Duration AS Duration, e.hist AS hist,
    toUInt8(0) AS never_arrived, toUInt8(0) AS origin_failed, toUInt64(0) AS gap, CAST([], 'Array(String)') AS flags
  FROM (
    SELECT *, cityHash64(Tenant) AS salt, toUInt8(if(Duration < 200000, 0, least(95, floor(log(Duration / 200000) / log(1.144)) + 1))) AS hist
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time) AND Timestamp >= from_time AND Timestamp < to_time
      AND Kind IN ('Server', 'Consumer')
  ) AS e
  LEFT ANY JOIN (
    SELECT bitXor(SpanKey, cityHash64(Tenant)) AS key, SpanKey, Kind, Cluster, Namespace, Service, Version, Instance
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 60 SECOND)
      AND Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
  ) AS p ON bitXor(e.ParentKey, e.salt) = p.key
  WHERE p.SpanKey = 0 OR p.Kind IN ('Client', 'Producer')
    OR (p.Service, p.Namespace, p.Cluster) != (e.Service, e.Namespace, e.Cluster)

  UNION ALL

  SELECT
    toUInt8(1) AS side, p.Tenant AS Tenant,
    toStartOfInterval(toDateTime(p.Timestamp), INTERVAL 10 SECOND) AS Bucket,
    'service' AS SrcKind, p.Cluster AS SrcCluster, p.Namespace AS SrcNamespace, p.Service AS SrcService,
    p.Version AS SrcVersion, p.Instance AS SrcInstance,
    multiIf(p.Kind = 'Producer', 'messaging', e.SpanKey != 0, 'service', p.PeerKind = '', 'external', toString(p.PeerKind)) AS DstKind,
    if(e.SpanKey != 0 AND p.Kind != 'Producer', e.Cluster, if(p.PeerKind = 'external', '', p.Cluster)) AS DstCluster,
    if(e.SpanKey != 0 AND p.Kind != 'Producer', e.Namespace, if(p.PeerKind = 'external', '', p.Namespace)) AS DstNamespace,
    multiIf(p.Kind = 'Producer', p.Peer, e.SpanKey != 0, e.Service, p.Peer) AS DstService,
    if(e.SpanKey != 0 AND p.Kind != 'Producer', e.Version, '') AS DstVersion,
    if(e.SpanKey != 0 AND p.Kind != 'Producer', e.Instance, '') AS DstInstance,
    multiIf(e.SpanKey != 0 AND p.Kind != 'Producer', e.Protocol, p.Protocol) AS Protocol,
    if(e.SpanKey != 0, 'span-pair', 'inferred') AS Evidence,
    p.Outcome AS Outcome, p.Duration AS Duration, p.hist AS hist,
    toUInt8(e.SpanKey = 0 AND p.PeerKind = 'service') AS never_arrived,
    toUInt8(p.Outcome = 'failed' AND (e.SpanKey = 0 OR e.Outcome != 'failed')) AS origin_failed,
    if(e.SpanKey = 0 OR p.Duration < e.Duration, toUInt64(0), toUInt64(p.Duration - e.Duration)) AS gap,
    if(p.ResponseFlags = '', [], splitByChar(',', toString(p.ResponseFlags))) AS flags
  FROM (
    SELECT *, cityHash64(Tenant) AS salt, toUInt8(if(Duration < 200000, 0, least(95, floor(log(Duration / 200000) / log(1.144)) + 1))) AS hist
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time) AND Timestamp >= from_time AND Timestamp < to_time
  ) AS p
  LEFT ANY JOIN (
    SELECT bitXor(ParentKey, cityHash64(Tenant)) AS key, SpanKey, Kind, Cluster, Namespace, Service, Version, Instance, Protocol, Outcome, Duration
    FROM span_edges
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 5 SECOND)
      AND Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL 60 SECOND
      AND ParentKey != 0 AND (Kind IN ('Server', 'Consumer') OR Proxy = 1)
      AND SpanKey NOT IN (
        SELECT arrayJoin(arrayPopBack(arraySort(groupArray((Kind IN ('Server', 'Consumer'), Timestamp, SpanKey))).3))
        FROM span_edges
        WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 5 SECOND)
          AND Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL 60 SECOND
          AND ParentKey != 0 AND (Kind IN ('Server', 'Consumer') OR Proxy = 1)
        GROUP BY Tenant, ParentKey HAVING count() > 1)
  ) AS e ON bitXor(p.SpanKey, p.salt) = e.key
  WHERE multiIf(
    e.SpanKey = 0, p.Kind IN ('Client', 'Producer'),
    p.Kind IN ('Client', 'Producer') AND e.Kind IN ('Server', 'Consumer'), 1,
    (p.Service, p.Namespace, p.Cluster) != (e.Service, e.Namespace, e.Cluster))
)
GROUP BY Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence
) AS edge
LEFT ANY JOIN (
  SELECT Tenant AS home_tenant, Service AS home_service, groupUniqArray(2)((toString(Cluster), toString(Namespace))) AS places
  FROM entities
  GROUP BY Tenant, Service
  HAVING length(places) = 1
) AS home ON edge.Tenant = home.home_tenant AND edge.DstService = home.home_service
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0
