-- The parts of the adopted table, newest blocks first.
-- Parameters: database, table. Row: name, partition, first, last (block numbers). Cost: the catalogue only.
SELECT name, partition_id AS partition, min_block_number AS first, max_block_number AS last
FROM system.parts
WHERE active AND database = {database:String} AND table = {table:String}
ORDER BY max_block_number DESC
