-- The runtime class of each instance that was seen, for localization.
-- Parameters: tenant (String), services (Array(String)). Row: service, instance, runtime, isolation. Cost: one row an instance.
SELECT Service AS service, Instance AS instance, argMax(Runtime, LastSeen) AS runtime, argMax(Isolation, LastSeen) AS isolation
FROM entities
WHERE Tenant = {tenant:String} AND Service IN {services:Array(String)}
GROUP BY Service, Instance
LIMIT 10000
