-- Purpose: one page of incidents that overlap a range, newest start first.
-- Parameters: tenant; from_ms, to_ms: range, unix ms; status: '' for any; after_ms, after_id: last row of the page before; limit.
-- Row: an incident; ResolvedAt null while open, Revision as text (a UInt64 does not fit a JSON number).
-- Cost: reads the tenant's incidents, thousands of rows.
SELECT
  Id, Status, Title, StartedAt, DetectedAt, ResolvedAt, SymptomsJson, ImpactJson, LocalizationId,
  toString(Revision) AS Revision
FROM incidents FINAL
WHERE Tenant = {tenant:String}
  AND Status != 'WITHDRAWN'
  AND ({status:String} = '' OR toString(Status) = {status:String})
  AND StartedAt < fromUnixTimestamp64Milli({to_ms:Int64})
  AND (ResolvedAt IS NULL OR ResolvedAt >= fromUnixTimestamp64Milli({from_ms:Int64}))
  AND (StartedAt, Id) < (fromUnixTimestamp64Milli({after_ms:Int64}), {after_id:String})
ORDER BY StartedAt DESC, Id DESC
LIMIT {limit:UInt32}
