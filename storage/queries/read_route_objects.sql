-- Purpose: the route objects of one namespace (and of the mesh's root namespace) as last seen, for a remedy that changes as little as possible.
-- Parameters: tenant; cluster ('' = any); namespaces (Array(String)); kinds (Array(String): Kind.group as in kubernetes_objects).
-- Row: id (cluster/Kind.group/namespace/name), fields (desired state by path). Cost: the tenant's objects by key range; at most 500 rows.
SELECT Id AS id, Fields AS fields
FROM kubernetes_objects FINAL
WHERE Tenant = {tenant:String} AND Deleted = 0
  AND has({kinds:Array(String)}, splitByChar('/', Id)[2])
  AND has({namespaces:Array(String)}, splitByChar('/', Id)[3])
  AND ({cluster:String} = '' OR splitByChar('/', Id)[1] IN ({cluster:String}, ''))
ORDER BY Id
LIMIT 500
