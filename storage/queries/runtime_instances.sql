-- How the instances of some services run by their telemetry, newest first.
-- Parameters: tenant (String), services (Array(String)), per_service (UInt32). Row: cluster, namespace, service, version, instance, runtime,
--   isolation ('' = not said), lastSeen (unix s).
-- Cost: one row an instance of the tenant.
SELECT Cluster AS cluster, Namespace AS namespace, Service AS service, Version AS version, Instance AS instance,
  argMax(Runtime, LastSeen) AS runtime, argMax(Isolation, LastSeen) AS isolation, toUnixTimestamp(max(LastSeen)) AS lastSeen
FROM entities
WHERE Tenant = {tenant:String} AND Service IN {services:Array(String)}
GROUP BY Cluster, Namespace, Service, Version, Instance
ORDER BY lastSeen DESC, instance
LIMIT {per_service:UInt32} BY cluster, namespace, service
