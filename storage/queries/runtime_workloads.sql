-- How the workloads of some services, and some pods, run by the cluster's own objects: pods (instance = name) and templates (instance ''), the surest first.
-- Parameters: tenant (String), services (Array(String)), instances (Array(String)), per_service (UInt32). Row: cluster, namespace, service, version,
--   instance, runtime, isolation ('' = none), confidence (0..1), rule, attribute, lastSeen (unix s). Of one place what is not gone comes before what is.
-- Cost: one row a workload of the tenant.
SELECT Cluster AS cluster, Namespace AS namespace, Service AS service, Version AS version, Instance AS instance, Runtime AS runtime,
  Isolation AS isolation, round(toFloat64(Confidence), 3) AS confidence, Rule AS rule, Attribute AS attribute, toUnixTimestamp(LastSeen) AS lastSeen
FROM workloads FINAL
WHERE Tenant = {tenant:String} AND (Service IN {services:Array(String)} OR (Instance != '' AND Instance IN {instances:Array(String)}))
ORDER BY Gone, confidence DESC, lastSeen DESC, Kind, Name
LIMIT {per_service:UInt32} BY cluster, namespace, service
