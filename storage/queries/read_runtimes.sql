-- How each instance that was seen runs, by telemetry and by the cluster's own objects, for localization.
-- Parameters: tenant (String), services (Array(String)). Row: service, instance, runtime, isolation.
-- Cost: one row an instance and workload of the tenant.
SELECT Service AS service, Instance AS instance, argMax(Runtime, LastSeen) AS runtime, argMax(Isolation, LastSeen) AS isolation
FROM known_instances(tenant = {tenant:String})
WHERE Service IN {services:Array(String)}
GROUP BY Service, Instance
LIMIT 10000
