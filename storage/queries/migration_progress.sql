-- Which statements of which migrations were started and done, and which files are complete.
-- Parameters: none. Row: Name, Position, State, Checksum. Cost: two rows a statement of the schema.
SELECT Name, Position, State, Checksum
FROM schema_migrations
ORDER BY Name, Position, State
