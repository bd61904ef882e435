-- The blocks of ten minutes whose dependencies are known, and how many spans have arrived in and around each block of a range.
-- Parameters: tenant (String), from, to (DateTime, multiples of 600 s, half-open), margin_s (UInt32).
-- Row: block (unix s), known (0 = not computed), arrivedThen, arrivedNow (spans), parents, children, calls (arrays of one length).
-- Cost: one row a block, and the counts of arrivals of the range.
SELECT
  toUnixTimestamp(b.Block) AS block, k.Revision != 0 AS known, k.Arrived AS arrivedThen, b.Arrived AS arrivedNow,
  k.Parents AS parents, k.Children AS children, k.Calls AS calls
FROM (
  SELECT Block, sum(Arrived) AS Arrived
  FROM (
    SELECT {from:DateTime} + toIntervalSecond(number * 600) AS Block, toUInt64(0) AS Arrived
    FROM numbers(toUInt64(intDiv(toUnixTimestamp({to:DateTime}) - toUnixTimestamp({from:DateTime}), 600)))
    UNION ALL
    SELECT arrayJoin(arrayDistinct(arrayMap(
        t -> toDateTime(intDiv(toUnixTimestamp(Bucket) + t, 600) * 600, 'UTC'),
        [-toInt64({margin_s:UInt32}), 0, toInt64({margin_s:UInt32})]))) AS Block,
      RowCount
    FROM arrivals
    WHERE Tenant = {tenant:String} AND Signal = 'spans'
      AND Bucket >= {from:DateTime} - toIntervalSecond({margin_s:UInt32}) AND Bucket < {to:DateTime} + toIntervalSecond({margin_s:UInt32})
  )
  WHERE Block >= {from:DateTime} AND Block < {to:DateTime}
  GROUP BY Block
) AS b
LEFT JOIN (
  SELECT * FROM dependency_blocks FINAL
  WHERE Tenant = {tenant:String} AND Block >= {from:DateTime} AND Block < {to:DateTime}
) AS k ON b.Block = k.Block
ORDER BY block DESC
SETTINGS join_use_nulls = 0
