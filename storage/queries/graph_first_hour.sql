-- Purpose: the oldest hour that is kept of a tenant's graph.
-- Parameters: tenant.
-- Row: one; unix seconds, 0 when there is none.
-- Cost: the first rows of each part, in order of the key.
SELECT toUnixTimestamp(max(Hour)) AS FirstHour
FROM (SELECT Hour FROM edge_hours WHERE Tenant = {tenant:String} ORDER BY Tenant, Hour LIMIT 1)
SETTINGS optimize_read_in_order = 1
