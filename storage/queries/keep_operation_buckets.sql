-- Copies the buckets of the touched minutes that are not computed anew into staging, so that whole minutes can be replaced.
-- Parameters: from, to (DateTime, half-open: the buckets computed anew). Cost: at most the rows of two minutes.
INSERT INTO operation_buckets_staging
SELECT * FROM operation_buckets
WHERE Bucket >= toStartOfMinute({from:DateTime}) AND Bucket < toStartOfMinute({to:DateTime} - INTERVAL 1 SECOND) + INTERVAL 1 MINUTE
  AND NOT (Bucket >= {from:DateTime} AND Bucket < {to:DateTime})
