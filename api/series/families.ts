// The counters as the connectors' metrics: traces_service_graph_* of edges, traces_spanmetrics_* of spans, and figures about themselves.
// In: rows of series as they stand. Out: families in a fixed order.
// Calls of an edge are the larger of what its client and its server counted, apart for those that failed, so that each only grows.
// Bounds: 38 samples an edge, 20 a span's series.
import { SERIES_BOUNDS_MS } from "../../model/series-bounds.ts";
import { EDGE_NAMES, SPAN_NAMES, type SeriesRow } from "../../storage/series.ts";
import type { Counters } from "./advance.ts";
import type { Family, Sample } from "./exposition.ts";
import { isOverflow } from "./increments.ts";

type Labels = Sample["labels"];

/** All families; `maxSeries` is the limit of edges, and of spans. */
export function seriesFamilies({ rows, through }: Counters, maxSeries: number): Family[] {
  const edges = rows.filter((row) => row.family === "edge");
  const spans = rows.filter((row) => row.family === "span");
  return [
    counter("traces_service_graph_request", "Calls between two nodes", callSamples(edges)),
    counter("traces_service_graph_request_failed", "Calls between two nodes that failed", failedSamples(edges)),
    seconds("traces_service_graph_request_server_seconds", "Time of a call as its server saw it", edges, "server"),
    seconds("traces_service_graph_request_client_seconds", "Time of a call as its client saw it", edges, "client"),
    counter("traces_spanmetrics_calls", "Spans by service, operation, kind and status", spanSamples(spans)),
    {
      name: "traces_spanmetrics_duration_milliseconds",
      type: "histogram",
      help: "Duration of spans by service, operation, kind and status",
      unit: "milliseconds",
      samples: durationSamples(spans),
    },
    gauge("faultline_graph_series", "Series that grew in the last day, by family", [
      { suffix: "", labels: [["family", "edge"]], value: edges.length },
      { suffix: "", labels: [["family", "span"]], value: spans.length },
    ]),
    gauge("faultline_graph_series_limit", "Series that a family may have; what is past it is named __overflow__", [
      { suffix: "", labels: [], value: maxSeries },
    ]),
    gauge("faultline_graph_series_through_seconds", "Event time up to which the counters count, unix seconds", [
      { suffix: "", labels: [], value: through },
    ]),
  ];
}

function counter(name: string, help: string, samples: Iterable<Sample>): Family {
  return { name, type: "counter", help, unit: "", samples };
}

function gauge(name: string, help: string, samples: Iterable<Sample>): Family {
  return { name, type: "gauge", help, unit: name.endsWith("_seconds") ? "seconds" : "", samples };
}

function labelsOf(row: SeriesRow, names: readonly string[]): Labels {
  const labels = names.map((name, i): [string, string] => [name, row.names[i] ?? ""]);
  return isOverflow(row) ? [...labels, ["otel_metric_overflow", "true"]] : labels;
}

function callsOf({ counts }: SeriesRow): { readonly ok: number; readonly failed: number } {
  return {
    ok: Math.max(counts["clientOk"] ?? 0, counts["serverOk"] ?? 0),
    failed: Math.max(counts["clientFailed"] ?? 0, counts["serverFailed"] ?? 0),
  };
}

function* callSamples(rows: readonly SeriesRow[]): Generator<Sample> {
  for (const row of rows) {
    const { ok, failed } = callsOf(row);
    const labels = labelsOf(row, EDGE_NAMES);
    yield { suffix: "_total", labels: [...labels, ["failed", "false"]], value: ok };
    yield { suffix: "_total", labels: [...labels, ["failed", "true"]], value: failed };
  }
}

function* failedSamples(rows: readonly SeriesRow[]): Generator<Sample> {
  for (const row of rows) {
    const labels: Labels = [...labelsOf(row, EDGE_NAMES), ["failed", "true"]];
    yield { suffix: "_total", labels, value: callsOf(row).failed };
  }
}

function* spanSamples(rows: readonly SeriesRow[]): Generator<Sample> {
  for (const row of rows)
    yield { suffix: "_total", labels: labelsOf(row, SPAN_NAMES), value: row.counts["calls"] ?? 0 };
}

function seconds(name: string, help: string, rows: readonly SeriesRow[], side: "server" | "client"): Family {
  const bounds = SERIES_BOUNDS_MS.map((bound) => String(bound / 1000));
  function* samples(): Generator<Sample> {
    for (const row of rows) {
      const buckets = side === "server" ? row.serverBuckets : row.clientBuckets;
      const ns = row.counts[side === "server" ? "serverNs" : "clientNs"] ?? 0;
      yield* histogram(labelsOf(row, EDGE_NAMES), bounds, buckets, ns / 1e9);
    }
  }
  return { name, type: "histogram", help, unit: "seconds", samples: samples() };
}

function* durationSamples(rows: readonly SeriesRow[]): Generator<Sample> {
  const bounds = SERIES_BOUNDS_MS.map(String);
  for (const row of rows)
    yield* histogram(labelsOf(row, SPAN_NAMES), bounds, row.serverBuckets, (row.counts["ns"] ?? 0) / 1e6);
}

/** Nothing where nothing was measured: an edge whose one side is silent has no histogram of that side. */
function* histogram(
  labels: Labels,
  bounds: readonly string[],
  buckets: SeriesRow["serverBuckets"],
  sum: number,
): Generator<Sample> {
  let count = 0;
  if (Object.keys(buckets).length === 0) return;
  for (const [i, bound] of [...bounds, "+Inf"].entries()) {
    count += buckets[i] ?? 0;
    yield { suffix: "_bucket", labels: [...labels, ["le", bound]], value: count };
  }
  yield { suffix: "_sum", labels, value: sum };
  yield { suffix: "_count", labels, value: count };
}
