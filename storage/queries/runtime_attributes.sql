-- The resource attributes of the newest span of each of some instances, the application's own before its proxy's.
-- Parameters: tenant (String), services (Array(String)), instances (Array(String)), from, to (DateTime: when they were last heard of).
-- Row: cluster, namespace, service, version, instance, attributes (name to value).
-- Cost: the minutes of the range by three narrow columns, the attributes of the spans that fit.
SELECT Cluster AS cluster, Namespace AS namespace, Service AS service, Version AS version, Instance AS instance, ResourceAttributes AS attributes
FROM spans
PREWHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime}) AND Timestamp >= {from:DateTime}
  AND Timestamp < {to:DateTime} AND Service IN {services:Array(String)} AND Instance IN {instances:Array(String)}
ORDER BY Proxy, Timestamp DESC
LIMIT 1 BY cluster, namespace, service, version, instance
LIMIT 2000
