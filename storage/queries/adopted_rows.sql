-- Spans of the adopted table as the reader of ingest/adopt takes them (FORMAT RowBinary; the columns' order is the reader's).
-- Parameters: database, table (Identifier), parts, minutes (of event time), tenant, keys of the attributes that say something; again: 1 = leave out what span_edges holds already.
-- Accepts the words of every version of the exporter: Client and SPAN_KIND_CLIENT, Error and STATUS_CODE_ERROR, Duration signed or not.
-- Cost: a dozen columns of the parts within those minutes; with again, the keys of the same minutes of span_edges in memory.
SELECT
  toUnixTimestamp64Nano(toDateTime64(Timestamp, 9)) AS start,
  toUInt64(if(Duration < 0 OR Duration > 9000000000000000000, 0, Duration)) AS duration,
  toUInt8(transform(replaceOne(upper(toString(SpanKind)), 'SPAN_KIND_', ''), ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'], [1, 2, 3, 4, 5], 0)) AS kind,
  toUInt8(transform(replaceOne(upper(toString(StatusCode)), 'STATUS_CODE_', ''), ['OK', 'ERROR'], [1, 2], 0)) AS status,
  unhex(toString(TraceId)) AS trace, unhex(toString(SpanId)) AS span, unhex(toString(ParentSpanId)) AS parent,
  toString(SpanName) AS name,
  CAST(ResourceAttributes, 'Map(String, String)') AS resource,
  CAST(mapFilter((k, v) -> k IN {keys:Array(String)}, SpanAttributes), 'Map(String, String)') AS attributes,
  arrayMap(id -> unhex(toString(id)), `Links.TraceId`) AS link_traces,
  arrayMap(id -> unhex(toString(id)), `Links.SpanId`) AS link_spans
FROM {database:Identifier}.{table:Identifier}
WHERE _part IN {parts:Array(String)}
  AND toUnixTimestamp(toStartOfMinute(toDateTime(Timestamp))) IN {minutes:Array(UInt32)}
  AND ({again:UInt8} = 0 OR cityHash64(lower(toString(TraceId)), lower(toString(SpanId))) NOT IN (
    SELECT SpanKey FROM span_edges
    WHERE {again:UInt8} = 1 AND Tenant = {tenant:String}
      AND toUnixTimestamp(toStartOfMinute(Timestamp)) IN {minutes:Array(UInt32)}))
FORMAT RowBinary
