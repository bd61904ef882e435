-- Purpose: one page of changes in a half-open range, newest first; what several watchers saw at slightly different times is one change.
-- Parameters: tenant; from_ms, to_ms: range, unix ms; after_ms, after_id: last row of the page before; limit.
-- Row: a change; EntityId as model/entity.ts writes it, Before and After '' when not known.
-- Cost: the changes of the range and an hour around it, read by the primary key (Tenant, At).
WITH 3600000 AS around_ms
SELECT Id, min(Seen) AS At, argMax(ChangeKind, Rank) AS Kind, argMax(Entity, Rank) AS EntityId, argMax(Text, Rank) AS Summary,
  argMax(Old, Rank) AS Before, argMax(New, Rank) AS After
FROM (
  -- Who knew what was before tells more; then the latest word counts.
  SELECT Id, At AS Seen, Kind AS ChangeKind, EntityId AS Entity, Summary AS Text, Before AS Old, After AS New, (Before != '', IngestedAt) AS Rank
  FROM changes
  WHERE Tenant = {tenant:String}
    AND At >= fromUnixTimestamp64Milli({from_ms:Int64} - around_ms)
    AND At < fromUnixTimestamp64Milli({to_ms:Int64} + around_ms)
)
GROUP BY Id
HAVING At >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND At < fromUnixTimestamp64Milli({to_ms:Int64})
  AND (At, Id) < (fromUnixTimestamp64Milli({after_ms:Int64}), {after_id:String})
ORDER BY At DESC, Id DESC
LIMIT {limit:UInt32}
