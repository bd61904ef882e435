-- The names of a service's spans with their kinds, by name.
-- Parameters: tenant, service (String), kind (String: Server .. or '' = any), from (DateTime), max_count (UInt32). Row: name, kind.
-- Cost: three narrow columns of the period.
SELECT DISTINCT toString(SpanName) AS name, toString(SpanKind) AS kind
FROM spans
WHERE Tenant = {tenant:String} AND ServiceName = {service:String} AND ({kind:String} = '' OR SpanKind = {kind:String})
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime})
ORDER BY name, kind
LIMIT {max_count:UInt32}
