-- Purpose: the clusters that telemetry was seen from since a time.
-- Parameters: tenant; since_s: unix seconds.
-- Row: Cluster.
-- Cost: one row an instance.
SELECT DISTINCT toString(Cluster) AS Cluster
FROM entities
WHERE Tenant = {tenant:String} AND Cluster != '' AND LastSeen >= toDateTime({since_s:UInt32})
