-- Purpose: incidents written at or after a revision, for the live subscription.
-- Parameters: tenant; revision: UInt64, unix ns; limit.
-- Row: an incident; ResolvedAt null while open, Revision as text (a UInt64 does not fit a JSON number).
-- Cost: reads the tenant's incidents, thousands of rows.
SELECT
  Id, Status, Title, StartedAt, DetectedAt, ResolvedAt, SymptomsJson, ImpactJson, LocalizationId,
  toString(incidents.Revision) AS Revision
FROM incidents FINAL
WHERE Tenant = {tenant:String} AND incidents.Revision >= {revision:UInt64}
ORDER BY incidents.Revision, Id
LIMIT {limit:UInt32}
