-- Purpose: incidents by id, withdrawn ones included.
-- Parameters: tenant; ids.
-- Row: an incident; ResolvedAt null while open, Revision as text (a UInt64 does not fit a JSON number).
-- Cost: one granule an id.
SELECT
  Id, Status, Title, StartedAt, DetectedAt, ResolvedAt, SymptomsJson, ImpactJson, LocalizationId,
  toString(Revision) AS Revision
FROM incidents FINAL
WHERE Tenant = {tenant:String} AND Id IN {ids:Array(String)}
LIMIT 1000
