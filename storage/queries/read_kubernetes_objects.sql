-- Purpose: the last sight of the named Kubernetes objects, for the comparison with the next.
-- Parameters: tenant; ids (Array(String)) as in kubernetes_objects. Row: one object; generation 0 = the kind has none.
-- Cost: one granule an object, by the primary key.
SELECT
  Id AS id, Uid AS uid, Generation AS generation, ResourceVersion AS resourceVersion, CreatedMs AS createdMs, Digest AS digest,
  Fields AS fields, Deleted AS deleted, toUnixTimestamp64Milli(ObservedAt) AS observedMs
FROM kubernetes_objects FINAL
WHERE Tenant = {tenant:String} AND Id IN {ids:Array(String)}
