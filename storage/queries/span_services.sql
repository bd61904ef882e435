-- The services that spans name (service.name, as senders write it), by name.
-- Parameters: tenant (String), from (DateTime), max_count (UInt32). Row: name.
-- Cost: one narrow column of the period.
SELECT DISTINCT toString(ServiceName) AS name
FROM spans
WHERE Tenant = {tenant:String} AND ServiceName != '' AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime})
ORDER BY name
LIMIT {max_count:UInt32}
