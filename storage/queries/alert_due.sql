-- Purpose: alert deliveries of a target whose time has come, oldest first; what follows an opening waits until that is told.
-- Parameters: tenant; target; now_ms: unix ms; limit.
-- Row: a delivery; Revision as text (a UInt64 does not fit a JSON number).
-- Cost: reads the tenant's deliveries, thousands of rows.
SELECT
  Key, IncidentId, Transition, Target, Status, Attempts, NextAttemptAt, LastError, CreatedAt, toString(Revision) AS Revision
FROM alert_deliveries FINAL
WHERE Tenant = {tenant:String}
  AND Status = 'PENDING'
  AND Target = {target:String}
  AND NextAttemptAt <= fromUnixTimestamp64Milli({now_ms:Int64})
  AND (Transition = 'opened' OR concat(IncidentId, ':opened:', Target) NOT IN (
    SELECT Key FROM alert_deliveries FINAL WHERE Tenant = {tenant:String} AND Status = 'PENDING' AND Target = {target:String}
  ))
ORDER BY CreatedAt, Key
LIMIT {limit:UInt32}
