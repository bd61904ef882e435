-- A table of anybody's: engine, UUID, columns with their types.
-- Parameters: database, table. Row: engine, uuid, columns (name → type); none when there is no such table. Cost: the catalogue only.
SELECT engine, toString(uuid) AS uuid,
  (SELECT mapFromArrays(groupArray(name), groupArray(type)) FROM system.columns WHERE database = {database:String} AND table = {table:String}) AS columns
FROM system.tables
WHERE database = {database:String} AND name = {table:String}
