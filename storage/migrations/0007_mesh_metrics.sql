-- What metrics say of calls: points of recognised mesh metrics (model/metric-names.ts), narrow, whatever way they came.
-- Fed by views from metrics_numbers and metrics_distributions, so a repeated insert gives the same points once.
-- One row a point of one series. SeriesKey = hash of name, attributes, resource and kind; the labels that tell two Prometheus servers apart
-- which scrape the same target are not in it. Unknown is '': Istio writes "unknown" and "-".
-- Shape: value (counter or gauge), bucket / sum / count (series of a classic histogram, Le its upper bound), histogram (a whole one: Value its
-- sum, Bounds upper bounds with inf last, Counts a bucket each; exponential ones at scale 3 at most, each filled
-- bucket behind the bound where it begins).
-- Reporter: source, destination or waypoint. Proxy: ztunnel where the sender is one. TCP bytes are request bytes (caller to callee) and
-- response bytes; Istio counts both reporters that way round, ztunnel too. Code: an HTTP status, or a class such as 5xx.
-- SrcService, DstService: canonical service, else what else names it; DstHost: the host that was called. Instance: who reports.
CREATE TABLE mesh_points (
  Tenant LowCardinality(String),
  Timestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  StartTimestamp DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  SeriesKey UInt64 CODEC(ZSTD(1)),
  Origin LowCardinality(String) CODEC(ZSTD(1)),
  Measure LowCardinality(String) CODEC(ZSTD(1)),
  Shape Enum8('value' = 0, 'bucket' = 1, 'sum' = 2, 'count' = 3, 'histogram' = 4) CODEC(ZSTD(1)),
  Kind Enum8('gauge' = 0, 'delta' = 1, 'cumulative' = 2) CODEC(ZSTD(1)),
  Reporter LowCardinality(String) CODEC(ZSTD(1)),
  Proxy LowCardinality(String) CODEC(ZSTD(1)),
  Instance LowCardinality(String) CODEC(ZSTD(1)),
  SrcCluster LowCardinality(String) CODEC(ZSTD(1)),
  SrcNamespace LowCardinality(String) CODEC(ZSTD(1)),
  SrcService LowCardinality(String) CODEC(ZSTD(1)),
  SrcWorkload LowCardinality(String) CODEC(ZSTD(1)),
  SrcVersion LowCardinality(String) CODEC(ZSTD(1)),
  DstCluster LowCardinality(String) CODEC(ZSTD(1)),
  DstNamespace LowCardinality(String) CODEC(ZSTD(1)),
  DstService LowCardinality(String) CODEC(ZSTD(1)),
  DstWorkload LowCardinality(String) CODEC(ZSTD(1)),
  DstVersion LowCardinality(String) CODEC(ZSTD(1)),
  DstHost LowCardinality(String) CODEC(ZSTD(1)),
  Subset LowCardinality(String) CODEC(ZSTD(1)),
  Protocol LowCardinality(String) CODEC(ZSTD(1)),
  Code LowCardinality(String) CODEC(ZSTD(1)),
  GrpcStatus LowCardinality(String) CODEC(ZSTD(1)),
  Flags LowCardinality(String) CODEC(ZSTD(1)),
  Security LowCardinality(String) CODEC(ZSTD(1)),
  Le Float64 CODEC(ZSTD(1)),
  Value Float64 CODEC(ZSTD(1)),
  ObservationCount UInt64 CODEC(ZSTD(1)),
  Bounds Array(Float64) CODEC(ZSTD(1)),
  Counts Array(UInt64) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (Tenant, toStartOfMinute(Timestamp), Measure, SeriesKey, Timestamp)
SETTINGS non_replicated_deduplication_window = 10000;

-- Where both kinds of metric points meet on their way; keeps nothing. Stat: the ending of a histogram's series.
CREATE TABLE mesh_samples (
  Tenant LowCardinality(String),
  Timestamp DateTime64(3),
  StartTimestamp DateTime64(3),
  SeriesKey UInt64,
  Origin LowCardinality(String),
  Measure LowCardinality(String),
  Stat LowCardinality(String),
  Kind Enum8('gauge' = 0, 'delta' = 1, 'cumulative' = 2),
  Value Float64,
  ObservationCount UInt64,
  Bounds Array(Float64),
  Counts Array(UInt64),
  Attributes Map(LowCardinality(String), String),
  App String,
  Cluster String,
  Namespace String,
  Service String,
  Version String,
  Instance String
) ENGINE = Null;

CREATE MATERIALIZED VIEW mesh_numbers_view TO mesh_samples AS
WITH
  replaceRegexpOne(MetricName, '^(istio_request_duration_milliseconds|istio_request_bytes|istio_response_bytes|response_latency_ms|envoy[_.]cluster[_.]upstream_rq_time)_(bucket|sum|count)$', '\\1') AS family,
  replaceAll(if(startsWith(family, 'istio_'), replaceRegexpOne(family, '_total$', ''), family), '.', '_') AS name,
  transform(name,
    ['istio_requests', 'istio_request_duration_milliseconds', 'istio_request_bytes', 'istio_response_bytes', 'istio_request_messages',
      'istio_response_messages', 'istio_tcp_received_bytes', 'istio_tcp_sent_bytes', 'istio_tcp_connections_opened',
      'istio_tcp_connections_closed', 'request_total', 'response_total', 'response_latency_ms', 'tcp_open_total', 'tcp_close_total',
      'envoy_cluster_upstream_rq_total', 'envoy_cluster_upstream_rq', 'envoy_cluster_upstream_rq_xx', 'envoy_cluster_upstream_rq_time',
      'envoy_cluster_upstream_rq_retry', 'envoy_cluster_upstream_rq_retry_overflow', 'envoy_cluster_upstream_rq_retry_limit_exceeded',
      'envoy_cluster_upstream_rq_timeout', 'envoy_cluster_upstream_rq_per_try_timeout', 'envoy_cluster_upstream_rq_rx_reset',
      'envoy_cluster_upstream_rq_pending_overflow', 'envoy_cluster_upstream_rq_pending_failure_eject',
      'envoy_cluster_upstream_rq_active', 'envoy_cluster_upstream_rq_pending_active', 'envoy_cluster_upstream_cx_total',
      'envoy_cluster_upstream_cx_active', 'envoy_cluster_upstream_cx_connect_fail', 'envoy_cluster_upstream_cx_connect_timeout',
      'envoy_cluster_upstream_cx_overflow', 'envoy_cluster_membership_total', 'envoy_cluster_membership_healthy',
      'envoy_cluster_outlier_detection_ejections_active', 'envoy_cluster_circuit_breakers_default_cx_open',
      'envoy_cluster_circuit_breakers_default_cx_pool_open', 'envoy_cluster_circuit_breakers_default_rq_open',
      'envoy_cluster_circuit_breakers_default_rq_pending_open', 'envoy_cluster_circuit_breakers_default_rq_retry_open'],
    ['requests', 'request_duration_ms', 'request_bytes', 'response_bytes', 'request_messages',
      'response_messages', 'tcp_request_bytes', 'tcp_response_bytes', 'tcp_connections_opened',
      'tcp_connections_closed', 'requests_started', 'requests', 'request_duration_ms', 'tcp_connections_opened', 'tcp_connections_closed',
      'upstream_requests', 'upstream_responses', 'upstream_response_classes', 'upstream_duration_ms',
      'upstream_retries', 'upstream_retry_overflows', 'upstream_retries_exceeded',
      'upstream_timeouts', 'upstream_timeouts', 'upstream_resets',
      'upstream_pending_overflows', 'upstream_pending_failures',
      'upstream_requests_active', 'upstream_requests_pending', 'upstream_connections',
      'upstream_connections_active', 'upstream_connect_failures', 'upstream_connect_timeouts',
      'upstream_connection_overflows', 'upstream_hosts', 'upstream_hosts_healthy',
      'upstream_hosts_ejected', 'circuit_breaker_open',
      'circuit_breaker_open', 'circuit_breaker_open',
      'circuit_breaker_open', 'circuit_breaker_open'], '') AS measure
SELECT Tenant, toDateTime64(Timestamp, 3) AS Timestamp, toDateTime64(StartTimestamp, 3) AS StartTimestamp,
  -- Sums of the pairs' hashes: the order of labels does not matter.
  cityHash64(Tenant, MetricName, Kind, ScopeName,
    arraySum(arrayMap((k, v) -> if(k IN ('prometheus_replica', '__replica__'), 0, cityHash64(k, v)), mapKeys(Attributes), mapValues(Attributes))),
    arraySum(arrayMap((k, v) -> cityHash64(k, v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))) AS SeriesKey,
  multiIf(startsWith(name, 'istio_'), 'istio', startsWith(name, 'envoy_'), 'envoy', 'linkerd') AS Origin,
  measure AS Measure,
  if(family = MetricName, '', extract(MetricName, '_([a-z]+)$')) AS Stat,
  Kind, Value, 0 AS ObservationCount, emptyArrayFloat64() AS Bounds, emptyArrayUInt64() AS Counts, Attributes,
  coalesce(nullIf(Attributes['app'], ''), ResourceAttributes['k8s.pod.label.app']) AS App,
  coalesce(nullIf(Attributes['cluster'], ''), Cluster) AS Cluster,
  coalesce(nullIf(Attributes['namespace'], ''), Namespace) AS Namespace,
  coalesce(nullIf(Attributes['service_istio_io_canonical_name'], ''), nullIf(Attributes['app_kubernetes_io_name'], ''),
    nullIf(Attributes['app'], ''), nullIf(Attributes['deployment'], ''), Service) AS Service,
  Version,
  coalesce(nullIf(Attributes['pod'], ''), Instance) AS Instance
FROM (SELECT * FROM metrics_numbers WHERE match(MetricName, '^(istio_|envoy[_.]cluster[_.]|request_total$|response_(total$|latency_ms)|tcp_(open|close)_total$)'))
WHERE measure != '' AND isFinite(Value);

-- Whole histograms of the same names. Exponential buckets (base^i, base^(i+1)] become upper bounds; zero and negative ones have bound 0.
CREATE MATERIALIZED VIEW mesh_distributions_view TO mesh_samples AS
WITH
  replaceAll(MetricName, '.', '_') AS name,
  transform(name,
    ['istio_request_duration_milliseconds', 'istio_request_bytes', 'istio_response_bytes', 'response_latency_ms', 'envoy_cluster_upstream_rq_time'],
    ['request_duration_ms', 'request_bytes', 'response_bytes', 'request_duration_ms', 'upstream_duration_ms'], '') AS measure,
  greatest(Scale - 3, 0) AS shift,
  ZeroCount + arraySum(NegativeCounts) AS at_most_zero,
  arrayReduce('sumMap', [arrayMap((c, i) -> toInt64(floor((PositiveOffset + i - 1) / pow(2, shift))), metrics_distributions.Counts,
    arrayEnumerate(metrics_distributions.Counts))], [metrics_distributions.Counts]) AS filled,
  arraySort(arrayDistinct(arrayConcat(filled.1, arrayMap(i -> i - 1, filled.1)))) AS steps,
  arrayMap(i -> pow(2, (i + 1) / pow(2, Scale - shift)), steps) AS exponential_bounds,
  arrayMap(i -> if(has(filled.1, i), filled.2[indexOf(filled.1, i)], 0), steps) AS exponential_counts
SELECT Tenant, toDateTime64(Timestamp, 3) AS Timestamp, toDateTime64(StartTimestamp, 3) AS StartTimestamp,
  -- Sums of the pairs' hashes: the order of labels does not matter.
  cityHash64(Tenant, MetricName, Kind, ScopeName,
    arraySum(arrayMap((k, v) -> if(k IN ('prometheus_replica', '__replica__'), 0, cityHash64(k, v)), mapKeys(Attributes), mapValues(Attributes))),
    arraySum(arrayMap((k, v) -> cityHash64(k, v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))) AS SeriesKey,
  multiIf(startsWith(name, 'istio_'), 'istio', startsWith(name, 'envoy_'), 'envoy', 'linkerd') AS Origin,
  measure AS Measure, 'histogram' AS Stat, Kind, Sum AS Value, ObservationCount,
  multiIf(Shape = 'exponential', if(at_most_zero > 0, arrayPushFront(exponential_bounds, 0.), exponential_bounds),
    length(metrics_distributions.Counts) = length(metrics_distributions.Bounds) + 1, arrayPushBack(metrics_distributions.Bounds, inf), emptyArrayFloat64()) AS Bounds,
  multiIf(Shape = 'exponential', if(at_most_zero > 0, arrayPushFront(exponential_counts, at_most_zero), exponential_counts),
    length(metrics_distributions.Counts) = length(metrics_distributions.Bounds) + 1, metrics_distributions.Counts, emptyArrayUInt64()) AS Counts,
  Attributes,
  coalesce(nullIf(Attributes['app'], ''), ResourceAttributes['k8s.pod.label.app']) AS App,
  coalesce(nullIf(Attributes['cluster'], ''), Cluster) AS Cluster,
  coalesce(nullIf(Attributes['namespace'], ''), Namespace) AS Namespace,
  coalesce(nullIf(Attributes['service_istio_io_canonical_name'], ''), nullIf(Attributes['app_kubernetes_io_name'], ''),
    nullIf(Attributes['app'], ''), nullIf(Attributes['deployment'], ''), Service) AS Service,
  Version,
  coalesce(nullIf(Attributes['pod'], ''), Instance) AS Instance
FROM (SELECT * FROM metrics_distributions WHERE match(MetricName, '^(istio_|response_latency_ms$|envoy[_.]cluster[_.])')) AS metrics_distributions
WHERE measure != '' AND Shape != 'summary';

CREATE MATERIALIZED VIEW mesh_istio_view TO mesh_points AS
WITH
  mapApply((k, v) -> (k, if(v IN ('unknown', '-'), '', v)), Attributes) AS a,
  -- Where nobody answered, only the host says whose service it was.
  extractGroups(a['destination_service'], '^([^.]+)\\.([^.]+)\\.svc(?:[.:]|$)') AS host
SELECT Tenant, Timestamp, StartTimestamp, SeriesKey, Origin, Measure,
  multiIf(Stat = '', 'value', Stat) AS Shape, Kind,
  a['reporter'] AS Reporter,
  if(App = 'ztunnel' OR startsWith(Instance, 'ztunnel-') OR Service = 'ztunnel', 'ztunnel', '') AS Proxy,
  Instance,
  if(a['source_cluster'] = '' AND Reporter = 'source', Cluster, a['source_cluster']) AS SrcCluster,
  a['source_workload_namespace'] AS SrcNamespace,
  coalesce(nullIf(a['source_canonical_service'], ''), a['source_workload']) AS SrcService,
  a['source_workload'] AS SrcWorkload,
  coalesce(nullIf(a['source_canonical_revision'], ''), a['source_version']) AS SrcVersion,
  if(a['destination_cluster'] = '' AND Reporter = 'destination', Cluster, a['destination_cluster']) AS DstCluster,
  coalesce(nullIf(a['destination_workload_namespace'], ''), nullIf(a['destination_service_namespace'], ''), host[2]) AS DstNamespace,
  coalesce(nullIf(a['destination_canonical_service'], ''), nullIf(replaceRegexpOne(a['destination_service_name'], '^([^.]+)\\.[^.]+\\.svc(\\..*)?$', '\\1'), ''),
    nullIf(a['destination_workload'], ''), host[1]) AS DstService,
  a['destination_workload'] AS DstWorkload,
  coalesce(nullIf(a['destination_canonical_revision'], ''), a['destination_version']) AS DstVersion,
  a['destination_service'] AS DstHost,
  '' AS Subset,
  a['request_protocol'] AS Protocol,
  Attributes['response_code'] AS Code,
  a['grpc_response_status'] AS GrpcStatus,
  a['response_flags'] AS Flags,
  a['connection_security_policy'] AS Security,
  if(Shape = 'bucket', toFloat64OrZero(replaceOne(Attributes['le'], '+Inf', 'inf')), 0) AS Le,
  Value, ObservationCount, Bounds, Counts
FROM (SELECT * FROM mesh_samples WHERE Origin = 'istio' AND Attributes['reporter'] NOT IN ('', 'unknown'));

-- Linkerd: a proxy says which side it is; outbound names the callee by dst_*, inbound the caller by its identity, if it has one.
CREATE MATERIALIZED VIEW mesh_linkerd_view TO mesh_points AS
WITH
  Attributes['direction'] = 'outbound' AS is_caller,
  splitByChar('.', Attributes['client_id']) AS client
SELECT Tenant, Timestamp, StartTimestamp, SeriesKey, Origin, Measure,
  multiIf(Stat = '', 'value', Stat) AS Shape, Kind,
  if(is_caller, 'source', 'destination') AS Reporter, '' AS Proxy, Instance,
  if(is_caller, Cluster, '') AS SrcCluster,
  if(is_caller, Namespace, client[2]) AS SrcNamespace,
  if(is_caller, Service, client[1]) AS SrcService,
  if(is_caller, Attributes['deployment'], '') AS SrcWorkload,
  if(is_caller, Version, '') AS SrcVersion,
  if(is_caller, '', Cluster) AS DstCluster,
  if(is_caller, Attributes['dst_namespace'], Namespace) AS DstNamespace,
  if(is_caller, coalesce(nullIf(Attributes['dst_service'], ''), nullIf(Attributes['dst_deployment'], ''), nullIf(Attributes['dst_statefulset'], ''),
    Attributes['dst_daemonset']), Service) AS DstService,
  if(is_caller, coalesce(nullIf(Attributes['dst_deployment'], ''), nullIf(Attributes['dst_statefulset'], ''), Attributes['dst_daemonset']),
    Attributes['deployment']) AS DstWorkload,
  if(is_caller, '', Version) AS DstVersion,
  Attributes['authority'] AS DstHost, '' AS Subset,
  multiIf(startsWith(Measure, 'tcp'), 'tcp', Attributes['grpc_status'] != '', 'grpc', 'http') AS Protocol,
  -- Without a status Linkerd still says whether the call succeeded.
  multiIf(Attributes['status_code'] != '', Attributes['status_code'], Attributes['classification'] = 'failure', '5xx', '') AS Code,
  Attributes['grpc_status'] AS GrpcStatus, '' AS Flags,
  if(Attributes['tls'] = 'true', 'mutual_tls', '') AS Security,
  if(Shape = 'bucket', toFloat64OrZero(replaceOne(Attributes['le'], '+Inf', 'inf')), 0) AS Le,
  Value, ObservationCount, Bounds, Counts
FROM (SELECT * FROM mesh_samples WHERE Origin = 'linkerd' AND Attributes['direction'] IN ('inbound', 'outbound'));

-- Envoy's own statistics: the caller is the proxy's workload, the callee its upstream cluster (`outbound|PORT|SUBSET|HOST`, or any name; Consul
-- names both sides). `upstream_rq` has a status or a class, which are two counts of the same calls.
CREATE MATERIALIZED VIEW mesh_envoy_view TO mesh_points AS
WITH
  coalesce(nullIf(Attributes['cluster_name'], ''), nullIf(Attributes['envoy.cluster_name'], ''), Attributes['envoy_cluster_name']) AS upstream,
  splitByChar('|', replaceRegexpOne(upstream, '^(inbound|outbound)_\\.([0-9]+)_\\.([^.]*)_\\.', '\\1|\\2|\\3|')) AS parts,
  length(parts) = 4 AS is_mesh,
  parts[1] = 'inbound' AS is_own,
  if(is_mesh, parts[4], '') AS host,
  splitByChar('.', host) AS labels,
  length(labels) >= 3 AND labels[3] = 'svc' AS is_service,
  coalesce(nullIf(Attributes['response_code'], ''), nullIf(Attributes['envoy.response_code'], ''), Attributes['envoy_response_code']) AS status,
  coalesce(nullIf(Attributes['response_code_class'], ''), nullIf(Attributes['envoy.response_code_class'], ''), Attributes['envoy_response_code_class']) AS class
SELECT Tenant, Timestamp, StartTimestamp, SeriesKey, Origin,
  if(Measure = 'upstream_responses' AND status = '' AND class != '', 'upstream_response_classes', Measure) AS Measure,
  multiIf(Stat = '', 'value', Stat) AS Shape, Kind,
  if(is_own, 'destination', 'source') AS Reporter, '' AS Proxy, Instance,
  if(is_own, '', Cluster) AS SrcCluster,
  if(is_own, '', Namespace) AS SrcNamespace,
  if(is_own, '', coalesce(nullIf(Attributes['consul_source_service'], ''), Service)) AS SrcService,
  '' AS SrcWorkload,
  if(is_own, '', Version) AS SrcVersion,
  if(is_own, Cluster, '') AS DstCluster,
  multiIf(is_own, Namespace, is_service, labels[2], '') AS DstNamespace,
  multiIf(is_own, Service, is_service, labels[1], is_mesh, host, coalesce(nullIf(Attributes['consul_destination_service'], ''), upstream)) AS DstService,
  '' AS DstWorkload,
  if(is_own, Version, '') AS DstVersion,
  host AS DstHost,
  if(is_mesh, parts[3], Attributes['consul_destination_service_subset']) AS Subset,
  '' AS Protocol,
  multiIf(status != '', status, match(class, '^[1-5]$'), concat(class, 'xx'), class) AS Code,
  '' AS GrpcStatus, '' AS Flags, '' AS Security,
  if(Shape = 'bucket', toFloat64OrZero(replaceOne(Attributes['le'], '+Inf', 'inf')), 0) AS Le,
  Value, ObservationCount, Bounds, Counts
FROM (SELECT * FROM mesh_samples WHERE Origin = 'envoy')
WHERE upstream NOT IN ('', 'xds-grpc', 'sds-grpc', 'agent', 'prometheus_stats', 'zipkin');
