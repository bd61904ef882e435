-- Every instance that has sent spans.
-- Parameters: tenant (String). Row: service, version, instance. Cost: one row an instance, at most 100000.
SELECT DISTINCT Service AS service, Version AS version, Instance AS instance
FROM entities
WHERE Tenant = {tenant:String}
LIMIT 100000
