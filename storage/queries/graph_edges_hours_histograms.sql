-- Purpose: the edges of whole hours with histograms, from the sums that hold.
-- Parameters: tenant; sums: which hold, (start, revision); limit: rows a source; those of graph_edge_sums.
-- Row: graph_edge_sums, graph_edge_histograms, one an edge and source, busiest first.
-- Cost: 0.08 CPU s for 5,000 edges and 24 hours (least of several on a busy machine).
{{graph_edge_sums}},
{{graph_edge_histograms}}
FROM edge_hours
WHERE Tenant = {tenant:String} AND (Hour, Revision) IN {sums:Array(Tuple(DateTime, UInt64))}
GROUP BY ALL
ORDER BY greatest(CallerRequests, CalleeRequests) DESC
LIMIT {limit:UInt32} BY Source
