-- Purpose: the steps that the code of each service took in two sets of buckets: from one log line of a span to the next, and from one call or
--   function that a span contains to the next.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts), every (UInt64: one span in so many is read, by its hash), max_rows.
-- Row: side (1 fault, 0 baseline), cluster, namespace, service, via (lines, calls), from_step, to_step, to_error (1: the line that it goes to
--   tells of an error, or the call failed or is that of an error handler), step_count. A step is a place in the code where a line names one (attributes code.*, Class#12, file.go:12), else
--   the line with its variable parts masked; `OPERATION start` is the begin of the span, `end` its end, `call OPERATION` the begin
--   of a span of the same service that it contains. A span
--   without any step counts where its operation took some in either window: what is missing speaks too.
-- Cost: reads the keys of the logs once and of the narrow spans twice, the rest of the spans in question; one hash join by span for each of both.
WITH
  least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})) AS earliest,
  greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) + INTERVAL 10 SECOND AS latest,
  arrayConcat({fault:Array(DateTime)}, {baseline:Array(DateTime)}) AS buckets,
  minutes AS (SELECT DISTINCT toStartOfMinute(arrayJoin([bucket, bucket + INTERVAL 10 SECOND])) FROM (SELECT arrayJoin(buckets) AS bucket)),
  lines AS (
    SELECT cityHash64(TraceId, SpanId) AS key, Timestamp AS at,
      coalesce(nullIf(LogAttributes['code.file.path'], ''), nullIf(LogAttributes['code.filepath'], ''), nullIf(LogAttributes['code.function.name'], ''), '') AS file,
      coalesce(nullIf(LogAttributes['code.line.number'], ''), LogAttributes['code.lineno']) AS line,
      if(startsWith(Body, '{'), coalesce(nullIf(JSONExtractString(Body, 'message'), ''), nullIf(JSONExtractString(Body, 'msg'), ''), Body), Body) AS text,
      extract(text, '([A-Za-z_][A-Za-z0-9_.$]*(?:#|\\.(?:java|kt|scala|go|py|js|ts|rb|cs|php|cpp|rs):)\\d+)') AS location,
      multiIf(file != '', concat(file, ':', line), location != '', location,
        substring(replaceRegexpAll(if(file = '' AND location = '', text, ''), '(0x)?[0-9a-fA-F]{8,}|\\d+|"[^"]*"|\\[[^\\]]*\\]', '*'), 1, 120)) AS step,
      toUInt8(SeverityNumber >= 17 OR match(substring(text, 1, 200), '\\b(ERROR|FATAL|CRITICAL|SEVERE)\\b')) AS is_error
    FROM (
      SELECT * FROM logs
      -- One line in so many: all else is read of those alone.
      PREWHERE cityHash64(TraceId, SpanId) % {every:UInt64} = 0
      WHERE Tenant = {tenant:String} AND SpanId != '' AND toStartOfMinute(Timestamp) IN minutes AND Timestamp >= earliest AND Timestamp < latest + INTERVAL 10 SECOND
    )
    -- A line may be written a bucket after its span began.
    WHERE has(buckets, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
      OR has(buckets, toStartOfInterval(toDateTime(Timestamp) - INTERVAL 10 SECOND, INTERVAL 10 SECOND))
  ),
  spoken AS (
    SELECT key, arrayMap(x -> (x.2, x.3), arraySort(groupArray(1000)((at, step, is_error)))) AS steps, cityHash64(steps) AS steps_id
    FROM lines GROUP BY key
  ),
  spans_read AS (
    SELECT SpanKey, ParentKey, Timestamp, Cluster, Namespace, Service, Operation, Outcome
    FROM (
      SELECT * FROM span_edges
      PREWHERE SpanKey % {every:UInt64} = 0 OR ParentKey % {every:UInt64} = 0 AND ParentKey != 0
      WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) IN minutes AND Timestamp >= earliest AND Timestamp < latest + INTERVAL 10 SECOND
    )
    WHERE has(buckets, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
      OR has(buckets, toStartOfInterval(toDateTime(Timestamp) - INTERVAL 10 SECOND, INTERVAL 10 SECOND))
  ),
  called AS (
    SELECT bitXor(ParentKey, cityHash64(Service)) AS key,
      arrayMap(x -> (x.2, x.3), arraySort(groupArray(1000)((Timestamp, concat('call ', Operation), is_error)))) AS steps, cityHash64(steps) AS steps_id
    FROM (
      SELECT ParentKey, Service, Timestamp, toString(Operation) AS Operation, toUInt8(Outcome = 'failed' OR match(spans_read.Operation, '(?i)error|exception')) AS is_error
      FROM spans_read WHERE ParentKey != 0 AND ParentKey % {every:UInt64} = 0 LIMIT 1 BY SpanKey
    )
    GROUP BY key
  ),
  runs AS (
    SELECT SpanKey, bitXor(SpanKey, cityHash64(Service)) AS calls_key, Cluster, Namespace, Service, Operation,
      toUInt8(has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))) AS side
    FROM spans_read
    WHERE SpanKey % {every:UInt64} = 0 AND has(buckets, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
    LIMIT 1 BY SpanKey
  ),
  -- Most runs of an operation take the same steps: from here on such count together.
  ways AS (
    SELECT way.1 AS via, any(r.side) AS side, any(r.Cluster) AS cluster, any(r.Namespace) AS namespace, any(r.Service) AS service,
      toString(any(r.Operation)) AS operation, any(way.2) AS steps, count() AS runs_of
    FROM runs AS r
    LEFT ANY JOIN spoken AS l ON r.SpanKey = l.key
    LEFT ANY JOIN called AS c ON r.calls_key = c.key
    ARRAY JOIN [('lines', l.steps, l.steps_id), ('calls', c.steps, c.steps_id)] AS way
    GROUP BY via, cityHash64(r.side, cityHash64(r.Cluster), cityHash64(r.Namespace), cityHash64(r.Service), cityHash64(r.Operation), way.3)
  )
SELECT side, cluster, namespace, service, via, step.1 AS from_step, step.2 AS to_step, max(step.3) AS to_error, sum(runs_of) AS step_count
FROM (
  SELECT side, cluster, namespace, service, via, runs_of,
    arrayJoin(arrayZip(arrayPushFront(steps.1, concat(operation, ' start')), arrayPushBack(steps.1, 'end'), arrayPushBack(steps.2, toUInt8(0)))) AS step
  FROM (
    SELECT *, max(notEmpty(steps)) OVER (PARTITION BY via, cluster, namespace, service, operation) AS is_speaking FROM ways
  )
  WHERE is_speaking
)
GROUP BY side, cluster, namespace, service, via, from_step, to_step
ORDER BY step_count DESC, service, via, from_step, to_step, side
LIMIT {max_rows:UInt32}
SETTINGS join_use_nulls = 0
