-- Purpose: deletes the sums of an hour that a newer one has superseded.
-- Parameters: hour: its start; revision: the sum that holds. Row: none.
-- Cost: writes a mask to the parts of the day that hold such rows.
DELETE FROM operation_hours WHERE Hour = {hour:DateTime} AND Revision != {revision:UInt64}
