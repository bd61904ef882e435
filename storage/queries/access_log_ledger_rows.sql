-- The edges that access logs tell of, as rows of edge_buckets with Source = 'access_logs', all tenants.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open), known_at (DateTime64(3): rows that came later are not seen).
-- Row: every column of edge_buckets.
-- Sides: callers are sidecars on their way out, gateways, ztunnel outbound; callees are sidecars on their way in, waypoints, ztunnel
--   inbound. A gateway's row is also the callee side of (unknown -> gateway). One view a side: a waypoint's rows count where no sidecar of
--   that callee reports in the minute before, in it or after it; ztunnel's where neither waypoint nor sidecar reports that callee and no
--   sidecar or gateway that pair. So each side counts a request once.
-- Match: a callee row belongs to the caller row of the same request id (else trace) and callee that began last before it, at most 30 s
--   before, and had not ended 5 s before; clocks may differ by 20 ms where several callers vie, by 5 s where there is but one. The callee
--   row takes its caller's place, the caller row the place of the sidecar that answered it last. Groups of more than 64 rows (a constant id) stay unmatched.
-- Callers without a proxy write no row, and their callee's names nobody. So a row without a name belongs to no caller that another row of
--   the request names, and no more of them belong to callers than these say attempts: those fit best that are of the pod the caller names,
--   lie within the call, begin next to it; an attempt whose flag says that no instance took it is none. The rest has an unknown caller. Both look at no row more than 5 s earlier or 30 s later.
-- A caller's log names a callee but not its cluster: where no callee row was found and all of that name are in one cluster, it is there.
-- OriginFailed: the caller's failures that its callee did not answer with; a flag says so where no callee row is known.
-- NeverArrived: by the caller's flags. Flags: the caller's, where it sets none those of the callee's answer; bytes, security: the caller's. All
--   three the callee's where no row of its caller is known. Retries: Attempts - 1.
-- Places of ztunnel, which knows pods only, are looked up in entities; a waypoint's caller, where it names none, is the pod at that address.
-- A row that a sender delivered twice and ingest took twice counts twice.
-- Cost: reads the range plus 30 s, grouped by request into arrays of numbers (no join of rows); places are joined to the sums.
--   About 3 CPU s (measured on a busy machine) and 400 MB for a million rows, 0.5 CPU s for an empty range; access_log_ledger.sql lets the
--   groups of a larger one go to disk.
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  -- What the flags say of a call that no instance took.
  ['UH', 'UF', 'UO', 'NR', 'NC', 'DF', 'NFCF', 'RL', 'RLSE', 'UAEX', 'FI', 'OM', 'CONNECT', 'DENY'] AS unreached,
  toStartOfMinute(from_time) - INTERVAL 60 SECOND AS first_minute,
  toStartOfMinute(to_time) + INTERVAL 60 SECOND AS last_minute,
  logs AS (
    SELECT *,
      if(SrcService = '', 0, cityHash64(Tenant, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance, Reporter = 'ztunnel')) AS src_id,
      if(DstService = '', 0, cityHash64(Tenant, DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Reporter = 'ztunnel')) AS dst_id
    FROM access_logs
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 30 SECOND) AND toStartOfMinute(Timestamp) <= to_time + INTERVAL 30 SECOND
      AND Timestamp >= from_time - INTERVAL 30 SECOND AND Timestamp < to_time + INTERVAL 30 SECOND AND IngestedAt <= {known_at:DateTime64(3)} AND (SrcService != '' OR DstService != '')
  ),
  (SELECT count() FROM logs WHERE Reporter IN ('waypoint', 'ztunnel')) > 0 AS is_layered,
  -- A waypoint does not say who called, but from which address; ztunnel knows whose that is.
  (
    SELECT (groupArray(address), groupArray(id))
    FROM (
      SELECT concat(Tenant, ' ', splitByChar(':', Attributes['src.addr'])[1]) AS address, any(src_id) AS id
      FROM logs WHERE is_layered AND Reporter = 'ztunnel' AND SrcInstance != ''
      GROUP BY address HAVING uniq(src_id) = 1
    )
  ) AS callers_at,
  callers AS (
    SELECT src_id AS id, any((Tenant, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance, Reporter = 'ztunnel')) AS place FROM logs
    WHERE src_id != 0
    GROUP BY id
  ),
  -- A gateway is a callee too.
  callees AS (
    SELECT dst_id AS id, any((Tenant, DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Reporter = 'ztunnel')) AS place FROM logs
    WHERE dst_id != 0
    GROUP BY id
    UNION ALL
    SELECT src_id AS id, any((Tenant, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance, 0)) FROM logs
    WHERE src_id != 0 AND Reporter = 'gateway'
    GROUP BY id
  ),
  -- One number a row: bit 0 caller, 1 outcome, 3 layer (0 sidecar, 1 waypoint, 2 ztunnel, 3 gateway), 5 protocol, 7 security,
  -- 9 bucket of the histogram (127: not measured), 16 retries (255: not told), 24 hash of the flags, 47 no instance took the last attempt, 48 hash of the caller's service (0: not known).
  rows AS (
    SELECT
      multiIf(RequestId != '', cityHash64(Tenant, RequestId, DstNamespace, DstService),
        TraceId != '', cityHash64(Tenant, TraceId, DstNamespace, DstService), rand64()) AS request,
      toUnixTimestamp64Nano(Timestamp) AS at, dst_id,
      if(Reporter = 'waypoint' AND src_id = 0, transform(concat(Tenant, ' ', splitByChar(':', DownstreamAddress)[1]), callers_at.1, callers_at.2, toUInt64(0)), src_id) AS caller_id, Duration AS took,
      greatest(BytesReceived, 0) AS received, greatest(BytesSent, 0) AS sent,
      if(Reporter = 'ztunnel', Direction = 'outbound', Reporter IN ('source', 'gateway')) AS of_caller,
      bitOr(bitOr(bitOr(
        toUInt64(of_caller) + toUInt64(toInt8(Outcome)) * 2,
        multiIf(Reporter = 'waypoint', 8, Reporter = 'ztunnel', 16, Reporter = 'gateway', 24, 0) + transform(Protocol, ['http', 'grpc', 'tcp'], [32, 64, 96], 0)),
        multiIf(Reporter = 'ztunnel', if(Attributes['dst.hbone_addr'] != '', 128, 256),
          startsWith(Attributes['requested_server_name'], 'outbound_') OR Attributes['connection_security_policy'] = 'mutual_tls', 128,
          Attributes['connection_security_policy'] = 'none', 256, 0)
        + toUInt64(if(Duration < 0, 127, if(Duration < 200000, 0, least(95, floor(log(Duration / 200000) / log(1.144)) + 1)))) * 512
        + toUInt64(if(Attempts < 0, 255, least(254, greatest(Attempts - 1, 0)))) * 65536),
        if(ResponseFlags = '', 0, bitShiftLeft(bitAnd(cityHash64(ResponseFlags), 8388607), 24) + if(hasAny(splitByChar(',', toString(ResponseFlags)), unreached), bitShiftLeft(toUInt64(1), 47), 0))
        + if(SrcService = '', 0, bitShiftLeft(toUInt64(1 + cityHash64(SrcNamespace, SrcService) % 65535), 48))) AS facts
    FROM logs
    WHERE Timestamp >= from_time AND Timestamp < to_time
      OR (RequestId != '' OR TraceId != '') AND (of_caller AND Timestamp >= from_time - INTERVAL 30 SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
        OR NOT of_caller AND Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL 30 SECOND)
  ),
  -- The rows of one request to one callee; `others`: number of the row that each belongs to (0: none known).
  grouped AS (
    SELECT groupArray(at) AS ats, groupArray(caller_id) AS srcs, groupArray(dst_id) AS dsts, groupArray(took) AS tooks,
      groupArray(received) AS received_bytes, groupArray(sent) AS sent_bytes, groupArray(facts) AS facts_of,
      length(ats) AS n, arrayEnumerate(ats) AS numbers,
      if(bitTest(facts_of[1], 0), 1, 2) AS first_caller, 3 - first_caller AS first_callee,
      ats[first_callee] - ats[first_caller] AS lag, bitShiftRight(facts_of[first_callee], 48) AS told
    FROM rows
    GROUP BY request
  ),
  -- Each step is a query of its own: what is named twice within one is worked out, and planned, twice.
  named_rows AS (
    SELECT *,
      -- How many attempts of each caller an instance may have taken; 65535: not told.
      if(n < 3 OR n > 64, arrayWithConstant(n, 0), arrayMap(f -> multiIf(NOT bitTest(f, 0), 0,
        bitAnd(bitShiftRight(f, 16), 255) = 255, if(bitTest(f, 47), 0, 65535), bitAnd(bitShiftRight(f, 16), 255) + 1 - bitTest(f, 47)), facts_of)) AS rooms,
      -- Sidecars on their way in: whom they name, and for each that names nobody, whom the others name.
      if(n < 3 OR n > 64, arrayWithConstant(n, 0), arrayMap(f -> if(bitAnd(f, 25) = 0, bitShiftRight(f, 48), 0), facts_of)) AS named,
      if(n < 3 OR n > 64, arrayWithConstant(n, emptyArrayUInt64()), arrayMap((f, t) -> if(bitAnd(f, 25) = 0 AND bitShiftRight(f, 48) = 0,
        arrayFilter((h, v) -> h != 0 AND v >= t - 5000000000 AND v <= t + 30000000000, named, ats), []), facts_of, ats)) AS taken
    FROM grouped
  ),
  claimed AS (
    SELECT *,
      -- The caller of each callee: the last that began before it, else the first after it.
      if(n < 3 OR n > 64, arrayWithConstant(n, 0), arrayMap((f, t, names) -> if(bitTest(f, 0), 0,
        arraySort(arrayFilter(x -> x.1 != 0, arrayMap((c, s, u, d, j, room) -> (
            if(bitTest(c, 0) AND u >= t - 30000000000 AND u <= t + 5000000000 AND (d < 0 OR u + d >= t - 5000000000)
                AND if(bitShiftRight(f, 48) = 0, room > 0 AND NOT has(names, bitShiftRight(c, 48)), bitShiftRight(f, 48) = bitShiftRight(c, 48)),
              if(u <= t + 20000000, u, 2 * t - u - 40000000000), 0), s, d, j),
          facts_of, srcs, ats, tooks, numbers, rooms)))[-1].4), facts_of, ats, taken)) AS claims
    FROM named_rows
  ),
  fitted AS (
    SELECT *,
      -- How well those that name nobody fit the caller they claim, the less the better; 0: not one of them.
      if(n < 3 OR n > 64, arrayWithConstant(n, 0), arrayMap((f, own, t, d, w) -> if(own = 0 OR bitAnd(f, 25) != 0 OR bitShiftRight(f, 48) != 0, 0,
        1 + toUInt64(least(abs(t - ats[own]), 100000000000)) + if(t >= ats[own] AND t + w <= ats[own] + tooks[own] + 2000000, 0, 200000000000)
          + if(d = dsts[own], 0, 400000000000)), facts_of, claims, ats, dsts, tooks)) AS misfits,
      n >= 3 AND n <= 64 AND arrayCount(m -> m != 0, misfits) > arraySum((c, room) -> room * NOT has(named, bitShiftRight(c, 48)), facts_of, rooms) AS is_crowded
    FROM claimed
  ),
  owned AS (
    SELECT *,
      if(NOT is_crowded, claims,
        arrayMap((own, misfit, t, names) -> if(misfit != 0
          AND arrayCount((m, v) -> m != 0 AND m < misfit AND abs(v - t) <= 5000000000, misfits, ats)
            >= arraySum(arrayMap((c, u, d, room) -> if(u >= t - 30000000000 AND u <= t + 5000000000 AND (d < 0 OR u + d >= t - 5000000000)
              AND NOT has(names, bitShiftRight(c, 48)), room, 0), facts_of, ats, tooks, rooms)),
          0, own), if(is_crowded, claims, []), if(is_crowded, misfits, []), if(is_crowded, ats, []), if(is_crowded, taken, []))) AS owners
    FROM fitted
  ),
  requests AS (
    SELECT *,
      -- The last answer of each caller, a sidecar's rather than another's.
      multiIf(
        n = 1 OR n > 64, arrayWithConstant(n, 0),
        n = 2, if(bitTest(bitXor(facts_of[1], facts_of[2]), 0) AND lag >= -5000000000 AND lag <= 30000000000
          AND (tooks[first_caller] < 0 OR lag <= tooks[first_caller] + 5000000000)
          AND (told = bitShiftRight(facts_of[first_caller], 48)
            -- What began earlier and went on for longer is no answer: a service that calls itself does so within the request it was asked.
            OR told = 0 AND NOT (bitTest(facts_of[first_caller], 47) AND bitAnd(bitShiftRight(facts_of[first_caller], 16), 255) IN (0, 255))
              AND NOT (lag < 0 AND tooks[first_caller] >= 0 AND lag + tooks[first_callee] > tooks[first_caller])), [2, 1], [0, 0]),
        arrayMap((f, own, i) -> if(NOT bitTest(f, 0), own,
          arraySort(arrayFilter(x -> x.1, arrayMap((o, e, t, d, j) -> (o = i, bitAnd(e, 24) = 0, t, d, j), owners, facts_of, ats, dsts, numbers)))[-1].5),
          facts_of, owners, numbers)) AS others
    FROM owned
  ),
  sums AS (
    SELECT slot, src, dst, intDiv(slot, 16) * 10 AS bucket, bitAnd(slot, 3) AS layer, bitAnd(bitShiftRight(slot, 2), 3) AS protocol,
      countIf(is_caller) AS caller_calls,
      countIf(is_caller AND outcome = 2) AS caller_failed,
      countIf(is_caller AND outcome = 1) AS caller_degraded,
      countIf(is_caller AND outcome = 3) AS caller_cancelled,
      sumIf(greatest(took, 0), is_caller) AS caller_ns,
      groupArrayIf(toUInt8(hist), is_caller AND hist != 127) AS caller_hist,
      countIf(NOT is_caller) AS callee_calls,
      countIf(NOT is_caller AND outcome = 2) AS callee_failed,
      countIf(NOT is_caller AND outcome = 1) AS callee_degraded,
      countIf(NOT is_caller AND outcome = 3) AS callee_cancelled,
      sumIf(greatest(took, 0), NOT is_caller) AS callee_ns,
      groupArrayIf(toUInt8(hist), NOT is_caller AND hist != 127) AS callee_hist,
      countIf(is_caller AND outcome = 2 AND if(other != 0, bitAnd(bitShiftRight(other, 1), 3) != 2, flag != 0)) AS origin_failed,
      sumIf(took - other_took, is_caller AND other != 0 AND other_took >= 0 AND took > other_took) AS gap_ns,
      sum(if(is_caller, bitAnd(bitShiftRight(facts, 16), 255) % 255, 0)) AS retries,
      sumIf(if(is_flipped, sent, received), tells) AS request_bytes,
      sumIf(if(is_flipped, received, sent), tells) AS response_bytes,
      countIf(tells AND security = 1) AS secured_calls,
      countIf(tells AND security = 2) AS plain_calls,
      groupArrayIf(flag, flag != 0 AND is_caller) AS caller_flags,
      groupArrayIf(bitAnd(bitShiftRight(other, 24), 8388607) AS answer_flag, is_caller AND flag = 0 AND answer_flag != 0) AS answer_flags,
      groupArrayIf(flag, flag != 0 AND NOT is_caller AND (tells OR bitAnd(slot, 3) = 2)) AS callee_flags
    FROM (
      SELECT at, took, received, sent, facts, other, other_took,
        bitTest(facts, 0) AS is_caller, bitAnd(bitShiftRight(facts, 1), 3) AS outcome,
        bitAnd(bitShiftRight(if(NOT is_caller AND bitAnd(facts, 24) = 0, other, facts), 3), 3) AS layer,
        bitAnd(bitShiftRight(facts, 5), 3) AS protocol, toUInt64(intDiv(at, 10000000000)) * 16 + protocol * 4 + layer AS slot, bitAnd(bitShiftRight(facts, 9), 127) AS hist, bitAnd(bitShiftRight(facts, 24), 8388607) AS flag,
        multiIf(is_caller OR other = 0, src_id, other_src) AS src,
        if(is_caller AND other != 0 AND bitAnd(other, 24) = 0, other_dst, dst_id) AS dst,
        -- A connection has no request id: where its caller is known, the caller's proxy tells of it too.
        is_caller OR other = 0 AND NOT (protocol = 3 AND src_id != 0) AS tells,
        is_caller AND layer = 2 AS is_flipped,
        if(bitAnd(bitShiftRight(facts, 7), 3) != 0, bitAnd(bitShiftRight(facts, 7), 3), bitAnd(bitShiftRight(other, 7), 3)) AS security
      FROM requests
      ARRAY JOIN ats AS at, srcs AS src_id, dsts AS dst_id, tooks AS took, received_bytes AS received, sent_bytes AS sent, facts_of AS facts,
        arrayMap(i -> facts_of[i], others) AS other, arrayMap(i -> srcs[i], others) AS other_src, arrayMap(i -> dsts[i], others) AS other_dst,
        arrayMap(i -> tooks[i], others) AS other_took
      WHERE at >= toUnixTimestamp64Nano(from_time) AND at < toUnixTimestamp64Nano(to_time)
    )
    GROUP BY slot, src, dst
  ),
  -- Reporters that see requests, where there are rows that see less: by callee and by pair, a minute to both sides.
  seen AS (
    SELECT DISTINCT Tenant, Reporter, if(Reporter IN ('source', 'gateway'), SrcNamespace, '') AS from_namespace, if(Reporter IN ('source', 'gateway'), SrcService, '') AS from_service,
      DstNamespace, DstService, arrayJoin([-60, 0, 60]) + toUnixTimestamp(toStartOfMinute(Timestamp)) AS minute
    FROM access_logs
    WHERE is_layered AND toStartOfMinute(Timestamp) >= first_minute AND toStartOfMinute(Timestamp) <= last_minute
      AND Reporter IN ('source', 'destination', 'gateway', 'waypoint') AND IngestedAt <= {known_at:DateTime64(3)}
  ),
  CAST((SELECT groupUniqArray((bitAnd(cityHash64(ResponseFlags), 8388607), toString(ResponseFlags))) FROM logs WHERE ResponseFlags != ''), 'Map(UInt64, String)') AS words_of,
  homes AS (
    SELECT at.1 AS Tenant, at.2 AS Namespace, at.3 AS Service, groupUniqArray(2)(at.4) AS clusters
    FROM (
      SELECT any((Tenant, DstNamespace, DstService, DstCluster)) AS at FROM logs WHERE Reporter = 'destination' GROUP BY dst_id
      UNION ALL
      SELECT (Tenant, Namespace, Service, Cluster) AS at FROM entities WHERE Service != ''
    )
    GROUP BY at.1, at.2, at.3
  ),
  pods AS (
    SELECT Tenant, Namespace, Instance, argMax((toString(Service), toString(Version)), LastSeen) AS known
    FROM entities WHERE is_layered AND Instance != '' AND Service != ''
    GROUP BY Tenant, Namespace, Instance
  )
SELECT Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence,
  CallerCalls, CallerFailed, CallerDegraded, CallerCancelled, CallerNs, CallerHist,
  CalleeCalls, CalleeFailed, CalleeDegraded, CalleeCancelled, CalleeNs, CalleeHist,
  NeverArrived, OriginFailed, GapNs, Flags, 'access_logs' AS Source, Retries, toUInt64(0) AS ProxyNs, RequestBytes, ResponseBytes,
  SecuredCalls, PlainCalls, toInt64(0) AS OffsetNs, toUInt64(0) AS OffsetCalls
FROM (
  SELECT
    toString(if(d.place.1 != '', d.place.1, s.place.1)) AS Tenant, toDateTime(e.bucket) AS Bucket, e.layer AS layer,
    toUnixTimestamp(toStartOfMinute(Bucket)) AS minute,
    toString(s.place.2) AS SrcKind, toString(s.place.3) AS SrcCluster, toString(s.place.4) AS SrcNamespace,
    if(p.known.1 != '', p.known.1, toString(s.place.5)) AS SrcService,
    if(p.known.1 != '', p.known.2, toString(s.place.6)) AS SrcVersion, toString(s.place.7) AS SrcInstance,
    toString(d.place.2) AS DstKind,
    if(DstKind = 'service' AND DstInstance = '' AND length(h.clusters) = 1, h.clusters[1], toString(d.place.3)) AS DstCluster, toString(d.place.4) AS DstNamespace, toString(d.place.5) AS DstService,
    if(q.known.1 != '', q.known.2, toString(d.place.6)) AS DstVersion, toString(d.place.7) AS DstInstance,
    ['http', 'grpc', 'tcp'][e.protocol] AS Protocol,
    multiIf(e.layer = 1, 'waypoint', e.layer = 2, 'ztunnel', 'access-log') AS Evidence,
    if(is_own, 0, e.caller_calls) AS CallerCalls, if(is_own, 0, e.caller_failed) AS CallerFailed,
    if(is_own, 0, e.caller_degraded) AS CallerDegraded, if(is_own, 0, e.caller_cancelled) AS CallerCancelled,
    if(is_own, 0, toUInt64(e.caller_ns)) AS CallerNs, if(is_own, [], e.caller_hist) AS caller_list,
    if(empty(caller_list), [], arrayMap(i -> toUInt32(countEqual(caller_list, i)), range(96))) AS CallerHist,
    if(is_own, e.caller_calls, e.callee_calls) AS CalleeCalls, if(is_own, e.caller_failed, e.callee_failed) AS CalleeFailed,
    if(is_own, e.caller_degraded, e.callee_degraded) AS CalleeDegraded, if(is_own, e.caller_cancelled, e.callee_cancelled) AS CalleeCancelled,
    toUInt64(if(is_own, e.caller_ns, e.callee_ns)) AS CalleeNs, if(is_own, e.caller_hist, e.callee_hist) AS callee_list,
    if(empty(callee_list), [], arrayMap(i -> toUInt32(countEqual(callee_list, i)), range(96))) AS CalleeHist,
    if(is_own OR empty(e.caller_flags), 0, arrayCount(f -> hasAny(splitByChar(',', words_of[f]), unreached), e.caller_flags)) AS NeverArrived,
    if(is_own, 0, e.origin_failed) AS OriginFailed, if(is_own, 0, toUInt64(e.gap_ns)) AS GapNs,
    multiIf(is_own, [], e.caller_calls > 0, arrayConcat(e.caller_flags, e.answer_flags), e.callee_flags) AS flag_list,
    if(empty(flag_list), [], arrayFlatten(arrayMap(f -> splitByChar(',', words_of[f]), flag_list))) AS words, arrayDistinct(words) AS flags,
    CAST((flags, if(empty(flags), [], arrayMap(w -> toUInt64(countEqual(words, w)), flags))), 'Map(LowCardinality(String), UInt64)') AS Flags,
    if(is_own, 0, e.retries) AS Retries, if(is_own, 0, toUInt64(e.request_bytes)) AS RequestBytes, if(is_own, 0, toUInt64(e.response_bytes)) AS ResponseBytes,
    if(is_own, 0, e.secured_calls) AS SecuredCalls, if(is_own, 0, e.plain_calls) AS PlainCalls
  FROM (
    SELECT *, arrayJoin(if(layer = 3, [0, 1], [0])) AS is_own, if(is_own, 0, src) AS from_id, if(is_own, src, dst) AS to_id FROM sums
  ) AS e
  LEFT ANY JOIN callers AS s ON e.from_id = s.id
  LEFT ANY JOIN callees AS d ON e.to_id = d.id
  LEFT ANY JOIN pods AS p ON if(s.place.8 = 1, s.place.1, '') = p.Tenant AND s.place.4 = p.Namespace AND s.place.7 = p.Instance
  LEFT ANY JOIN homes AS h ON d.place.1 = h.Tenant AND d.place.4 = h.Namespace AND d.place.5 = h.Service
  LEFT ANY JOIN pods AS q ON if(d.place.8 = 1, d.place.1, '') = q.Tenant AND d.place.4 = q.Namespace AND d.place.7 = q.Instance
)
WHERE NOT (layer = 1 AND (Tenant, DstNamespace, DstService, minute) IN (SELECT Tenant, DstNamespace, DstService, minute FROM seen WHERE Reporter = 'destination'))
  AND NOT (layer = 2 AND (
    (Tenant, DstNamespace, DstService, minute) IN (SELECT Tenant, DstNamespace, DstService, minute FROM seen WHERE from_service = '')
    OR (Tenant, SrcNamespace, SrcService, DstNamespace, DstService, minute) IN (
      SELECT Tenant, from_namespace, from_service, DstNamespace, DstService, minute FROM seen WHERE from_service != '')))
