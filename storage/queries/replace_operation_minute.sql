-- Swaps one minute of operation_buckets for what staging holds of it, atomically; what has vanished from staging vanishes.
-- Parameters: partition (String, unix seconds of the minute). Cost: a metadata change.
ALTER TABLE operation_buckets REPLACE PARTITION ID {partition:String} FROM operation_buckets_staging
