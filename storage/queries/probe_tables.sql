-- Purpose: which of some tables exist in our database.
-- Parameters: names.
-- Row: Name of a table that exists.
-- Cost: none to speak of.
SELECT name AS Name FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}
