-- Purpose: the places known around a range, with or without traffic, at one level of detail: those that telemetry was seen from, and those
--   of services that only the cluster's own objects tell of.
-- Parameters: tenant; seen_s: only telemetry seen at or after, unix seconds; level, merge: as graph_edge_sums; limit.
-- Row: the place (parts the level does not carry are ''), its runtime and isolation classes, its node when there is one, last sight.
-- Cost: one row an instance and workload of the tenant is read.
WITH told AS (
  SELECT Cluster, Namespace, Service, Version, Instance, Runtime, Isolation, Node, LastSeen
  FROM known_instances(tenant = {tenant:String})
  WHERE LastSeen >= toDateTime({seen_s:UInt32})
)
SELECT
  if({merge:UInt8} = 1, '', Cluster) AS AtCluster,
  if({level:UInt8} >= 2, Namespace, '') AS AtNamespace,
  if({level:UInt8} >= 3, Service, '') AS AtService,
  if({level:UInt8} >= 4, Version, '') AS AtVersion,
  if({level:UInt8} >= 5, Instance, '') AS AtInstance,
  groupUniqArray(Runtime) AS Runtimes,
  groupUniqArray(Isolation) AS Isolations,
  groupUniqArray(2)(Node) AS Nodes,
  toUnixTimestamp(max(LastSeen)) AS LastSeenAt,
  max(IsTold) AS HasTelemetry
FROM (
  SELECT *, 1 AS IsTold FROM told
  UNION ALL
  SELECT Cluster, Namespace, Service, Version, Instance, Runtime, Isolation, Node, LastSeen, 0
  FROM (
    SELECT *, countIf(Instance != '') OVER (PARTITION BY Cluster, Namespace, Service, Version) AS Pods
    FROM workloads FINAL
    WHERE Tenant = {tenant:String} AND Gone = 0 AND Service != ''
  )
  -- A template stands for its pods where none is known.
  WHERE (Instance != '' OR Pods = 0) AND (Cluster, Namespace, Service) NOT IN (SELECT Cluster, Namespace, Service FROM told)
)
GROUP BY AtCluster, AtNamespace, AtService, AtVersion, AtInstance
ORDER BY AtCluster, AtNamespace, AtService, AtVersion, AtInstance
LIMIT {limit:UInt32}
