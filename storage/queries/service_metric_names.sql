-- The metrics that tell of requests of a service or between two, by name; part of service_metrics.sql and service_metric_calls.sql.
-- Row: name, source (server: of OpenTelemetry's conventions; spans: span metrics; graph: service graph), part (both: a whole histogram; calls: a
--   number of requests; time: durations in a whole histogram; count, sum: the series of a classic histogram; failed: a number of failures),
--   seconds (of one unit of its durations; 0: as the point's unit says).
SELECT c.1 AS name, c.2 AS source, c.3 AS part, c.4 AS seconds
FROM (
  SELECT arrayJoin(arrayConcat(
    [('http.server.request.duration', 'server', 'both', 1.), ('http.server.duration', 'server', 'both', 0.001),
      ('rpc.server.duration', 'server', 'both', 0.001), ('rpc.server.call.duration', 'server', 'both', 1.),
      ('traces.span.metrics.calls', 'spans', 'calls', 0.), ('traces_span_metrics_calls', 'spans', 'calls', 0.),
      ('traces_span_metrics_calls_total', 'spans', 'calls', 0.), ('traces_spanmetrics_calls_total', 'spans', 'calls', 0.),
      ('traces.span.metrics.duration', 'spans', 'time', 0.), ('traces_span_metrics_duration', 'spans', 'time', 0.),
      ('traces_service_graph_request_total', 'graph', 'calls', 0.), ('traces_service_graph_request_failed_total', 'graph', 'failed', 0.),
      ('traces_service_graph_request_server', 'graph', 'time', 0.)],
    -- What Prometheus makes of histograms, whole (native) or as its series.
    arrayFlatten(arrayMap(h -> [(h.1, h.2, h.5, h.4), (concat(h.1, '_count'), h.2, h.3, h.4), (concat(h.1, '_sum'), h.2, 'sum', h.4)],
      [('http_server_request_duration_seconds', 'server', 'count', 1., 'both'), ('http_server_duration_milliseconds', 'server', 'count', 0.001, 'both'),
        ('rpc_server_duration_milliseconds', 'server', 'count', 0.001, 'both'), ('rpc_server_call_duration_seconds', 'server', 'count', 1., 'both'),
        ('traces_span_metrics_duration_milliseconds', 'spans', 'none', 0.001, 'time'), ('traces_span_metrics_duration_seconds', 'spans', 'none', 1., 'time'),
        ('traces_spanmetrics_latency', 'spans', 'none', 1., 'time'),
        ('traces_spanmetrics_duration_milliseconds', 'spans', 'none', 0.001, 'time'), ('traces_spanmetrics_duration_seconds', 'spans', 'none', 1., 'time'), ('traces_service_graph_request_server_seconds', 'graph', 'none', 1., 'time')])))) AS c
)
WHERE c.3 != 'none'
