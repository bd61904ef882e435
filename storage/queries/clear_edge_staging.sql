-- Empties the staging table of edge_buckets (a crash may have left rows in it).
-- Parameters: none. Cost: a metadata change.
TRUNCATE TABLE edge_buckets_staging
