-- Purpose: the edges of 10-second buckets: of minutes that are not summed yet or have changed since, or by instance.
-- Parameters: tenant; minutes: of which to read; from_s, to_s: half-open range, unix seconds; limit: rows a source; those of graph_edge_buckets.
-- Row: graph_edge_buckets, one an edge and source, busiest first.
-- Cost: 0.1 CPU s for 5,000 edges and 90 seconds with histograms.
{{graph_edge_buckets}}
FROM edge_buckets
WHERE Tenant = {tenant:String} AND toStartOfMinute(Bucket) IN {minutes:Array(DateTime)}
  AND Bucket >= toDateTime({from_s:UInt32}) AND Bucket < toDateTime({to_s:UInt32})
GROUP BY ALL
ORDER BY greatest(CallerRequests, CalleeRequests) DESC
LIMIT {limit:UInt32} BY Source
