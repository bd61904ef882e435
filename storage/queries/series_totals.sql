-- The counters of a tenant as they stand, of series that grew since a time.
-- Parameters: tenant (String), since (DateTime), limit (UInt32).
-- Row: family, names, counts (name to value), serverBuckets, clientBuckets (index to count).
-- Cost: one row a series and unmerged part.
SELECT Family AS family, Names AS names, sumMap(Counts) AS counts, sumMap(ServerBuckets) AS serverBuckets, sumMap(ClientBuckets) AS clientBuckets
FROM graph_series
WHERE Tenant = {tenant:String} AND Family != 'mark'
GROUP BY family, names
HAVING max(LastSeen) >= {since:DateTime}
ORDER BY family, names
LIMIT {limit:UInt32}
