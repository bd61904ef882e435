-- What is to be taken of some parts: minutes of event time with their rows, newest first.
-- Parameters: database, table (Identifier), parts, from, to (DateTime). Row: minute (unix s), spans. Cost: one column of the parts.
SELECT toUnixTimestamp(toStartOfMinute(toDateTime(Timestamp))) AS minute, count() AS spans
FROM {database:Identifier}.{table:Identifier}
WHERE _part IN {parts:Array(String)} AND Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime}
GROUP BY minute
ORDER BY minute DESC
