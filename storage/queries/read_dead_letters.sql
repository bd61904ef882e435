-- Purpose: dead letters with what became of them, oldest first, without their bodies.
-- Parameters: tenant; since_ms: set aside at or after, unix ms; reason, id: '' = any; with_replayed: 1 = also those that were replayed;
--   after_ms, after_id: the last row of the page before; limit.
-- Row: Id, At (ISO), Source, Origin, Signal, Encoding, Reason and Detail (of the last replay where one failed), BodyBytes, KeptBytes,
--   RefusedTables, State: waiting, failed or replayed.
-- Cost: the letters of the tenant since then, read by the primary key (Tenant, At), without the bodies; all marks of the tenant.
SELECT
  l.Id AS Id, l.At AS At, l.Source AS Source, l.Origin AS Origin, l.Signal AS Signal, l.Encoding AS Encoding,
  if(m.State = 'failed', m.Reason, l.Reason) AS Reason,
  if(m.State = 'failed', m.Detail, l.Detail) AS Detail,
  l.BodyBytes AS BodyBytes, l.RefusedTables AS RefusedTables,
  if(m.State = '', 'waiting', m.State) AS State
FROM (
  SELECT Id, At, Source, Origin, Signal, Encoding, Reason, Detail, BodyBytes, RefusedTables
  FROM dead_letters
  WHERE Tenant = {tenant:String}
    AND At >= fromUnixTimestamp64Milli({since_ms:Int64})
    AND ({id:String} = '' OR Id = {id:String})
    AND (At, Id) > (fromUnixTimestamp64Milli({after_ms:Int64}), {after_id:String})
  ORDER BY At, Id
  LIMIT 1 BY Id
) AS l
LEFT JOIN (
  SELECT LetterId, toString(argMax(State, At)) AS State, argMax(Reason, At) AS Reason, argMax(Detail, At) AS Detail
  FROM dead_letter_marks
  WHERE Tenant = {tenant:String}
  GROUP BY LetterId
) AS m ON l.Id = m.LetterId
WHERE ({with_replayed:UInt8} = 1 OR m.State != 'replayed')
  AND ({reason:String} = '' OR if(m.State = 'failed', m.Reason, l.Reason) = {reason:String})
ORDER BY At, Id
LIMIT {limit:UInt32}
