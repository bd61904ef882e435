-- Which blocks of a table were taken, or begun to be, lately.
-- Parameters: source (UUID of the table), since (DateTime). Row: partition, first, last, state. Cost: a row or two an insert.
SELECT Partition AS partition, FirstBlock AS first, LastBlock AS last, State AS state
FROM adopted_blocks
WHERE Source = {source:UUID} AND At >= {since:DateTime}
