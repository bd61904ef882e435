// The SQL of the Grafana dashboard, one function a panel, and the fragments they share.
// In: nothing but Grafana's macros and variables ($__timeFilter, $service ...), which its ClickHouse plugin expands. Out: SQL text.
// Bounds: every query filters by tenant, time and the chosen services; tables and graphs are cut at a named number of rows.
import { HISTOGRAM_FLOOR_NS, HISTOGRAM_GROWTH } from "../../model/histogram.ts";

/** Edges in the node graph and the edges table; beyond it a picture is a hairball. */
export const MAX_EDGES = 300;
/** Rows of the incident, service and dead letter tables. */
export const MAX_ROWS = 100;

const GRAIN_SECONDS = 10;

// Grafana may ask for any step; rates are only right over whole buckets of the stored grain.
const STEP = `(intDiv($__interval_s + ${GRAIN_SECONDS - 1}, ${GRAIN_SECONDS}) * ${GRAIN_SECONDS})`;
const STEP_START = `toStartOfInterval(Bucket, toIntervalSecond(${STEP}))`;
const RANGE_SECONDS = "greatest(1, toUInt32($__toTime) - toUInt32($__fromTime))";

const OWN_FILTER = `Tenant = \${tenant:singlequote}
  AND $__timeFilter(Bucket)
  AND $__conditionalAll(Cluster IN (\${cluster:singlequote}), $cluster)
  AND $__conditionalAll(Namespace IN (\${namespace:singlequote}), $namespace)
  AND $__conditionalAll(Service IN (\${service:singlequote}), $service)`;

const EDGE_FILTER = `Tenant = \${tenant:singlequote}
  AND $__timeFilter(Bucket)
  AND $__conditionalAll((SrcCluster IN (\${cluster:singlequote}) OR DstCluster IN (\${cluster:singlequote})), $cluster)
  AND $__conditionalAll((SrcNamespace IN (\${namespace:singlequote}) OR DstNamespace IN (\${namespace:singlequote})), $namespace)
  AND $__conditionalAll((SrcService IN (\${service:singlequote}) OR DstService IN (\${service:singlequote})), $service)`;

/** The q-quantile in milliseconds of an array of bucket counts, null when it is empty; the formula of model/histogram.ts. */
export function quantileMsSql(counts: string, q: number): string {
  const wanted = `${q} * arraySum(h)`;
  const at = `arrayFirstIndex(c -> c >= ${wanted}, arrayCumSum(h))`;
  const share = `(${wanted} - (arrayCumSum(h)[i] - h[i])) / h[i]`;
  const floorMs = HISTOGRAM_FLOOR_NS / 1e6;
  const value = `if(i = 1, ${floorMs} * (${share}), ${floorMs} * pow(${HISTOGRAM_GROWTH}, i - 2 + ${share}))`;
  return `arrayMap(h -> if(arraySum(h) = 0, NULL, arrayMap(i -> ${value}, [${at}])[1]), [${counts}])[1]`;
}

/** Values of a variable: the tenants that have sent anything. */
export const TENANT_VALUES = "SELECT DISTINCT Tenant FROM entities ORDER BY Tenant";
/** Values of a variable: the clusters of the tenant. */
export const CLUSTER_VALUES =
  "SELECT DISTINCT Cluster FROM entities WHERE Tenant = ${tenant:singlequote} ORDER BY Cluster";
/** Values of a variable: the namespaces of the tenant's chosen clusters. */
export const NAMESPACE_VALUES = `SELECT DISTINCT Namespace FROM entities
WHERE Tenant = \${tenant:singlequote} AND $__conditionalAll(Cluster IN (\${cluster:singlequote}), $cluster)
ORDER BY Namespace`;
/** Values of a variable: the services of the chosen namespaces. */
export const SERVICE_VALUES = `SELECT DISTINCT Service FROM entities
WHERE Tenant = \${tenant:singlequote} AND $__conditionalAll(Cluster IN (\${cluster:singlequote}), $cluster)
  AND $__conditionalAll(Namespace IN (\${namespace:singlequote}), $namespace)
ORDER BY Service`;

/** Open incidents, newest first: Id, Title, StartedAt, DetectedAt, Cause, Confidence (0..1). */
export const OPEN_INCIDENTS = `SELECT
  i.Id AS Id, i.Title AS Title, i.StartedAt AS StartedAt, i.DetectedAt AS DetectedAt,
  JSONExtractString(l.CausesJson, 1, 'summary') AS Cause,
  if(empty(l.CausesJson), NULL, JSONExtract(l.CausesJson, 1, 'confidence', 'Nullable(Float64)')) AS Confidence
FROM (SELECT * FROM incidents FINAL WHERE Tenant = \${tenant:singlequote} AND Status = 'OPEN') AS i
LEFT JOIN (SELECT Id, CausesJson FROM localizations FINAL WHERE Tenant = \${tenant:singlequote}) AS l ON l.Id = i.LocalizationId
ORDER BY StartedAt DESC, Id
LIMIT ${MAX_ROWS}`;

/** Requests a second by service over time: time, Service, RequestsPerSecond. */
export const REQUEST_RATE = `SELECT ${STEP_START} AS time, Service, sum(Requests) / ${STEP} AS RequestsPerSecond
FROM operation_buckets
WHERE ${OWN_FILTER}
GROUP BY time, Service
ORDER BY time, Service`;

/** Share of failed requests by service over time: time, Service, ErrorRatio (0..1). */
export const ERROR_RATIO = `SELECT ${STEP_START} AS time, Service, if(sum(Requests) = 0, NULL, sum(Failed) / sum(Requests)) AS ErrorRatio
FROM operation_buckets
WHERE ${OWN_FILTER}
GROUP BY time, Service
ORDER BY time, Service`;

/** 99th percentile of latency by service over time: time, Service, LatencyP99Ms. */
export const LATENCY_P99 = `SELECT ${STEP_START} AS time, Service, ${quantileMsSql("sumForEach(Hist)", 0.99)} AS LatencyP99Ms
FROM operation_buckets
WHERE ${OWN_FILTER}
GROUP BY time, Service
ORDER BY time, Service`;

/** Rate, errors and duration of each service over the range. */
export const SERVICES = `SELECT Cluster, Namespace, Service,
  sum(Requests) / ${RANGE_SECONDS} AS RequestsPerSecond,
  if(sum(Requests) = 0, NULL, sum(Failed) / sum(Requests)) AS ErrorRatio,
  ${quantileMsSql("sumForEach(Hist)", 0.5)} AS LatencyP50Ms,
  ${quantileMsSql("sumForEach(Hist)", 0.99)} AS LatencyP99Ms
FROM operation_buckets
WHERE ${OWN_FILTER}
GROUP BY Cluster, Namespace, Service
ORDER BY RequestsPerSecond DESC, Service
LIMIT ${MAX_ROWS}`;

/** Both ledgers of each edge over the range: what the caller saw and what the callee saw. */
export const EDGES = `SELECT
  if(SrcKind = 'unknown', '(unknown caller)', SrcService) AS Caller, DstService AS Callee, Protocol,
  sum(CallerCalls) / ${RANGE_SECONDS} AS CallerRequestsPerSecond,
  sum(CalleeCalls) / ${RANGE_SECONDS} AS CalleeRequestsPerSecond,
  if(sum(CallerCalls) = 0, NULL, sum(CallerFailed) / sum(CallerCalls)) AS CallerErrorRatio,
  if(sum(CalleeCalls) = 0, NULL, sum(CalleeFailed) / sum(CalleeCalls)) AS CalleeErrorRatio,
  ${quantileMsSql("sumForEach(CallerHist)", 0.99)} AS CallerLatencyP99Ms,
  ${quantileMsSql("sumForEach(CalleeHist)", 0.99)} AS CalleeLatencyP99Ms
FROM edge_buckets
WHERE ${EDGE_FILTER}
GROUP BY Caller, Callee, Protocol
ORDER BY greatest(CallerRequestsPerSecond, CalleeRequestsPerSecond) DESC, Caller, Callee, Protocol
LIMIT ${MAX_EDGES}`;

// Nodes and edges are made from this one cut list of edges, so that every source and target is a node.
const GRAPH_EDGES = `SELECT
    concat(toString(SrcKind), '/', SrcCluster, '/', SrcNamespace, '/', SrcService) AS source,
    concat(toString(DstKind), '/', DstCluster, '/', DstNamespace, '/', DstService) AS target,
    any(toString(SrcKind)) AS source_kind, any(SrcNamespace) AS source_namespace, any(SrcService) AS source_service,
    any(toString(DstKind)) AS target_kind, any(DstNamespace) AS target_namespace, any(DstService) AS target_service,
    if(sum(CalleeCalls) = 0, sum(CallerCalls), sum(CalleeCalls)) AS calls,
    if(sum(CalleeCalls) = 0, sum(CallerFailed), sum(CalleeFailed)) AS failed,
    if(sum(CallerCalls) = 0, sumForEach(CalleeHist), sumForEach(CallerHist)) AS hist
  FROM edge_buckets
  WHERE ${EDGE_FILTER}
  GROUP BY source, target
  ORDER BY calls DESC, source, target
  LIMIT ${MAX_EDGES}`;

/** Nodes frame: every end of the shown edges, and chosen services without any edge. Arcs add up to 1. */
export const GRAPH_NODES = `WITH graph_edges AS (
  ${GRAPH_EDGES}
)
SELECT
  id, any(service) AS title, any(place) AS subtitle,
  if(sum(calls) = 0, NULL, sum(calls) / ${RANGE_SECONDS}) AS mainstat,
  if(sum(calls) = 0, NULL, sum(failed) / sum(calls)) AS secondarystat,
  if(sum(calls) = 0, 0, 1 - sum(failed) / sum(calls)) AS arc__ok,
  if(sum(calls) = 0, 0, sum(failed) / sum(calls)) AS arc__failed,
  if(sum(calls) = 0, 1, 0) AS arc__unknown,
  any(kind) AS detail__kind
FROM (
  SELECT target AS id, target_service AS service, target_namespace AS place, target_kind AS kind, calls, failed FROM graph_edges
  UNION ALL
  SELECT source AS id, if(source_kind = 'unknown', 'unknown caller', source_service), source_namespace, source_kind, 0, 0 FROM graph_edges
  UNION ALL
  SELECT concat('service/', Cluster, '/', Namespace, '/', Service), Service, Namespace, 'service', 0, 0
  FROM operation_buckets
  WHERE ${OWN_FILTER}
  GROUP BY Cluster, Namespace, Service
)
GROUP BY id
ORDER BY id`;

/** Edges frame: requests a second, 99th percentile of latency, thickness 1..6 by traffic, red when more than 1 % fail. */
export const GRAPH_LINKS = `WITH graph_edges AS (
  ${GRAPH_EDGES}
)
SELECT
  concat(source, ' > ', target) AS id, source, target,
  calls / ${RANGE_SECONDS} AS mainstat,
  ${quantileMsSql("hist", 0.99)} AS secondarystat,
  1 + 5 * calls / greatest(1, max(calls) OVER ()) AS thickness,
  if(failed > 0.01 * calls, 'red', 'gray') AS color
FROM graph_edges
ORDER BY id`;

/** Rows that arrived for each moment, by signal: time, Signal, RowsPerSecond. */
export const INGEST_RATE = `SELECT time, Signal, sum(RowCount) / ${STEP} AS RowsPerSecond
FROM (
  SELECT ${STEP_START} AS time, Signal, RowCount
  FROM arrivals
  WHERE Tenant = \${tenant:singlequote} AND $__timeFilter(Bucket) AND Signal = 'spans'
  UNION ALL
  SELECT ${STEP_START.replace("Bucket", "toDateTime(Timestamp)")} AS time, 'logs' AS Signal, 1 AS RowCount
  FROM logs
  WHERE Tenant = \${tenant:singlequote} AND $__timeFilter(Timestamp)
  UNION ALL
  SELECT ${STEP_START.replace("Bucket", "toDateTime(Timestamp)")} AS time, 'metrics' AS Signal, 1 AS RowCount
  FROM metrics_numbers
  WHERE Tenant = \${tenant:singlequote} AND $__timeFilter(Timestamp)
  UNION ALL
  SELECT ${STEP_START.replace("Bucket", "toDateTime(Timestamp)")} AS time, 'metrics' AS Signal, 1 AS RowCount
  FROM metrics_distributions
  WHERE Tenant = \${tenant:singlequote} AND $__timeFilter(Timestamp)
)
GROUP BY time, Signal
ORDER BY time, Signal`;

/** Seconds from the end of a span to its row, 95th percentile over time: time, DelayP95Seconds. */
export const INGEST_DELAY = `SELECT ${STEP_START.replace("Bucket", "toDateTime(Timestamp)")} AS time,
  quantile(0.95)(greatest(0, toUnixTimestamp64Milli(IngestedAt) / 1000 - (toUnixTimestamp64Nano(Timestamp) + Duration) / 1e9)) AS DelayP95Seconds
FROM spans
WHERE Tenant = \${tenant:singlequote} AND $__timeFilter(Timestamp)
GROUP BY time
ORDER BY time`;

/** Seconds of arrived spans that are not analysed yet: one row, LagSeconds; null before the first analysis. */
export const ANALYSIS_LAG = `SELECT if(analyzed = 0 OR arrived = 0, NULL, greatest(0, toInt64(arrived) - toInt64(analyzed))) AS LagSeconds
FROM
  (SELECT toUnixTimestamp(max(Bucket)) AS arrived FROM arrivals WHERE Tenant = \${tenant:singlequote} AND Signal = 'spans') AS a,
  (SELECT toUnixTimestamp(max(Bucket)) AS analyzed FROM analyzed_buckets WHERE Tenant = \${tenant:singlequote}) AS b`;

/** What was set aside in the range, by source and reason, with the newest origin. */
export const DEAD_LETTERS = `SELECT Source, Reason, count() AS Letters, max(At) AS LastAt, argMax(Origin, At) AS LastOrigin, argMax(Detail, At) AS LastDetail
FROM dead_letters
WHERE Tenant = \${tenant:singlequote} AND $__timeFilter(At)
GROUP BY Source, Reason
ORDER BY Letters DESC, Source, Reason
LIMIT ${MAX_ROWS}`;
