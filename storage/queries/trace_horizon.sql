-- Where a search for a trace begins: the newest bucket with spans, and whether a table is adopted and there.
-- Parameters: tenant (String). Row: newestSeconds (unix, 0: none known), isAdopted (0 or 1).
-- Cost: the counts of arrivals, and names of the catalogue.
SELECT toUnixTimestamp(max(Bucket)) AS newestSeconds,
  toUInt8((
    SELECT max(replaceAll(extract(as_select, 'FROM (\\S+)$'), '`', ''))
    FROM system.tables WHERE database = currentDatabase() AND name = 'adopted_traces' AND position(as_select, 'adopted_spans') = 0
  ) IN (SELECT concat(database, '.', name) FROM system.tables)) AS isAdopted
FROM arrivals
WHERE Tenant = {tenant:String} AND Signal = 'spans'
