-- How far the counters of a tenant have come, and the first recent bucket that has spans and is not in the graph yet.
-- Parameters: tenant (String), since, until (DateTime: which buckets are looked at).
-- Row: one; through (unix s, 0 = never counted), waiting (unix s, 0 = none).
-- Cost: one row a bucket and unmerged part.
SELECT
  (SELECT toUnixTimestamp(max(Through)) FROM graph_series WHERE Tenant = {tenant:String} AND Family = 'mark') AS through,
  (SELECT toUnixTimestamp(min(Bucket)) FROM arrivals
    WHERE Tenant = {tenant:String} AND Signal = 'spans' AND Bucket >= {since:DateTime} AND Bucket < {until:DateTime}
      AND Bucket NOT IN (
        SELECT Bucket FROM analyzed_buckets
        WHERE Tenant = {tenant:String} AND PairedRows > 0 AND Bucket >= {since:DateTime} AND Bucket < {until:DateTime})) AS waiting
