-- Purpose: the edges of a range as access logs stored by a time tell of them, computed anew.
-- Parameters: tenant; from, to: half-open range in whole buckets; known_at; limit: rows a source; those of graph_edge_buckets.
-- Row: graph_edge_buckets, one an edge and source, busiest first.
-- Cost: that of access_log_ledger_rows over the range, all tenants.
{{graph_edge_buckets}}
FROM ({{access_log_ledger_rows}})
WHERE Tenant = {tenant:String}
GROUP BY ALL
ORDER BY greatest(CallerRequests, CalleeRequests) DESC
LIMIT {limit:UInt32} BY Source
SETTINGS join_use_nulls = 0
