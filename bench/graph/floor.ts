// The least that pairing could cost: one full join of children to parents over the same spans, and sums by the names of services.
// In: a window. Out: a statement that returns nothing.
// Bounds: it knows no duplicates, retries, long calls, clocks, versions, instances, sides, buckets of time, histograms or flags; so it is
// a floor to compare with, and no graph to show.

/** The statement over [from, to), unix seconds, with margins of 10 s; its rows are dropped by the engine. */
export function pairingFloor(from: number, to: number): string {
  const inside = `Timestamp >= toDateTime64(${from}, 9) AND Timestamp < toDateTime64(${to}, 9)`;
  const late = `Timestamp >= toDateTime64(${from}, 9) AND Timestamp < toDateTime64(${to + 10}, 9)`;
  const early = `Timestamp >= toDateTime64(${from - 10}, 9) AND Timestamp < toDateTime64(${to}, 9)`;
  return `
    SELECT source, target, type, count(), sum(failed), sum(caller_ns), sum(callee_ns)
    FROM (
      SELECT multiIf(p.key != 0, p.service, e.parent = 0, '<root>', '<missing>') AS source, if(e.is_here, e.service, p.peer) AS target,
        multiIf(e.is_here = 0, toUInt8(p.peer_kind) + 10, p.key = 0, if(e.parent = 0, 4, 5), p.kind = 'Producer' OR e.is_link, 3,
          p.kind = 'Client', 1, 2) AS type,
        p.took AS caller_ns, e.took AS callee_ns, p.has_failed OR e.has_failed AS failed
      FROM (
        SELECT SpanKey AS key, Service AS service, Kind AS kind, Duration AS took, Outcome = 'failed' AS has_failed, Peer AS peer,
          PeerKind AS peer_kind, ${inside} AS is_counted
        FROM span_edges WHERE ${early}
      ) AS p
      FULL JOIN (
        SELECT ParentKey AS parent, Service AS service, Kind AS kind, Duration AS took, Outcome = 'failed' AS has_failed, 1 AS is_here,
          0 AS is_link, ${inside} AS is_counted
        FROM span_edges WHERE ${late} AND (Kind IN ('Server', 'Consumer') OR Proxy = 1)
        UNION ALL
        SELECT arrayJoin(LinkKeys), Service, Kind, Duration, Outcome = 'failed', 1, 1, ${inside}
        FROM span_edges WHERE ${late} AND Kind = 'Consumer' AND notEmpty(LinkKeys)
      ) AS e ON p.key = e.parent
      WHERE if(e.is_here, e.is_counted, p.is_counted) AND multiIf(
        e.is_here = 0, p.kind IN ('Client', 'Producer'),
        p.key = 0, NOT e.is_link AND e.kind IN ('Server', 'Consumer'),
        e.is_link, 1,
        p.kind IN ('Client', 'Producer') AND e.kind IN ('Server', 'Consumer'), 1,
        p.service != e.service)
    )
    GROUP BY source, target, type
    FORMAT Null
    SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0`;
}
