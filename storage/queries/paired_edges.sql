-- The edges that spans tell of, as rows of edge_buckets with Source = 'spans', all tenants.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open), known_at (DateTime64(3): spans that came later are not seen).
-- Row: every column of edge_buckets.
-- Callee side: every entry span, in its own bucket: Server or Consumer whose parent is a Client or Producer, another service, or not known; a
--   proxy's Client below another service (a gateway that makes one span a request). Caller side: the caller's last span before the wire,
--   in its own bucket: it has an entry below it, or is a Client or Producer (or a gateway's Server span, which names whom it called) with neither an
--   entry nor a Client of its own service below it.
--   So app CLIENT -> proxy CLIENT -> proxy SERVER -> app SERVER is one edge, each span counts once, and windows add up to the whole.
-- Reach: a parent is found when the child began at most 5 s before it (clocks) and at most 10 s after it, or after a longer parent as long
--   as that ran and 5 s more, 60 s in all (analyzer/progress.ts plans by the same numbers). A message's producer: within 60 s.
-- Attempts: where a call has several entries the last one is its answer. A proxy's Client that failed and was followed by another to the same
--   peer under the same parent is no call but a retry of the last one; its flags count all the same.
-- Messaging: producer -> destination and destination -> consumer, the destination in the producer's cluster (by parent or link), namespace ''.
-- Without a callee span: a typed node of the name that the caller gives. A service is that of its neighbourhood: caller's namespace, else the
--   only one of that name in the caller's cluster, else the only one anywhere. Never arrived: failed, cancelled or so flagged.
-- Lost parent: SrcKind unknown, Evidence inferred; a true root is unknown by span-pair. A span that came twice counts once.
-- Flags: the caller's span's, else its callee's. Offsets: the middle of the callee's span less the middle of the caller's, between clusters.
-- Bytes and security are not known from here (0). The time in proxies is 0 here; proxy_times.sql adds it in rows of its own.
-- Cost: one full hash join of the range and its margins of 10 s (entries and Clients are the build side; 60 s for long spans); places, peers and
--   labels travel as hashes and dictionaries, a place's upper half being its service. Duplicates and siblings are looked for by one number a span.
--   Each layer of the statement is analysed again in each run, rows or none: a new one is worth its price only where it saves more (adr/0021).
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  toUnixTimestamp64Nano(from_time) AS from_ns,
  toUnixTimestamp64Nano(to_time) AS to_ns,
  -- Parents that run long may lie further back, and their children further ahead.
  (
    SELECT (countIf(Timestamp >= from_time) > 0, countIf(Timestamp < from_time - INTERVAL 10 SECOND) > 0)
    FROM span_edges WHERE Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < to_time AND Duration > 5000000000
  ) AS long,
  long.1 AS has_long,
  long.2 AS has_earlier,
  near AS (
    SELECT * FROM span_edges
    WHERE Timestamp >= from_time - INTERVAL if(has_earlier, 60, 10) SECOND AND Timestamp < to_time + INTERVAL if(has_long, 60, 10) SECOND
      AND (NOT has_earlier OR Timestamp >= from_time - INTERVAL 10 SECOND OR Duration > 5000000000)
      AND (NOT has_long OR Timestamp < to_time + INTERVAL 10 SECOND OR ParentKey IN (
        SELECT SpanKey FROM span_edges WHERE Timestamp >= from_time AND Timestamp < to_time AND Duration > 5000000000))
      AND ({known_at:DateTime64(3)} > now64(3) OR IngestedAt <= {known_at:DateTime64(3)})
  ),
  -- Spans that came twice, and parents with several entries: two passes over numbers.
  (SELECT groupArray(SpanKey) FROM (SELECT SpanKey FROM near GROUP BY SpanKey HAVING count() > 1)) AS twice,
  notEmpty(twice) AS has_twice,
  once AS (
    SELECT * FROM near WHERE NOT has_twice OR SpanKey NOT IN (SELECT arrayJoin(twice))
    UNION ALL
    SELECT * FROM near WHERE has_twice AND SpanKey IN (SELECT arrayJoin(twice)) LIMIT 1 BY Tenant, SpanKey, Kind, Service
  ),
  several AS (
    SELECT ParentKey FROM near
    WHERE ParentKey != 0 AND (Kind IN ('Server', 'Consumer') OR (Kind = 'Client' AND Proxy = 1))
    GROUP BY ParentKey HAVING count() > 1
  ),
  siblings AS (
    SELECT arraySort(groupUniqArray((
      Kind IN ('Server', 'Consumer'), toUnixTimestamp64Nano(Timestamp), bitXor(SpanKey, cityHash64(Tenant)), cityHash64(Cluster, Namespace, Service),
      if(Kind = 'Client', cityHash64(Peer), 0), Outcome IN ('failed', 'cancelled'), toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)))) AS list
    FROM near
    WHERE ParentKey IN several AND (Kind IN ('Server', 'Consumer') OR (Kind = 'Client' AND Proxy = 1))
    GROUP BY Tenant, ParentKey
  ),
  -- Of each parent's entries: all but the last, all but the last of each service, and the proxy's Clients that were tried again.
  (
    SELECT (groupArrayArray(arrayPopBack(list).3),
      groupArrayArray(arrayFilter((x, i) -> arrayExists(y -> y.4 = x.4, arraySlice(list, i + 1)), list, arrayEnumerate(list)).3),
      groupArrayArray(arrayFilter((x, i) -> x.5 != 0 AND x.6 AND arrayExists(y -> y.5 = x.5 AND y.2 >= x.7 AND y.2 <= x.2 + 10000000000, arraySlice(list, i + 1)), list, arrayEnumerate(list)).3))
    FROM siblings
  ) AS earlier,
  consumers AS (
    SELECT * FROM near WHERE Kind = 'Consumer' LIMIT 1 BY Tenant, SpanKey, Kind, Service
  ),
  producers AS (
    SELECT c.consumer AS consumer, min(toString(p.Cluster)) AS cluster
    FROM (SELECT bitXor(SpanKey, cityHash64(Tenant)) AS consumer, Timestamp, bitXor(arrayJoin(arrayPushBack(LinkKeys, ParentKey)), cityHash64(Tenant)) AS key FROM consumers) AS c
    INNER JOIN (
      SELECT bitXor(SpanKey, cityHash64(Tenant)) AS key, Timestamp, Cluster
      FROM span_edges
      WHERE Timestamp >= from_time - INTERVAL 70 SECOND AND Timestamp < to_time + INTERVAL 20 SECOND
        AND Kind = 'Producer' AND ({known_at:DateTime64(3)} > now64(3) OR IngestedAt <= {known_at:DateTime64(3)})
    ) AS p ON c.key = p.key
    WHERE c.Timestamp >= p.Timestamp - INTERVAL 5 SECOND AND c.Timestamp <= p.Timestamp + INTERVAL 60 SECOND
    GROUP BY consumer
  ),
  callers AS (
    SELECT bitXor(SpanKey, cityHash64(Tenant)) AS key, {{span_place}} AS place,
      toUInt8(Kind) AS kind, toUnixTimestamp64Nano(Timestamp) AS ns, Duration, toUInt8(Outcome) AS outcome, Peer, PeerKind, Protocol, ResponseFlags,
      Tenant, Cluster, Namespace, Service, Version, Instance, toUInt16(cityHash64(Cluster)) AS cluster, key IN (SELECT arrayJoin(earlier.3)) AS is_retried,
      Kind = 'Server' AND Proxy = 1 AND Peer != '' AS is_sent_on
    FROM once
  ),
  -- What may be an entry; the label of a consumer is its protocol, destination, the producer's cluster and the evidence.
  below AS (
    SELECT SpanKey, ParentKey, Timestamp, Kind, Outcome, Duration, Tenant, Cluster, Namespace, Service, Version, Instance, ResponseFlags, Protocol AS label
    FROM once WHERE Kind IN ('Server', 'Client')
    UNION ALL
    SELECT SpanKey, ParentKey, Timestamp, Kind, Outcome, Duration, Tenant, Cluster, Namespace, Service, Version, Instance, ResponseFlags,
      toLowCardinality(if(Peer = '', toString(Protocol), concat(toString(Protocol), '\n', toString(Peer), '\n', producers.cluster, '\n',
        multiIf(notEmpty(LinkKeys), 'link', ParentKey = 0 OR producers.consumer != 0, 'span-pair', ''))))
    FROM consumers LEFT ANY JOIN producers ON bitXor(consumers.SpanKey, cityHash64(consumers.Tenant)) = producers.consumer
  ),
  callees AS (
    SELECT bitXor(ParentKey, cityHash64(Tenant)) AS parent, bitXor(SpanKey, cityHash64(Tenant)) AS key, {{span_place}} AS place,
      toUInt32(toUInt8(Kind)) + bitShiftLeft(toUInt32(toUInt8(Outcome)), 3) + bitShiftLeft(toUInt32(ParentKey = 0), 5)
        + bitShiftLeft(toUInt32(key IN (SELECT arrayJoin(earlier.1))), 6) + bitShiftLeft(toUInt32(key IN (SELECT arrayJoin(earlier.2))), 7)
        + bitShiftLeft(toUInt32(toUInt16(cityHash64(Cluster))), 16) AS code,
      toUnixTimestamp64Nano(Timestamp) AS ns, Duration, ResponseFlags, label
    FROM below
  ),
  matched AS (
    SELECT
      p.key != 0 AS has_caller, e.code != 0 AS has_callee, p.kind AS caller_kind, bitAnd(e.code, 7) AS callee_kind, p.kind IN (3, 4) AS is_client,
      p.ns AS caller_at, e.ns AS callee_at, p.place AS caller_place, e.place AS callee_place, p.Duration AS caller_ns, e.Duration AS callee_ns,
      p.outcome AS caller_outcome, e.code AS code, p.Peer AS Peer, p.PeerKind AS PeerKind, p.Protocol AS protocol, e.label AS label,
      p.ResponseFlags AS caller_flags, e.ResponseFlags AS callee_flags, p.is_retried AS is_retried, p.is_sent_on AS is_sent_on, p.cluster AS caller_cluster,
      p.Tenant AS Tenant, p.Cluster AS Cluster, p.Namespace AS Namespace, p.Service AS Service, p.Version AS Version, p.Instance AS Instance,
      has_caller AND has_callee AND e.ns >= p.ns - 5000000000
        AND e.ns - p.ns <= if(p.Duration > 5000000000, least(60000000000, p.Duration + 5000000000), 10000000000) AS is_pair
    FROM callers AS p FULL JOIN callees AS e ON p.key = e.parent
  ),
  pairs AS (
    SELECT *,
      toUInt8(bitAnd(
        multiIf(
          NOT is_pair, (has_caller AND (is_client OR is_sent_on)) + 2 * (has_callee AND callee_kind IN (2, 5)),
          bitShiftRight(bitXor(caller_place, callee_place), 32) = 0 AND NOT (is_client AND callee_kind IN (2, 5)), 0, 3),
        (caller_at >= from_ns AND caller_at < to_ns) + 2 * (callee_at >= from_ns AND callee_at < to_ns))) AS sides
    FROM matched
    WHERE sides != 0
  ),
  -- In steps, for an alias that refers to aliases is written out again at each use.
  sided AS (
    SELECT *, sides >= 2 AS of_callee, is_pair AND bitAnd(code, if(is_client, 64, 128)) != 0 AS is_earlier,
      bitAnd(bitShiftRight(code, 3), 3) AS callee_outcome, bitAnd(code, 32) != 0 AS is_root, caller_kind = 4 AS is_sent, callee_kind = 5 AS is_consumed
    FROM pairs
  ),
  -- One row a side where the sides lie in different buckets or end at different nodes, which is seldom; else one row for both (side 3).
  parted AS (
    SELECT *, side != 2 AS for_caller, side != 1 AS for_callee,
      for_caller AND NOT is_earlier AND NOT is_retried AS is_call,
      -- The caller's row leads to a name where there is no callee, or a destination.
      for_caller AND (NOT is_pair OR is_sent) AS is_named
    FROM sided
    ARRAY JOIN if(sides = 3 AND (NOT is_pair OR is_sent OR is_consumed OR intDiv(caller_at, 10000000000) != intDiv(callee_at, 10000000000)),
      [toUInt8(1), toUInt8(2)], [sides]) AS side
  ),
  valued AS (
    SELECT *, is_call * caller_ns AS caller_took, for_callee * callee_ns AS callee_took,
      is_call AND is_pair AND NOT is_sent AND NOT is_consumed AS is_answered,
      intDiv(if(for_caller, caller_at, callee_at), 10000000000) AS bucket,
      -- What the ends are: 0 two services, 1 unknown and a service, 2 a service and a name, 3 a destination and its consumer.
      multiIf(is_named, 2, for_callee AND is_consumed AND position(label, '\n') > 0, 3, NOT is_pair, 1, 0) AS shape
    FROM parted
  ),
  ended AS (
    SELECT *, shape = 2 AS to_name, if(to_name, Peer, '') AS named, if(to_name, PeerKind, '') AS named_kind, if(to_name, protocol, label) AS text,
      multiIf(to_name, NOT is_pair, shape = 1, NOT is_root, 0) AS is_inferred,
      toUInt8(if(caller_took < 200000, 0, least(95, floor(log(caller_took / 200000) / log(1.144)) + 1))) AS caller_slot,
      toUInt8(if(callee_took < 200000, 0, least(95, floor(log(callee_took / 200000) / log(1.144)) + 1))) AS callee_slot,
      multiIf(NOT for_caller, if(sides = 3 OR is_pair AND NOT is_earlier, '', callee_flags), caller_flags != '' AND NOT is_earlier, caller_flags,
        of_callee OR is_call, callee_flags, '') AS flags,
      cityHash64(bucket, shape, is_inferred, if(shape IN (0, 2), caller_place, 0), if(to_name, 0, callee_place), cityHash64(named), named_kind,
        cityHash64(text)) AS edge
    FROM valued
  ),
  edges AS (
    SELECT
      any(bucket) AS bucket, any(shape) AS shape, anyIf(callee_place, NOT to_name) AS dst, toString(any(named)) AS name, toString(any(named_kind)) AS name_kind,
      splitByChar('\n', toString(any(text))) AS labels, any(is_inferred) AS is_inferred,
      toString(any(Tenant)) AS tenant, toString(any(Cluster)) AS cluster, toString(any(Namespace)) AS namespace,
      toString(any(Service)) AS service, toString(any(Version)) AS version, toString(any(Instance)) AS instance,
      sum(is_call) AS CallerCalls, countIf(is_call AND caller_outcome = 2) AS CallerFailed, countIf(is_call AND caller_outcome = 1) AS CallerDegraded,
      countIf(is_call AND caller_outcome = 3) AS CallerCancelled, sum(caller_took) AS CallerNs, groupArrayIf(caller_slot, is_call) AS caller_slots,
      sum(for_callee) AS CalleeCalls, countIf(for_callee AND callee_outcome = 2) AS CalleeFailed, countIf(for_callee AND callee_outcome = 1) AS CalleeDegraded,
      countIf(for_callee AND callee_outcome = 3) AS CalleeCancelled, sum(callee_took) AS CalleeNs, groupArrayIf(callee_slot, for_callee) AS callee_slots,
      countIf(is_call AND NOT is_pair AND named_kind = 'service'
        AND (caller_outcome >= 2 OR match(caller_flags, '(^|,)(UH|UF|UO|NR|NC|DF|NFCF|RL|RLSE|UAEX|FI)(,|$)'))) AS NeverArrived,
      countIf(is_call AND caller_outcome = 2 AND NOT (is_pair AND callee_outcome = 2)) AS OriginFailed,
      sumIf(caller_ns - callee_ns, is_answered AND caller_ns > callee_ns) AS GapNs,
      countIf(for_caller AND NOT is_earlier AND is_retried) AS Retries,
      sumIf(callee_at - caller_at + intDiv(toInt64(callee_ns) - toInt64(caller_ns), 2), is_answered AND caller_cluster != bitShiftRight(code, 16)) AS OffsetNs,
      countIf(is_answered AND caller_cluster != bitShiftRight(code, 16)) AS OffsetCalls,
      arrayFlatten(arrayMap(x -> splitByChar(',', toString(x)), groupArrayIf(flags, flags != ''))) AS flag_list
    FROM ended
    GROUP BY edge
  ),
  places AS (
    SELECT {{span_place}} AS place,
      toString(Tenant) AS at_tenant, toString(Cluster) AS at_cluster, toString(Namespace) AS at_namespace, toString(Service) AS at_service,
      toString(Version) AS at_version, Instance AS at_instance
    FROM entities
  ),
  homes AS ({{service_homes}}),
  placed AS (
    SELECT *, multiIf(shape != 2, (at_cluster, at_namespace), name_kind IN ('', 'external'), ('', ''), name_kind = 'messaging', (cluster, ''),
      name_kind = 'service', {{home_of_service}}, (cluster, namespace)) AS home
    FROM edges
    LEFT ANY JOIN places ON edges.dst = places.place
    LEFT ANY JOIN homes ON edges.tenant = homes.home_tenant AND edges.name = homes.home_service
  )
SELECT
  if(shape IN (0, 2), tenant, at_tenant) AS Tenant, toDateTime(bucket * 10) AS Bucket,
  multiIf(shape = 1, 'unknown', shape = 3, 'messaging', 'service') AS SrcKind,
  multiIf(shape = 1, '', shape = 3, if(labels[3] != '', labels[3], at_cluster), cluster) AS SrcCluster,
  if(shape IN (0, 2), namespace, '') AS SrcNamespace, multiIf(shape = 1, '', shape = 3, labels[2], service) AS SrcService,
  if(shape IN (0, 2), version, '') AS SrcVersion, if(shape IN (0, 2), instance, '') AS SrcInstance,
  multiIf(shape != 2, 'service', name_kind = '', 'external', name_kind) AS DstKind,
  home.1 AS DstCluster, home.2 AS DstNamespace,
  if(shape = 2, name, at_service) AS DstService, if(shape = 2, '', at_version) AS DstVersion, if(shape = 2, '', at_instance) AS DstInstance,
  labels[1] AS Protocol,
  multiIf(shape = 3, if(labels[4] = '', 'inferred', labels[4]), is_inferred, 'inferred', 'span-pair') AS Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerNs,
  if(empty(caller_slots), [], arrayReduce('countResample(0, 96, 1)', caller_slots)) AS CallerHist,
  CalleeCalls, CalleeFailed, CalleeDegraded, CalleeCancelled, CalleeNs,
  if(empty(callee_slots), [], arrayReduce('countResample(0, 96, 1)', callee_slots)) AS CalleeHist,
  NeverArrived, OriginFailed, GapNs,
  CAST(arrayMap(f -> (f, toUInt64(countEqual(flag_list, f))), arrayDistinct(flag_list)), 'Map(LowCardinality(String), UInt64)') AS Flags,
  'spans' AS Source, Retries, toUInt64(0) AS ProxyNs, toUInt64(0) AS RequestBytes, toUInt64(0) AS ResponseBytes, toUInt64(0) AS SecuredCalls,
  toUInt64(0) AS PlainCalls, OffsetNs, OffsetCalls
FROM placed
