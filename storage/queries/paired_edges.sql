-- The edges that spans tell of, as rows of edge_buckets with Source = 'spans', all tenants.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open), known_at (DateTime64(3): spans that came later are not seen).
-- Row: every column of edge_buckets.
-- Callee side: every entry span, in its own bucket: Server or Consumer whose parent is a Client or Producer, another service, or not known; a
--   proxy's Client below another service (a gateway that makes one span a request). Caller side: the caller's last span before the wire,
--   in its own bucket: it has an entry below it, or is a Client or Producer with neither an entry nor a Client of its own service below it.
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
-- Bytes, security and the time in proxies are not known from here (0).
-- Cost: one full hash join of the range and its margins of 10 s (entries and Clients are the build side; 60 s for long spans); places, peers and
--   labels travel as hashes and dictionaries, a place's upper half being its service. Duplicates and siblings are looked for by one number a span.
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  toUnixTimestamp64Nano(from_time) AS from_ns,
  toUnixTimestamp64Nano(to_time) AS to_ns,
  -- Parents that run long may lie further back, and their children further ahead.
  (SELECT count() > 0 FROM span_edges WHERE Timestamp >= from_time AND Timestamp < to_time AND Duration > 5000000000) AS has_long,
  (
    SELECT count() > 0 FROM span_edges
    WHERE Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < from_time - INTERVAL 10 SECOND AND Duration > 5000000000
  ) AS has_earlier,
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
    SELECT bitXor(SpanKey, cityHash64(Tenant)) AS key, bitOr(
        bitAnd(bitXor(bitXor(cityHash64(Tenant), bitRotateLeft(cityHash64(Cluster), 1)), bitXor(bitRotateLeft(cityHash64(Namespace), 2), bitRotateLeft(cityHash64(Service), 3))), 0xFFFFFFFF00000000),
        bitShiftRight(bitXor(bitRotateLeft(cityHash64(Version), 1), cityHash64(Instance)), 32)) AS place,
      toUInt8(Kind) AS kind, toUnixTimestamp64Nano(Timestamp) AS ns, Duration, toUInt8(Outcome) AS outcome, Peer, PeerKind, Protocol, ResponseFlags,
      Tenant, Cluster, Namespace, Service, Version, Instance, toUInt16(cityHash64(Cluster)) AS cluster, key IN (SELECT arrayJoin(earlier.3)) AS is_retried
    FROM once
  ),
  callees AS (
    SELECT bitXor(ParentKey, cityHash64(Tenant)) AS parent, bitOr(
        bitAnd(bitXor(bitXor(cityHash64(Tenant), bitRotateLeft(cityHash64(Cluster), 1)), bitXor(bitRotateLeft(cityHash64(Namespace), 2), bitRotateLeft(cityHash64(Service), 3))), 0xFFFFFFFF00000000),
        bitShiftRight(bitXor(bitRotateLeft(cityHash64(Version), 1), cityHash64(Instance)), 32)) AS place,
      toUInt32(toUInt8(Kind)) + bitShiftLeft(toUInt32(toUInt8(Outcome)), 3) + bitShiftLeft(toUInt32(ParentKey = 0), 5)
        + bitShiftLeft(toUInt32(bitXor(SpanKey, cityHash64(Tenant)) IN (SELECT arrayJoin(earlier.1))), 6) + bitShiftLeft(toUInt32(bitXor(SpanKey, cityHash64(Tenant)) IN (SELECT arrayJoin(earlier.2))), 7)
        + bitShiftLeft(toUInt32(toUInt16(cityHash64(Cluster))), 16) AS code,
      toUnixTimestamp64Nano(Timestamp) AS ns, Duration, ResponseFlags, Protocol AS label
    FROM once WHERE Kind IN ('Server', 'Client')
    UNION ALL
    SELECT bitXor(ParentKey, cityHash64(Tenant)), bitOr(
        bitAnd(bitXor(bitXor(cityHash64(Tenant), bitRotateLeft(cityHash64(Cluster), 1)), bitXor(bitRotateLeft(cityHash64(Namespace), 2), bitRotateLeft(cityHash64(Service), 3))), 0xFFFFFFFF00000000),
        bitShiftRight(bitXor(bitRotateLeft(cityHash64(Version), 1), cityHash64(Instance)), 32)),
      toUInt32(toUInt8(Kind)) + bitShiftLeft(toUInt32(toUInt8(Outcome)), 3) + bitShiftLeft(toUInt32(ParentKey = 0), 5)
        + bitShiftLeft(toUInt32(bitXor(SpanKey, cityHash64(Tenant)) IN (SELECT arrayJoin(earlier.1))), 6) + bitShiftLeft(toUInt32(bitXor(SpanKey, cityHash64(Tenant)) IN (SELECT arrayJoin(earlier.2))), 7)
        + bitShiftLeft(toUInt32(toUInt16(cityHash64(Cluster))), 16),
      toUnixTimestamp64Nano(Timestamp), Duration, ResponseFlags,
      toLowCardinality(if(Peer = '', toString(Protocol), concat(toString(Protocol), '\n', toString(Peer), '\n', producers.cluster, '\n',
        multiIf(notEmpty(LinkKeys), 'link', ParentKey = 0 OR producers.consumer != 0, 'span-pair', ''))))
    FROM consumers LEFT ANY JOIN producers ON bitXor(consumers.SpanKey, cityHash64(consumers.Tenant)) = producers.consumer
  ),
  matched AS (
    SELECT
      p.key != 0 AS has_caller, e.code != 0 AS has_callee, p.kind AS caller_kind, bitAnd(e.code, 7) AS callee_kind, p.kind IN (3, 4) AS is_client,
      p.ns AS caller_at, e.ns AS callee_at, p.place AS caller_place, e.place AS callee_place, p.Duration AS caller_ns, e.Duration AS callee_ns,
      p.outcome AS caller_outcome, e.code AS code, p.Peer AS Peer, p.PeerKind AS PeerKind, p.Protocol AS protocol, e.label AS label,
      p.ResponseFlags AS caller_flags, e.ResponseFlags AS callee_flags, p.is_retried AS is_retried, p.cluster AS caller_cluster,
      p.Tenant AS Tenant, p.Cluster AS Cluster, p.Namespace AS Namespace, p.Service AS Service, p.Version AS Version, p.Instance AS Instance,
      has_caller AND has_callee AND e.ns >= p.ns - 5000000000
        AND e.ns - p.ns <= if(p.Duration > 5000000000, least(60000000000, p.Duration + 5000000000), 10000000000) AS is_pair
    FROM callers AS p FULL JOIN callees AS e ON p.key = e.parent
  ),
  pairs AS (
    SELECT *,
      toUInt8(bitAnd(
        multiIf(
          NOT is_pair, (has_caller AND is_client) + 2 * (has_callee AND callee_kind IN (2, 5)),
          bitShiftRight(bitXor(caller_place, callee_place), 32) = 0 AND NOT (is_client AND callee_kind IN (2, 5)), 0, 3),
        (caller_at >= from_ns AND caller_at < to_ns) + 2 * (callee_at >= from_ns AND callee_at < to_ns))) AS sides
    FROM matched
    WHERE sides != 0
  ),
  -- In steps, for an alias that refers to aliases is written out again at each use.
  sided AS (
    SELECT *, bitAnd(sides, 1) = 1 AS at_caller, sides >= 2 AS of_callee, is_pair AND bitAnd(code, if(is_client, 64, 128)) != 0 AS is_earlier,
      bitAnd(bitShiftRight(code, 3), 3) AS callee_outcome, bitAnd(code, 32) != 0 AS is_root, caller_kind = 4 AS is_sent, callee_kind = 5 AS is_consumed
    FROM pairs
  ),
  called AS (
    SELECT *, at_caller AND NOT is_earlier AND NOT is_retried AS is_call, at_caller AND NOT is_earlier AND is_retried AS is_retry,
      -- The caller's row leads to a name where there is no callee, or a destination.
      at_caller AND (NOT is_pair OR is_sent) AS is_named
    FROM sided
  ),
  valued AS (
    SELECT *, is_call * caller_ns AS caller_took, of_callee * callee_ns AS callee_took, is_call AND is_pair AND NOT is_sent AND NOT is_consumed AS is_answered,
      intDiv(caller_at, 10000000000) * at_caller AS caller_bucket, intDiv(callee_at, 10000000000) * of_callee AS callee_bucket,
      if(is_named, Peer, '') AS name, if(is_named, PeerKind, '') AS name_kind
    FROM called
  ),
  counted AS (
    SELECT *,
      is_call * caller_outcome AS caller_result, of_callee * callee_outcome AS callee_result,
      toUInt8(if(caller_took < 200000, 0, least(95, floor(log(caller_took / 200000) / log(1.144)) + 1))) AS caller_slot,
      toUInt8(if(callee_took < 200000, 0, least(95, floor(log(callee_took / 200000) / log(1.144)) + 1))) AS callee_slot,
      if(is_answered AND caller_ns > callee_ns, caller_ns - callee_ns, 0) AS gap,
      is_call AND caller_outcome = 2 AND NOT (is_pair AND callee_outcome = 2) AS is_origin,
      is_call AND NOT is_pair AND name_kind = 'service'
        AND (caller_outcome >= 2 OR match(caller_flags, '(^|,)(UH|UF|UO|NR|NC|DF|NFCF|RL|RLSE|UAEX|FI)(,|$)')) AS is_lost,
      is_answered AND caller_cluster != bitShiftRight(code, 16) AS is_between,
      multiIf(NOT at_caller, if(is_pair AND NOT is_earlier, '', callee_flags), caller_flags != '' AND NOT is_earlier, caller_flags,
        of_callee OR is_call, callee_flags, '') AS flags,
      cityHash64(caller_bucket, callee_bucket, sides, is_pair, is_sent, is_consumed, is_root, caller_place, callee_place,
        cityHash64(name), name_kind, cityHash64(label), cityHash64(protocol)) AS edge
    FROM valued
  ),
  sums AS (
    SELECT
      any(sides) AS sides, any(caller_bucket) AS caller_bucket, any(callee_bucket) AS callee_bucket, any(is_pair) AS is_pair, any(is_named) AS is_named,
      any(is_root) AS is_root, any(is_sent) AS is_sent, any(is_consumed) AS is_consumed, any(caller_place) AS caller_place, any(callee_place) AS callee_place,
      any(name) AS name, any(name_kind) AS name_kind, any(label) AS label, any(protocol) AS protocol,
      any(Tenant) AS tenant, any(Cluster) AS cluster, any(Namespace) AS namespace, any(Service) AS service, any(Version) AS version, any(Instance) AS instance,
      sum(is_call) AS caller_calls, countIf(caller_result = 2) AS caller_failed, countIf(caller_result = 1) AS caller_degraded,
      countIf(caller_result = 3) AS caller_cancelled, sum(caller_took) AS caller_time, groupArrayIf(caller_slot, is_call) AS caller_slots,
      sum(of_callee) AS callee_calls, countIf(callee_result = 2) AS callee_failed, countIf(callee_result = 1) AS callee_degraded,
      countIf(callee_result = 3) AS callee_cancelled, sum(callee_took) AS callee_time, groupArrayIf(callee_slot, of_callee) AS callee_slots,
      sum(is_lost) AS lost, sum(is_origin) AS origins, sum(gap) AS gaps, sum(is_retry) AS retries, sumIf(callee_at - caller_at + intDiv(toInt64(callee_ns) - toInt64(caller_ns), 2), is_between) AS offsets, sum(is_between) AS between,
      groupArrayIf(flags, flags != '') AS flag_sets
    FROM counted
    GROUP BY edge
  ),
  -- Sides that lie in different buckets or end at different nodes part only now.
  sides AS (
    SELECT *, bitAnd(side, 1) = 1 AS at_caller, side >= 2 AS at_callee
    FROM sums
    ARRAY JOIN if(sides = 3 AND (NOT is_pair OR is_sent OR is_consumed OR caller_bucket != callee_bucket), [toUInt8(1), toUInt8(2)], [sides]) AS side
  ),
  shaped AS (
    -- What the ends are: 0 two services, 1 unknown and a service, 2 a service and a name, 3 a destination and its consumer.
    SELECT *, multiIf(at_caller AND is_named, 2, at_callee AND is_consumed AND position(label, '\n') > 0, 3, NOT is_pair, 1, 0) AS shape
    FROM sides
  ),
  ended AS (
    SELECT *, if(at_caller, caller_bucket, callee_bucket) AS bucket, if(shape IN (0, 2), caller_place, 0) AS src, if(shape = 2, 0, callee_place) AS dst,
      if(shape = 2, name, '') AS named, if(shape = 2, name_kind, '') AS named_kind, if(shape = 2, protocol, label) AS text,
      multiIf(shape = 2, NOT is_pair, shape = 1, NOT is_root, 0) AS is_inferred
    FROM shaped
  ),
  parted AS (
    SELECT *, cityHash64(bucket, shape, src, dst, cityHash64(named), named_kind, cityHash64(text), is_inferred) AS final_edge FROM ended
  ),
  edges AS (
    SELECT
      any(bucket) AS bucket, any(shape) AS shape, any(dst) AS dst, toString(any(named)) AS name, toString(any(named_kind)) AS name_kind,
      splitByChar('\n', toString(any(text))) AS labels, any(is_inferred) AS is_inferred,
      toString(any(tenant)) AS tenant, toString(any(cluster)) AS cluster, toString(any(namespace)) AS namespace,
      toString(any(service)) AS service, toString(any(version)) AS version, toString(any(instance)) AS instance,
      sumIf(caller_calls, at_caller) AS CallerCalls, sumIf(caller_failed, at_caller) AS CallerFailed, sumIf(caller_degraded, at_caller) AS CallerDegraded,
      sumIf(caller_cancelled, at_caller) AS CallerCancelled, sumIf(caller_time, at_caller) AS CallerNs, groupArrayArrayIf(caller_slots, at_caller) AS caller_slots,
      sumIf(callee_calls, at_callee) AS CalleeCalls, sumIf(callee_failed, at_callee) AS CalleeFailed, sumIf(callee_degraded, at_callee) AS CalleeDegraded,
      sumIf(callee_cancelled, at_callee) AS CalleeCancelled, sumIf(callee_time, at_callee) AS CalleeNs, groupArrayArrayIf(callee_slots, at_callee) AS callee_slots,
      sumIf(lost, at_caller) AS NeverArrived, sumIf(origins, at_caller) AS OriginFailed, sumIf(gaps, at_caller) AS GapNs, sumIf(retries, at_caller) AS Retries,
      sumIf(offsets, at_caller) AS OffsetNs, sumIf(between, at_caller) AS OffsetCalls,
      arrayFlatten(arrayMap(x -> splitByChar(',', toString(x)), groupArrayArrayIf(flag_sets, at_caller OR sides = 2))) AS flag_list
    FROM parted
    GROUP BY final_edge
  ),
  places AS (
    SELECT bitOr(
        bitAnd(bitXor(bitXor(cityHash64(Tenant), bitRotateLeft(cityHash64(Cluster), 1)), bitXor(bitRotateLeft(cityHash64(Namespace), 2), bitRotateLeft(cityHash64(Service), 3))), 0xFFFFFFFF00000000),
        bitShiftRight(bitXor(bitRotateLeft(cityHash64(Version), 1), cityHash64(Instance)), 32)) AS place,
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
