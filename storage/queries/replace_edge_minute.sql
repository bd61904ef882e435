-- Swaps one minute of edge_buckets for what staging holds of it, atomically; what has vanished from staging vanishes.
-- Parameters: partition (String, unix seconds of the minute). Cost: a metadata change.
ALTER TABLE edge_buckets REPLACE PARTITION ID {partition:String} FROM edge_buckets_staging
