-- The newest lease: its owner, whether it was given back, and for how long its holder has been silent by the server's clock.
-- Parameters: table (Identifier). Row: epoch, owner, released (0 or 1), silentMs; none before the first lease. Cost: a handful of rows.
SELECT
  Epoch AS epoch,
  argMinIf(Owner, (At, Owner), Event = 'taken') AS owner,
  max(Event = 'released') AS released,
  dateDiff('millisecond', max(At), now64(3)) AS silentMs
FROM {table:Identifier}
GROUP BY Epoch
ORDER BY Epoch DESC
LIMIT 1
