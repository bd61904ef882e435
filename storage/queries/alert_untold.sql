-- Purpose: transitions of incidents that have no delivery yet: opened, resolved, and withdrawn where `opened` was delivered.
-- Parameters: tenant; target; not_before_ms: unix ms, older revisions are not told any more; limit.
-- Row: incident, transition.
-- Cost: reads the tenant's incidents and deliveries, thousands of rows.
WITH (
  SELECT toUInt64(toUnixTimestamp64Milli(min(CreatedAt))) * 1000000
  FROM alert_deliveries
  WHERE Tenant = {tenant:String} AND Transition = 'registered' AND Target = {target:String}
  HAVING count() > 0
) AS registered_ns
SELECT IncidentId, Transition FROM (
  SELECT
    Id AS IncidentId,
    Revision AS WrittenNs,
    arrayJoin(multiIf(Status = 'OPEN', ['opened'], Status = 'RESOLVED', ['opened', 'resolved'], ['withdrawn'])) AS Transition
  FROM incidents FINAL
  WHERE Tenant = {tenant:String}
    AND Revision >= toUInt64({not_before_ms:Int64}) * 1000000
    AND Revision >= registered_ns
)
WHERE concat(IncidentId, ':', Transition, ':', {target:String}) NOT IN (
    SELECT Key FROM alert_deliveries WHERE Tenant = {tenant:String} AND Target = {target:String}
  )
  AND (Transition != 'withdrawn' OR concat(IncidentId, ':opened:', {target:String}) IN (
    SELECT Key FROM alert_deliveries FINAL WHERE Tenant = {tenant:String} AND Status = 'DELIVERED' AND Target = {target:String}
  ))
ORDER BY WrittenNs, IncidentId, Transition
LIMIT {limit:UInt32}
