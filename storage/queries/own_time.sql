-- What each instance did in some buckets, by operation; writes to operation_buckets_staging.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open).
-- Requests = entry spans (as in paired_edges.sql, with its reach). Own time of a span = its duration minus the union of its children's
--   intervals, clipped to it; summed over everything but Client and Producer spans (their rest is network and callee time and belongs to
--   the edge), save an application's Client span around its own proxy's: the rest of that is this process waiting for CPU
--   (rows with operation ''). SelfHist = distribution of own time over the Server and Consumer spans, the proxy's and the
--   application's each for itself: time before the application takes a request (paused, starting) is the proxy's own time.
--   A gateway's span that names whom it called and has nothing below it is a call as a Client's is: it has no time of its own.
-- OriginFailed = failed spans below which nothing failed. An Internal span that fails after a failed sibling follows from that one.
-- A proxy's operation takes the application's route when the application has a span. A span that came twice counts once. Nothing is
--   joined across tenants.
-- Cost: two hash joins over the window plus margins of 10 s (60 s for long spans), children grouped by parent. A parent is one number: its
--   service's hash, the last bit telling that it is a Client or Producer. Groups past 192 MB go to disk (a peak of 215 MB for a million spans).
INSERT INTO operation_buckets_staging (Tenant, Bucket, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol,
  Requests, Failed, Degraded, Cancelled, OriginFailed, TotalNs, SelfNs, Hist, SelfHist, Flags)
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  -- Spans that came twice, looked for once.
  (
    SELECT groupArray(SpanKey) FROM (
      SELECT SpanKey FROM span_edges WHERE Timestamp >= from_time AND Timestamp < to_time GROUP BY SpanKey HAVING count() > 1)
  ) AS twice,
  notEmpty(twice) AS has_twice,
  followed AS (
    SELECT arrayJoin(arrayFilter(x -> x.3, arrayPopFront(arraySort(groupUniqArray((Timestamp, SpanKey, Kind = 'Internal')))))).2
    FROM span_edges
    WHERE Timestamp >= from_time - INTERVAL 10 SECOND AND Timestamp < to_time AND Outcome = 'failed' AND ParentKey != 0
    GROUP BY Tenant, ParentKey HAVING count() > 1
  )
SELECT any(tenant), toDateTime(any(at) * 10), any(cluster), any(namespace), any(service), any(version), any(instance), any(node), any(operation), any(protocol),
  sum(entry) AS requests, countIf(entry AND outcome = 'failed'), countIf(entry AND outcome = 'degraded'), countIf(entry AND outcome = 'cancelled'),
  sum(origin), sumIf(duration, entry), toUInt64(sum(self)),
  arrayReduce('countResample(0, 96, 1)', groupArrayIf(toUInt8(if(duration < 200000, 0, least(95, floor(log(duration / 200000) / log(1.144)) + 1))), entry)),
  arrayReduce('countResample(0, 96, 1)', groupArrayIf(toUInt8(if(self < 200000, 0, least(95, floor(log(self / 200000) / log(1.144)) + 1))), work)),
  CAST(sumMapIf(splitByChar(',', toString(flags)), arrayMap(f -> toUInt64(1), splitByChar(',', toString(flags))), flags != ''), 'Map(LowCardinality(String), UInt64)')
FROM (
  SELECT
    s.Tenant AS tenant, intDiv(toUnixTimestamp(toDateTime(s.Timestamp)), 10) AS at,
    s.Cluster AS cluster, s.Namespace AS namespace, s.Service AS service, s.Version AS version, s.Instance AS instance, s.Node AS node,
    multiIf(s.Kind = 'Client', '', s.Proxy = 1 AND c.app_operation != '', c.app_operation, s.Operation) AS operation,
    if(s.Kind = 'Client', '', s.Protocol) AS protocol, s.Outcome AS outcome, s.Duration AS duration,
    s.Kind IN ('Server', 'Consumer') AND (p.home = 0 OR bitAnd(p.home, 1) = 1
      OR bitShiftRight(p.home, 1) != bitShiftRight(cityHash64(cityHash64(s.Cluster), cityHash64(s.Namespace), cityHash64(s.Service)), 1)) AS entry,
    s.Kind IN ('Server', 'Consumer') AS work,
    s.Kind != 'Client' AND s.Outcome = 'failed' AND c.failed = 0 AND s.SpanKey NOT IN followed AS origin,
    toUnixTimestamp64Nano(s.Timestamp) AS t0,
    if(s.Kind = 'Server' AND s.Proxy = 1 AND s.Peer != '' AND empty(c.starts), 0, greatest(0, toInt64(s.Duration) - if(empty(c.starts), 0, toInt64(arrayReduce('intervalLengthSum',
      arrayMap(x -> greatest(x, t0), c.starts),
      arrayMap((x, y) -> greatest(least(x, t0 + toInt64(s.Duration)), greatest(y, t0)), c.ends, c.starts)))))) AS self,
    if(s.Kind = 'Client', '', s.ResponseFlags) AS flags,
    cityHash64(at, cityHash64(tenant), cityHash64(cluster), cityHash64(namespace), cityHash64(service), cityHash64(version), cityHash64(instance),
      cityHash64(node), cityHash64(operation), cityHash64(protocol)) AS one
  FROM (
    SELECT *, cityHash64(Tenant) AS salt
    FROM (
      SELECT * FROM span_edges WHERE Timestamp >= from_time AND Timestamp < to_time AND (NOT has_twice OR SpanKey NOT IN (SELECT arrayJoin(twice)))
      UNION ALL
      SELECT * FROM span_edges WHERE Timestamp >= from_time AND Timestamp < to_time AND has_twice
        AND SpanKey IN (SELECT arrayJoin(twice)) LIMIT 1 BY Tenant, SpanKey, Kind, Service
    )
    WHERE Kind != 'Producer' AND NOT (Kind = 'Client' AND Proxy = 1)
  ) AS s
  LEFT ANY JOIN (
    SELECT bitXor(SpanKey, cityHash64(Tenant)) AS key, bitOr(bitAnd(cityHash64(cityHash64(Cluster), cityHash64(Namespace), cityHash64(Service)), 0xFFFFFFFFFFFFFFFE), toUInt64(Kind IN ('Client', 'Producer'))) AS home
    FROM span_edges
    WHERE Timestamp >= from_time - INTERVAL 10 SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
    UNION ALL
    SELECT bitXor(SpanKey, cityHash64(Tenant)), bitOr(bitAnd(cityHash64(cityHash64(Cluster), cityHash64(Namespace), cityHash64(Service)), 0xFFFFFFFFFFFFFFFE), toUInt64(Kind IN ('Client', 'Producer')))
    FROM span_edges
    WHERE Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < from_time - INTERVAL 10 SECOND AND Duration > 5000000000
  ) AS p ON bitXor(s.ParentKey, s.salt) = p.key
  LEFT ANY JOIN (
    SELECT key, groupArray(toUnixTimestamp64Nano(Timestamp)) AS starts,
      groupArray(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) AS ends,
      max(Outcome = 'failed') AS failed,
      minIf(toString(Operation), Kind = 'Server' AND Proxy = 0) AS app_operation,
      max(Kind = 'Client' AND Proxy = 1) AS own_proxy
    FROM (
      SELECT bitXor(ParentKey, cityHash64(Tenant)) AS key, Timestamp, Duration, Outcome, Operation, Kind, Proxy
      FROM span_edges
      WHERE Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL 10 SECOND AND ParentKey != 0
      UNION ALL
      SELECT bitXor(ParentKey, cityHash64(Tenant)), Timestamp, Duration, Outcome, Operation, Kind, Proxy
      FROM span_edges
      WHERE Timestamp >= to_time + INTERVAL 10 SECOND AND Timestamp < to_time + INTERVAL 60 SECOND
        AND ParentKey IN (SELECT SpanKey FROM span_edges WHERE Timestamp >= from_time AND Timestamp < to_time AND Duration > 5000000000)
    )
    GROUP BY key
  ) AS c ON bitXor(s.SpanKey, s.salt) = c.key
  WHERE s.Kind != 'Client' OR c.own_proxy = 1
)
GROUP BY one
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0, max_bytes_before_external_group_by = 201326592
