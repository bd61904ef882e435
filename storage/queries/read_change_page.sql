-- Purpose: one page of changes in a half-open range, newest first.
-- Parameters: tenant; from_ms, to_ms: range, unix ms; after_ms, after_id: last row of the page before; limit.
-- Row: a change; EntityId as model/entity.ts writes it, Before and After '' when not known.
-- Cost: the changes of the range, read by the primary key (Tenant, At).
SELECT Id, At, Kind, EntityId, Summary, Before, After
FROM changes FINAL
WHERE Tenant = {tenant:String}
  AND At >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND At < fromUnixTimestamp64Milli({to_ms:Int64})
  AND (At, Id) < (fromUnixTimestamp64Milli({after_ms:Int64}), {after_id:String})
ORDER BY At DESC, Id DESC
LIMIT {limit:UInt32}
