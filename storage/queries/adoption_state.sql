-- How the adoption of a Collector's table stands.
-- Parameters: none. Row: shown (`database.table` that the view adopted_traces reads, '' for none), spans taken of it in the last days,
--   lastTakenMs (unix). Cost: the catalogue, and a row or two an insert of the last days.
SELECT
  (SELECT if(position(as_select, 'adopted_spans') > 0, '', replaceAll(extract(as_select, 'FROM (\\S+)$'), '`', ''))
    FROM system.tables WHERE database = currentDatabase() AND name = 'adopted_traces') AS shown,
  sum(SpanCount) AS spans,
  toUnixTimestamp64Milli(max(At)) AS lastTakenMs
FROM adopted_blocks
WHERE State = 'done'
