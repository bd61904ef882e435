-- Purpose: the newest state of alert deliveries.
-- Parameters: tenant; keys.
-- Row: a delivery; Revision as text (a UInt64 does not fit a JSON number).
-- Cost: one granule a key.
SELECT
  Key, IncidentId, Transition, Target, Status, Attempts, NextAttemptAt, LastError, CreatedAt, toString(Revision) AS Revision
FROM alert_deliveries FINAL
WHERE Tenant = {tenant:String} AND Key IN {keys:Array(String)}
