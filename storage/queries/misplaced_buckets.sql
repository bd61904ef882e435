-- Buckets whose edges name a callee without telemetry at another place than what is known by now would: a service has appeared since.
-- Parameters: since (DateTime). Row: bucket (unix s), newest first.
-- Cost: the inferred rows of the time, and one row an instance that is known.
SELECT DISTINCT toUnixTimestamp(at) AS bucket
FROM (
  SELECT DISTINCT Bucket AS at, toString(Tenant) AS tenant, toString(SrcCluster) AS cluster, toString(SrcNamespace) AS namespace,
    toString(DstCluster) AS to_cluster, toString(DstNamespace) AS to_namespace, toString(DstService) AS service
  FROM edge_buckets
  WHERE Bucket >= {since:DateTime} AND Source = 'spans' AND Evidence = 'inferred' AND DstKind = 'service' AND SrcKind = 'service'
    AND DstVersion = '' AND DstInstance = ''
) AS told
LEFT ANY JOIN ({{service_homes}}) AS homes ON tenant = home_tenant AND service = home_service
WHERE (to_cluster, to_namespace) != {{home_of_service}}
ORDER BY bucket DESC
LIMIT 60
SETTINGS join_use_nulls = 0
