-- Purpose: the clusters that have been seen.
-- Parameters: tenant; limit.
-- Row: cluster name, number of its services and instances, last sight.
-- Cost: one row an instance is read.
SELECT
  Cluster AS Name, uniqExact(Namespace, Service) AS ServiceCount, uniqExact(Namespace, Service, Version, Instance) AS InstanceCount,
  max(LastSeen) AS LastSeenAt
FROM entities FINAL
WHERE Tenant = {tenant:String} AND Cluster != ''
GROUP BY Name
ORDER BY Name
LIMIT {limit:UInt32}
