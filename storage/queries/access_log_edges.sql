-- The edges that access logs tell of, in buckets of 10 seconds, caller and callee side kept apart.
-- Parameters: tenant (String), from, to (DateTime, multiples of 10 s, half-open).
-- Row: bucket (unix s); src_* and dst_* kind, cluster, namespace, service, version, instance; protocol; caller_reporter and
--   callee_reporter ('' where that side has no rows); caller_* and callee_* calls, failed, degraded, cancelled, ns (sum of measured
--   durations), hist (96 counts of measured durations, [] where there are none: model/histogram.ts); never_arrived (flags say that no
--   callee was reached), origin_failed (caller failures whose callee row has not failed), gap_ns (caller's time beyond its callee's);
--   flags (response flags of the caller's rows, or of the callee's where there are none).
-- Rule: caller side = sidecar source and gateway; callee side = sidecar destination, else waypoint. ztunnel counts where no sidecar or
--   waypoint reports that callee, outbound as caller and inbound as callee. So each side counts a request once. A gateway's row is also the
--   callee side of (unknown -> gateway). A callee row that does not know its caller takes the caller whose row with the same request id
--   (else trace) and callee began last before it; a caller row takes version and instance of the callee row that began first after it.
--   Clocks may differ by 20 ms. Places of ztunnel, which knows pods only, are looked up in entities.
-- Cost: reads the window four times (rows, ranks, both sides of the match) plus a minute of margin for matches; two asof joins.
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  ['UH', 'UF', 'UO', 'NR', 'NC', 'DF', 'NFCF', 'RL', 'RLSE', 'UAEX', 'FI', 'CONNECT'] AS unreached,
  logs AS (
    SELECT Timestamp, Tenant, Service, Cluster, Namespace, Version, Instance, Reporter, Protocol, Outcome, Duration, ResponseFlags,
      if(Reporter = 'ztunnel', Direction = 'outbound', Reporter IN ('source', 'gateway')) AS of_caller,
      SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
      DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance,
      multiIf(RequestId != '', cityHash64(RequestId, DstNamespace, DstService), TraceId != '',
        cityHash64(TraceId, DstNamespace, DstService), 0) AS request
    FROM access_logs
    WHERE Tenant = {tenant:String}
      AND toStartOfMinute(Timestamp) >= toStartOfMinute(from_time - INTERVAL 60 SECOND)
      AND Timestamp >= from_time - INTERVAL 60 SECOND AND Timestamp < to_time + INTERVAL 60 SECOND
  ),
  seen AS (
    SELECT DstNamespace AS namespace, DstService AS service,
      countIf(Reporter NOT IN ('ztunnel', 'source')) > 0 AS is_proxied, countIf(Reporter = 'destination') > 0 AS has_destination
    FROM logs WHERE Timestamp >= from_time AND Timestamp < to_time
    GROUP BY namespace, service
  ),
  pods AS (
    SELECT Namespace AS namespace, Instance AS instance, argMax((toString(Service), toString(Version)), LastSeen) AS known
    FROM entities WHERE Tenant = {tenant:String} AND Instance != '' AND Service != '' GROUP BY namespace, instance
  ),
  -- Both sides as rows of one shape, each counted in its own bucket.
  sides AS (
    SELECT toUInt8(1) AS side, l.Timestamp AS Timestamp, l.Reporter AS Reporter, l.Protocol AS Protocol, l.Outcome AS Outcome,
      l.Duration AS Duration, l.ResponseFlags AS ResponseFlags,
      l.SrcKind AS SrcKind, l.SrcCluster AS SrcCluster, l.SrcNamespace AS SrcNamespace, l.SrcService AS SrcService,
      l.SrcVersion AS SrcVersion, l.SrcInstance AS SrcInstance,
      l.DstKind AS DstKind, if(e.DstCluster != '', e.DstCluster, l.DstCluster) AS DstCluster, l.DstNamespace AS DstNamespace,
      l.DstService AS DstService, if(e.DstVersion != '', e.DstVersion, l.DstVersion) AS DstVersion,
      if(e.DstInstance != '', e.DstInstance, l.DstInstance) AS DstInstance,
      toUInt8(l.Outcome = 'failed' AND (e.request = 0 OR e.Outcome != 'failed')) AS origin_failed,
      toUInt64(if(e.request = 0 OR e.Duration < 0 OR l.Duration < e.Duration, 0, l.Duration - e.Duration)) AS gap
    FROM (
      SELECT *, Timestamp - INTERVAL 20 MILLISECOND AS not_before FROM logs
      WHERE of_caller AND Timestamp >= from_time AND Timestamp < to_time
    ) AS l
    ASOF LEFT JOIN (SELECT * FROM logs WHERE NOT of_caller AND request != 0) AS e ON l.request = e.request AND l.not_before <= e.Timestamp

    UNION ALL

    SELECT toUInt8(2), Timestamp, Reporter, Protocol, Outcome, Duration, ResponseFlags,
      if(taken, c_kind, SrcKind), if(taken, c_cluster, SrcCluster), if(taken, c_namespace, SrcNamespace),
      if(taken, c_service, SrcService), if(taken, c_version, SrcVersion), if(taken, c_instance, SrcInstance),
      DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, toUInt8(0), toUInt64(0)
    FROM (
      SELECT l.*, c.request != 0 AND l.SrcService = '' AS taken, c.SrcKind AS c_kind, c.SrcCluster AS c_cluster,
        c.SrcNamespace AS c_namespace, c.SrcService AS c_service, c.SrcVersion AS c_version, c.SrcInstance AS c_instance
      FROM (
        SELECT *, Timestamp + INTERVAL 20 MILLISECOND AS not_after FROM logs
        WHERE NOT of_caller AND Timestamp >= from_time AND Timestamp < to_time
      ) AS l
      ASOF LEFT JOIN (SELECT * FROM logs WHERE of_caller AND request != 0) AS c ON l.request = c.request AND l.not_after >= c.Timestamp
    )

    UNION ALL

    SELECT toUInt8(2), Timestamp, Reporter, Protocol, Outcome, Duration, ResponseFlags, 'unknown', '', '', '', '', '',
      'service', Cluster, Namespace, Service, Version, Instance, toUInt8(0), toUInt64(0)
    FROM logs
    WHERE Reporter = 'gateway' AND Service != '' AND Timestamp >= from_time AND Timestamp < to_time
  )
SELECT * EXCEPT (caller_map, callee_map, flag_pairs)
FROM (
  SELECT
    toUnixTimestamp(toStartOfInterval(toDateTime(s.Timestamp), INTERVAL 10 SECOND)) AS bucket,
    toString(s.SrcKind) AS src_kind, toString(s.SrcCluster) AS src_cluster, toString(s.SrcNamespace) AS src_namespace,
    if(is_pod AND p.known.1 != '', p.known.1, toString(s.SrcService)) AS src_service,
    if(is_pod AND p.known.1 != '', p.known.2, toString(s.SrcVersion)) AS src_version, toString(s.SrcInstance) AS src_instance,
    toString(s.DstKind) AS dst_kind, toString(s.DstCluster) AS dst_cluster, toString(s.DstNamespace) AS dst_namespace,
    toString(s.DstService) AS dst_service,
    if(is_pod AND q.known.1 != '', q.known.2, toString(s.DstVersion)) AS dst_version, toString(s.DstInstance) AS dst_instance,
    toString(s.Protocol) AS protocol,
    if(caller_calls = 0, '', toString(anyIf(s.Reporter, side = 1))) AS caller_reporter,
    if(callee_calls = 0, '', toString(anyIf(s.Reporter, side = 2))) AS callee_reporter,
    countIf(side = 1) AS caller_calls,
    countIf(side = 1 AND s.Outcome = 'failed') AS caller_failed,
    countIf(side = 1 AND s.Outcome = 'degraded') AS caller_degraded,
    countIf(side = 1 AND s.Outcome = 'cancelled') AS caller_cancelled,
    sumIf(toUInt64(s.Duration), side = 1 AND is_measured) AS caller_ns,
    countIf(side = 2) AS callee_calls,
    countIf(side = 2 AND s.Outcome = 'failed') AS callee_failed,
    countIf(side = 2 AND s.Outcome = 'degraded') AS callee_degraded,
    countIf(side = 2 AND s.Outcome = 'cancelled') AS callee_cancelled,
    sumIf(toUInt64(s.Duration), side = 2 AND is_measured) AS callee_ns,
    countIf(side = 1 AND hasAny(flag_list, unreached)) AS never_arrived,
    sum(s.origin_failed) AS origin_failed,
    sum(s.gap) AS gap_ns,
    sumMapIf([hist], [toUInt32(1)], side = 1 AND is_measured) AS caller_map,
    sumMapIf([hist], [toUInt32(1)], side = 2 AND is_measured) AS callee_map,
    if(empty(caller_map.1), [], arrayMap(i -> caller_map.2[indexOf(caller_map.1, toUInt8(i))], range(96))) AS caller_hist,
    if(empty(callee_map.1), [], arrayMap(i -> callee_map.2[indexOf(callee_map.1, toUInt8(i))], range(96))) AS callee_hist,
    if(caller_calls > 0, sumMapIf(flag_list, ones, side = 1), sumMapIf(flag_list, ones, side = 2)) AS flag_pairs,
    CAST(flag_pairs, 'Map(String, UInt64)') AS flags
  FROM (
    SELECT *, Duration >= 0 AS is_measured, Reporter = 'ztunnel' AS is_pod,
      toUInt8(if(Duration < 200000, 0, least(95, floor(log(Duration / 200000) / log(1.144)) + 1))) AS hist,
      if(ResponseFlags = '', [], splitByChar(',', toString(ResponseFlags))) AS flag_list, arrayMap(f -> toUInt64(1), flag_list) AS ones
    FROM sides
  ) AS s
  LEFT ANY JOIN seen ON s.DstNamespace = seen.namespace AND s.DstService = seen.service
  LEFT ANY JOIN pods AS p ON s.SrcNamespace = p.namespace AND s.SrcInstance = p.instance
  LEFT ANY JOIN pods AS q ON s.DstNamespace = q.namespace AND s.DstInstance = q.instance
  WHERE (s.Reporter != 'ztunnel' OR NOT seen.is_proxied) AND (s.Reporter != 'waypoint' OR NOT seen.has_destination)
  GROUP BY bucket, src_kind, src_cluster, src_namespace, src_service, src_version, src_instance,
    dst_kind, dst_cluster, dst_namespace, dst_service, dst_version, dst_instance, protocol
)
ORDER BY bucket, src_service, dst_service, src_version, dst_version, src_instance, dst_instance, protocol
SETTINGS join_use_nulls = 0
