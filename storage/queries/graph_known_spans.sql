-- Purpose: the edges of a range as spans stored by a time tell of them, computed anew.
-- Parameters: tenant; from, to: half-open range in whole buckets; known_at; limit: rows a source; those of graph_edge_buckets.
-- Row: graph_edge_buckets, one an edge and source, busiest first.
-- Cost: that of paired_edges over the range, all tenants.
{{graph_edge_buckets}}
FROM ({{paired_edges}})
WHERE Tenant = {tenant:String}
GROUP BY ALL
ORDER BY greatest(CallerRequests, CalleeRequests) DESC
LIMIT {limit:UInt32} BY Source
SETTINGS join_algorithm = 'parallel_hash', join_use_nulls = 0
