-- What databases, caches and brokers say of themselves over the fault's and the baseline's buckets, for localization.
-- Parameters: tenant (String), fault, baseline (Array(DateTime): bucket starts).
-- The names are those of the Collector's postgresql, mysql, redis, mongodb, kafkametrics and rabbitmq receivers, and of OTel's messaging metrics.
-- Row: side (1 fault, 0 baseline), cluster, names (Array: what the store is called: server address, database, workload, pod, service), metric, average,
--   most, per_second (what counters added), destination (queue or topic, '' none).
-- Cost: reads the listed metric names over the named minutes.
SELECT side, cluster, names, metric, destination, avg(one_average) AS average, max(one_most) AS most, sum(one_rate) AS per_second
FROM (
  SELECT side, cluster, names, metric, destination, avg(v) AS one_average, max(v) AS one_most,
    if(any(is_counter), sum(added) / greatest(1, dateDiff('second', min(t), max(t))), 0) AS one_rate
  FROM (
    SELECT side, cluster, names, metric, destination, series, t, v, is_counter,
      lagInFrame(toNullable(v)) OVER (PARTITION BY side, metric, series ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
      multiIf(isNull(before), 0., v >= before, v - before, v) AS added
    FROM (
      SELECT toUInt8(has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))) AS side, Cluster AS cluster,
        arrayDistinct(arrayFilter(x -> x != '', [ResourceAttributes['server.address'], ResourceAttributes['postgresql.database.name'],
          ResourceAttributes['k8s.statefulset.name'], ResourceAttributes['k8s.deployment.name'], toString(Instance), toString(Service)])) AS names,
        MetricName AS metric, coalesce(nullIf(Attributes['messaging.destination.name'], ''), nullIf(Attributes['topic'], ''), Attributes['queue']) AS destination,
        cityHash64(toString(names), toString(Attributes)) AS series, Timestamp AS t, Value AS v, Kind = 'cumulative' AND Monotonic = 1 AS is_counter
      FROM metrics_numbers
      WHERE Tenant = {tenant:String}
        AND MetricName IN ('postgresql.backends.waiting_on_lock', 'postgresql.backends.active', 'postgresql.deadlocks', 'postgresql.rollbacks',
          'mysql.row_locks', 'mysql.threads', 'redis.clients.blocked', 'redis.scrape.duration', 'redis.keys.evicted', 'redis.memory.used',
          'mongodb.lock.acquire.wait_count', 'messaging.queue.depth', 'kafka.consumer_group.lag', 'rabbitmq.message.current')
        AND toStartOfMinute(Timestamp) >= toStartOfMinute(least(arrayMin({fault:Array(DateTime)}), arrayMin({baseline:Array(DateTime)})))
        AND Timestamp < greatest(arrayMax({fault:Array(DateTime)}), arrayMax({baseline:Array(DateTime)})) + INTERVAL 10 SECOND
        AND (has({fault:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND))
          OR has({baseline:Array(DateTime)}, toStartOfInterval(toDateTime(Timestamp), INTERVAL 10 SECOND)))
        AND isFinite(Value)
    )
  )
  GROUP BY side, cluster, names, metric, destination, series
)
GROUP BY side, cluster, names, metric, destination
LIMIT 5000
