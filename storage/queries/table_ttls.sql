-- The TTL of every table of the database, as ClickHouse writes it; '' where there is none.
-- Parameters: none. Row: table, ttl. Cost: the catalogue only.
SELECT name AS table, extract(engine_full, ' TTL (.+?)(?: SETTINGS |$)') AS ttl
FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
ORDER BY name
