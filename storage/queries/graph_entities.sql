-- Purpose: the places known around a range, with or without traffic, at one level of detail.
-- Parameters: tenant; seen_s: only places seen at or after, unix seconds; level: as graph_edges; limit.
-- Row: the place (parts the level does not carry are ''), its runtime and isolation classes, its node when there is one.
-- Cost: one row an instance and workload of the tenant is read.
SELECT
  Cluster AS AtCluster,
  if({level:UInt8} >= 2, Namespace, '') AS AtNamespace,
  if({level:UInt8} >= 3, Service, '') AS AtService,
  if({level:UInt8} >= 4, Version, '') AS AtVersion,
  if({level:UInt8} >= 5, Instance, '') AS AtInstance,
  groupUniqArray(Runtime) AS Runtimes,
  groupUniqArray(Isolation) AS Isolations,
  groupUniqArray(2)(Node) AS Nodes
FROM known_instances(tenant = {tenant:String})
WHERE LastSeen >= toDateTime({seen_s:UInt32})
GROUP BY AtCluster, AtNamespace, AtService, AtVersion, AtInstance
ORDER BY AtCluster, AtNamespace, AtService, AtVersion, AtInstance
LIMIT {limit:UInt32}
