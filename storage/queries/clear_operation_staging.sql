-- Empties the staging table of operation_buckets (a crash may have left rows in it).
-- Parameters: none. Cost: a metadata change.
TRUNCATE TABLE operation_buckets_staging
