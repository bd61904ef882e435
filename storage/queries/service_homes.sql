-- Where services of one name are known to run; a part of other statements.
-- Row: home_tenant, home_service, known (cluster and namespace of each; at most 1000).
-- Cost: one row an instance that is known.
SELECT toString(Tenant) AS home_tenant, toString(Service) AS home_service, groupUniqArray(1000)((toString(Cluster), toString(Namespace))) AS known
FROM entities GROUP BY home_tenant, home_service
