-- Which points of mesh_points a window needs; part of other statements. Parameters: those of mesh_increases.sql.
Tenant = {tenant:String} AND Measure IN {measures:Array(String)} AND Kind != 'gauge'
  AND toStartOfMinute(Timestamp) >= toStartOfMinute({from:DateTime} - {back_seconds:UInt32})
  AND toStartOfMinute(Timestamp) <= toStartOfMinute({to:DateTime} + {ahead_seconds:UInt32})
  AND Timestamp >= {from:DateTime} - {back_seconds:UInt32} AND Timestamp <= {to:DateTime} + {ahead_seconds:UInt32}
