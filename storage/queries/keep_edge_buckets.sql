-- Copies the rows of the touched minutes that are not computed anew into staging, so that whole minutes can be replaced.
-- Parameters: from, to (DateTime, half-open: the buckets computed anew), sources (Array(String): the sources computed anew in them).
-- Cost: the rows of the touched minutes that stay.
INSERT INTO edge_buckets_staging
SELECT * FROM edge_buckets
WHERE Bucket >= toStartOfMinute({from:DateTime}) AND Bucket < toStartOfMinute({to:DateTime} - INTERVAL 1 SECOND) + INTERVAL 1 MINUTE
  AND NOT (Bucket >= {from:DateTime} AND Bucket < {to:DateTime} AND has({sources:Array(String)}, toString(Source)))
