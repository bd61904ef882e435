-- Purpose: deletes sums of minutes that newer ones have superseded, of one hour.
-- Parameters: hour: its start; minutes: which sums hold. Row: none.
-- Cost: writes a mask to the parts of the hour that hold such rows.
DELETE FROM operation_minutes
WHERE Minute >= {hour:DateTime} AND Minute < {hour:DateTime} + INTERVAL 1 HOUR
  AND (Minute, Revision) NOT IN {minutes:Array(Tuple(DateTime, UInt64))}
