-- Purpose: which names passed a tenant's limits since some time.
-- Parameters: tenant: '' for all; from (DateTime, taken down to its hour); limit.
-- Row: tenant, dimension, service ('' where the dimension is the tenant's), rows stored under the overflow name, one name as sent ('' not
--   told), last event time. The most rows first.
-- Cost: the hours since `from` of the tenant by the primary key; a handful of rows an hour.
SELECT Tenant AS tenant, Dimension AS dimension, Service AS service, sum(RowCount) AS rowCount, any(Sample) AS sample,
  max(LastSeen) AS lastSeen
FROM cardinality_overflows
WHERE ({tenant:String} = '' OR Tenant = {tenant:String}) AND Hour >= toStartOfHour({from:DateTime})
GROUP BY tenant, dimension, service
ORDER BY rowCount DESC, tenant, dimension, service
LIMIT {limit:UInt32}
