-- The time that calls spend in the proxies beside their applications, as rows of edge_buckets that hold nothing else; writes to
-- edge_buckets_staging. Rows have the ends, protocol and evidence of a row that paired_edges.sql makes of the same spans, so both add up to one
-- edge when they are read.
-- Parameters: from, to (DateTime, multiples of 10 s, half-open); shares (one in how many calls is measured, by bucket of the range), near (the
--   least of a bucket and its neighbours, from one bucket before the range to one after): powers of two; reach (seconds around the range in
--   which parents and children are looked for: 60 where there are spans of more than 5 s, else 10).
-- ProxyNs: an application's Client less its own proxy's Client, in that one's bucket; a proxy's Server less its own application's Server, in that
--   one's bucket. Nothing where one of the two is missing (a gateway's Client has no application's above it), less than 0 is 0. Durations
--   are compared, not clocks.
-- Attempts: of an application's Client with several Clients of its proxy, the time that none of them covers, at the edge of the last one; of
--   several entries each its own. A call of an application of more than 9 s is left out (a later attempt could lie beyond what is read), and
--   one whose last attempt has no callee's span, as its callee is known by name alone.
-- Reach: parents, children and what is an edge as in paired_edges.sql. An application and its proxy share a clock: the proxy's Client begins
--   at most 1 s before and 9 s after the application's. So the attempts of a call lie within 10 s of each other, and nothing further away
--   than analyzer/progress.ts plans changes a row: it adds up over any split of time and any order of arrival. A span that came twice counts once.
-- Sampling: a call stands for as many as its bucket's share says; the figure is only ever shown as a mean.
-- As known at: not computed anew (graph_known_spans.sql reads 0, which the API shows as not measured).
-- Cost: three reads of some ten columns of the range and its margins, whatever the share, and small joins of what is measured. For a million
--   spans of 12 services, nearly half of them of proxies, 0.6 to 0.9 CPU s and 55 MB on a busy machine where pairing took 2.0 to 2.9; for ten
--   seconds of them 0.2 to 0.3, a third of it reading the statement itself. So it is not run where proxied_buckets.sql finds nothing.
INSERT INTO edge_buckets_staging (Tenant, Bucket, SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance,
  DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance, Protocol, Evidence, Source, ProxyNs)
WITH
  toDateTime64({from:DateTime}, 9) AS from_time,
  toDateTime64({to:DateTime}, 9) AS to_time,
  toUnixTimestamp64Nano(from_time) AS from_ns,
  toUnixTimestamp64Nano(to_time) AS to_ns,
  -- Clients and Servers of proxies: the keys decide, so that all attempts of a call are in it or none.
  (
    SELECT groupArray((is_entry, ParentKey, SpanKey, at, took, place, salt, protocol))
    FROM (
      SELECT Kind = 'Server' AS is_entry, ParentKey, SpanKey, toUnixTimestamp64Nano(Timestamp) AS at, toInt64(Duration) AS took,
        {{proxy_place}} AS place, cityHash64(Tenant) AS salt, if(is_entry, toString(Protocol), '') AS protocol
      FROM span_edges
      WHERE Timestamp >= from_time - INTERVAL 10 SECOND AND Timestamp < to_time + INTERVAL 10 SECOND
        AND Proxy = 1 AND Kind IN ('Server', 'Client') AND ParentKey != 0
        AND bitAnd(if(is_entry, SpanKey, ParentKey), {near:Array(UInt64)}[intDiv(at - from_ns + 10000000000, 10000000000) + 1] - 1) = 0
        AND (NOT is_entry OR (at >= from_ns AND at < to_ns))
    )
  ) AS measured,
  proxies AS (
    SELECT arrayJoin(measured) AS one, one.1 AS is_entry, one.2 AS above, one.3 AS key, one.4 AS at, one.5 AS took, one.6 AS here, one.7 AS salt,
      one.8 AS entry_protocol
  ),
  -- Above a proxy's Server: its caller. Above a proxy's Client: its application's.
  with_above AS (
    SELECT *
    FROM (
      SELECT is_entry, above, key, at, took, here, salt, entry_protocol, Kind AS above_kind, Proxy AS above_proxy,
        toUnixTimestamp64Nano(Timestamp) AS above_at, toInt64(Duration) AS above_took, {{proxy_place}} AS above_place, cityHash64(Tenant) AS above_salt
      FROM (
        SELECT SpanKey, Timestamp, Duration, Kind, Proxy, Tenant, Cluster, Namespace, Service, Version, Instance
        FROM span_edges
        WHERE Timestamp >= from_time - INTERVAL {reach:UInt8} SECOND AND Timestamp < to_time + INTERVAL 5 SECOND
          AND Kind != 'Producer'
      ) AS spans INNER JOIN proxies ON spans.SpanKey = proxies.above
    )
    WHERE above_salt = salt AND if(is_entry,
      (above_kind = 'Client' OR bitShiftRight(above_place, 32) != bitShiftRight(here, 32)) AND at >= above_at - 5000000000
        AND at - above_at <= if(above_took > 5000000000, least(60000000000, above_took + 5000000000), 10000000000),
      above_kind = 'Client' AND above_proxy = 0 AND bitShiftRight(above_place, 32) = bitShiftRight(here, 32) AND above_took <= 9000000000
        AND at >= above_at - 1000000000 AND at <= above_at + 9000000000)
  ),
  -- Below a proxy's Server: its application's. Below a proxy's Client: its callee, which an attempt may lack.
  with_below AS (
    SELECT *,
      below_parent = key AND below_salt = salt AND below_at >= at - 5000000000
        AND below_at - at <= if(took > 5000000000, least(60000000000, took + 5000000000), 10000000000)
        AND if(is_entry, is_app AND bitShiftRight(below_place, 32) = bitShiftRight(here, 32),
          is_server OR bitShiftRight(below_place, 32) != bitShiftRight(here, 32)) AS is_found
    FROM with_above LEFT JOIN (
      SELECT ParentKey AS below_parent, SpanKey AS below_key, Kind = 'Server' AS is_server, is_server AND Proxy = 0 AS is_app,
        toUnixTimestamp64Nano(Timestamp) AS below_at, toInt64(Duration) AS below_took, {{proxy_place}} AS below_place,
        cityHash64(Tenant) AS below_salt, toString(Protocol) AS below_protocol
      FROM span_edges
      WHERE Timestamp >= from_time - INTERVAL 5 SECOND AND Timestamp < to_time + INTERVAL {reach:UInt8} SECOND
        AND Kind IN ('Server', 'Client') AND ParentKey IN (SELECT key FROM proxies)
    ) AS below ON with_above.key = below.below_parent
  ),
  -- One row an entry, and one an application's call; the last attempt, and of that the last entry, says which edge.
  calls AS (
    SELECT is_entry, any(if(is_entry, took, above_took)) AS outer_took,
      groupUniqArray(if(is_entry, (below_at, below_at + below_took), (at, at + took))) AS inner_times,
      max((at, key, is_found AND is_server, is_found * below_at, is_found * below_key, if(is_entry, above_place, here),
        if(is_entry, here, is_found * below_place), if(is_entry, entry_protocol, below_protocol))) AS last,
      last.1 AS last_at, last.6 AS src, last.7 AS dst, last.8 AS protocol,
      {shares:Array(UInt64)}[intDiv(last_at - from_ns, 10000000000) + 1] AS share
    FROM with_below
    WHERE is_found OR NOT is_entry
    GROUP BY is_entry, if(is_entry, key, above) AS family, if(is_entry, here, above_place)
    HAVING last_at >= from_ns AND last_at < to_ns AND dst != 0 AND bitAnd(family, share - 1) = 0
  ),
  edges AS (
    SELECT intDiv(last_at, 10000000000) AS bucket, src, dst, protocol,
      sum(share * toUInt64(greatest(0, outer_took - toInt64(arrayReduce('intervalLengthSum', inner_times.1, inner_times.2))))) AS proxy_ns
    FROM calls
    GROUP BY bucket, src, dst, protocol
    HAVING proxy_ns > 0
  ),
  places AS (
    SELECT {{proxy_place}} AS place, Tenant, Cluster, Namespace, Service, Version, Instance FROM entities
  )
SELECT s.Tenant, toDateTime(bucket * 10), 'service', s.Cluster, s.Namespace, s.Service, s.Version, s.Instance,
  'service', d.Cluster, d.Namespace, d.Service, d.Version, d.Instance, protocol, 'span-pair', 'spans', proxy_ns
FROM edges LEFT ANY JOIN places AS s ON edges.src = s.place
LEFT ANY JOIN places AS d ON edges.dst = d.place
SETTINGS join_algorithm = 'hash', join_use_nulls = 0, max_threads = 2
