-- Purpose: the steps that the code of each service took in two sets of buckets: from one log line of a span to the next, and from one call or
--   function that a span contains to the next.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts), every (UInt64: one span in so many is read, by its hash), max_rows.
-- Row: side (1 fault, 0 baseline), cluster, namespace, service, via (lines, calls), from_step, to_step, to_error (1: the line that it goes to
--   tells of an error, or the call failed or is that of an error handler), step_count. A step is a place in the code where a line names one (attributes code.*, Class#12, file.go:12), else
--   the line with its variable parts masked; `OPERATION start` is the begin of the span, `end` its end, `call OPERATION` the begin
--   of a span of the same service that it contains. A span
--   without any step counts where its operation took some in either window: what is missing speaks too.
-- Cost: reads the logs and narrow spans of the named buckets once; one hash join by span for each of both.
WITH
  least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})) AS earliest,
  greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) + INTERVAL 10 SECOND AS latest,
  arrayConcat({fault:Array(DateTime)}, {baseline:Array(DateTime)}) AS buckets,
  lines AS (
    SELECT cityHash64(TraceId, SpanId) AS key, Timestamp AS at,
      coalesce(nullIf(LogAttributes['code.file.path'], ''), nullIf(LogAttributes['code.filepath'], ''), nullIf(LogAttributes['code.function.name'], ''), '') AS file,
      coalesce(nullIf(LogAttributes['code.line.number'], ''), LogAttributes['code.lineno']) AS line,
      if(startsWith(Body, '{'), coalesce(nullIf(JSONExtractString(Body, 'message'), ''), nullIf(JSONExtractString(Body, 'msg'), ''), Body), Body) AS text,
      extract(text, '([A-Za-z_][A-Za-z0-9_.$]*(?:#|\\.(?:java|kt|scala|go|py|js|ts|rb|cs|php|cpp|rs):)\\d+)') AS location,
      multiIf(file != '', concat(file, ':', line), location != '', location,
        substring(replaceRegexpAll(text, '(0x)?[0-9a-fA-F]{8,}|\\d+|"[^"]*"|\\[[^\\]]*\\]', '*'), 1, 120)) AS step,
      toUInt8(SeverityNumber >= 17 OR match(substring(text, 1, 200), '\\b(ERROR|FATAL|CRITICAL|SEVERE)\\b')) AS is_error
    FROM logs
    WHERE Tenant = {tenant:String} AND SpanId != ''
      AND toStartOfMinute(Timestamp) >= toStartOfMinute(earliest) AND Timestamp < latest + INTERVAL 10 SECOND
      -- A line may be written a bucket after its span began.
      AND (has(buckets, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
        OR has(buckets, toStartOfInterval(toDateTime(Timestamp) - INTERVAL 10 SECOND, INTERVAL 10 SECOND)))
      AND key % {every:UInt64} = 0
  ),
  spoken AS (SELECT key, arraySort(groupArray(1000)((at, step, is_error))) AS steps FROM lines GROUP BY key),
  spans_read AS (
    SELECT SpanKey, ParentKey, Timestamp, Cluster, Namespace, Service, Operation,
      toUInt8(Outcome = 'failed' OR match(toString(Operation), '(?i)error|exception')) AS is_error
    FROM span_edges
    WHERE Tenant = {tenant:String} AND toStartOfMinute(Timestamp) >= toStartOfMinute(earliest) AND Timestamp < latest + INTERVAL 10 SECOND
      AND (has(buckets, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
        OR has(buckets, toStartOfInterval(toDateTime(Timestamp) - INTERVAL 10 SECOND, INTERVAL 10 SECOND)))
      AND (SpanKey % {every:UInt64} = 0 OR ParentKey % {every:UInt64} = 0)
  ),
  called AS (
    SELECT ParentKey AS key, Service AS service, arraySort(groupArray(1000)((Timestamp, concat('call ', toString(Operation)), is_error))) AS steps
    FROM (SELECT * FROM spans_read WHERE ParentKey != 0 AND ParentKey % {every:UInt64} = 0 LIMIT 1 BY SpanKey)
    GROUP BY key, service
  ),
  runs AS (
    SELECT SpanKey, toUInt8(has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))) AS side,
      Cluster, Namespace, Service, toString(Operation) AS operation
    FROM spans_read
    WHERE SpanKey % {every:UInt64} = 0 AND has(buckets, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
    LIMIT 1 BY SpanKey
  ),
  joined AS (
    SELECT 'lines' AS via, r.side AS side, r.Cluster AS cluster, r.Namespace AS namespace, r.Service AS service, r.operation AS operation, l.steps AS steps
    FROM runs AS r LEFT ANY JOIN spoken AS l ON r.SpanKey = l.key
    UNION ALL
    SELECT 'calls', r.side, r.Cluster, r.Namespace, r.Service, r.operation, c.steps
    FROM runs AS r LEFT ANY JOIN called AS c ON r.SpanKey = c.key AND r.Service = c.service
  )
SELECT side, cluster, namespace, service, via, step.1 AS from_step, step.2 AS to_step, max(step.3) AS to_error, count() AS step_count
FROM (
  SELECT side, cluster, namespace, service, via,
    arrayJoin(arrayZip(arrayPushFront(steps.2, concat(operation, ' start')), arrayPushBack(steps.2, 'end'), arrayPushBack(steps.3, toUInt8(0)))) AS step
  FROM (
    SELECT *, max(notEmpty(steps)) OVER (PARTITION BY via, cluster, namespace, service, operation) AS is_speaking FROM joined
  )
  WHERE is_speaking
)
GROUP BY side, cluster, namespace, service, via, from_step, to_step
ORDER BY step_count DESC, service, via, from_step, to_step, side
LIMIT {max_rows:UInt32}
SETTINGS join_use_nulls = 0
