// What the proxies of a made mesh say of its calls beside the spans: Istio's metrics of each edge, a line of access log a call and side.
// In: a mesh whose spans are stored, a stretch of time. Out: rows as ingest and its views make them.
// Bounds: made in ClickHouse itself; one series an edge, reporting pod and measure (requests, durations as whole histograms), scraped every 15
//   seconds; lines are made of the spans of the stretch.
import type { MeasuredEngine } from "../graph/engine.ts";
import {
  callerOf,
  MADE_TENANT,
  type MeshPlan,
  nameOf,
  namespaceOf,
  SCRAPE_SECONDS,
  type Stretch,
} from "./made-mesh.ts";

/** When all counters began, so long ago that their first points count as any other. */
const BEGAN_SECONDS = 3_600;

/** Stores the scrapes of a stretch. */
export async function storeMeshMetrics(engine: MeasuredEngine, plan: MeshPlan, { from, to }: Stretch): Promise<void> {
  const first = Math.ceil(from / SCRAPE_SECONDS);
  const scrapes = Math.ceil(to / SCRAPE_SECONDS) - first;
  if (scrapes <= 0) return;
  const width = plan.services - 1;
  const series = plan.edges * plan.instances * 2;
  await engine.run(`
    INSERT INTO mesh_points (Tenant, Timestamp, StartTimestamp, SeriesKey, Origin, Measure, Shape, Kind, Reporter, Instance, SrcCluster, SrcNamespace,
      SrcService, SrcWorkload, SrcVersion, DstCluster, DstNamespace, DstService, DstWorkload, DstVersion, DstHost, Protocol, Code, Security,
      Value, ObservationCount, Bounds, Counts)
    WITH number % ${series} AS n, ${first} + intDiv(number, ${series}) AS scrape, toInt64(intDiv(n, ${plan.instances * 2})) AS edge, n % 2 AS of_caller,
      intDiv(n, 2) % ${plan.instances} AS pod, ${callerOf("edge", plan)} AS src, 1 + edge % ${width} AS dst,
      (scrape * ${SCRAPE_SECONDS} - ${from - (from % BEGAN_SECONDS) - BEGAN_SECONDS}) / ${plan.instances} AS calls,
      arrayJoin(['requests', 'request_duration_ms']) AS measure, measure = 'requests' AS is_count,
      concat(if(of_caller, ${nameOf("src")}, ${nameOf("dst")}), '-', toString(pod)) AS instance
    SELECT '${MADE_TENANT}', toDateTime64(scrape * ${SCRAPE_SECONDS} + cityHash64(instance) % ${SCRAPE_SECONDS}, 3),
      toDateTime64(${from - (from % BEGAN_SECONDS) - BEGAN_SECONDS}, 3), cityHash64(n, measure), 'istio', measure, if(is_count, 'value', 'histogram'), 'cumulative',
      if(of_caller, 'source', 'destination'), instance, 'east', ${namespaceOf("src")}, ${nameOf("src")}, ${nameOf("src")}, 'v1',
      'east', ${namespaceOf("dst")}, ${nameOf("dst")}, ${nameOf("dst")}, 'v1', concat(${nameOf("dst")}, '.', ${namespaceOf("dst")}, '.svc.cluster.local'), 'http', '200', 'mutual_tls',
      if(is_count, floor(calls), floor(calls) * 30), if(is_count, 0, floor(calls)),
      if(is_count, [], [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, inf]),
      if(is_count, [], [0, 0, floor(calls / 4), floor(calls) - floor(calls / 4), 0, 0, 0, 0, 0, 0, 0, 0])
    FROM numbers(${series * scrapes})`);
}

/** Stores the lines of both proxies of each call of the stretch. */
export async function storeAccessLogs(engine: MeasuredEngine, { from, to }: Stretch): Promise<void> {
  const peer = "toUInt32OrZero(extract(toString(Peer), '[0-9]+$'))";
  await engine.run(`
    INSERT INTO access_logs (Timestamp, TraceId, SpanId, Path, RequestId, Direction, Reporter, Tenant, Cluster, Namespace, Service, Version, Instance, Node,
      SrcKind, SrcCluster, SrcNamespace, SrcService, SrcVersion, SrcInstance, DstKind, DstCluster, DstNamespace, DstService, DstVersion, DstInstance,
      Protocol, Method, Operation, UpstreamCluster, Outcome, ResponseCode, GrpcStatus, Attempts, Duration, UpstreamServiceTime, BytesReceived, BytesSent)
    WITH SpanKind = 'Client' AS out
    SELECT Timestamp, TraceId, SpanId, Operation, if(out, SpanId, ParentSpanId), if(out, 'outbound', 'inbound'), if(out, 'source', 'destination'), Tenant, Cluster, Namespace, Service,
      Version, Instance, Node,
      if(out, 'service', 'unknown'), if(out, Cluster, ''), if(out, Namespace, ''), if(out, Service, ''), if(out, Version, ''), if(out, Instance, ''),
      'service', if(out, '', Cluster), if(out, ${namespaceOf(peer)}, Namespace), if(out, Peer, Service), if(out, '', Version), if(out, '', Instance),
      'http', 'GET', Operation, if(out, concat('outbound|8080||', Peer), 'inbound|8080||'), Outcome, ResponseCode, -1, 1, toInt64(Duration), -1, 500, 2000
    FROM spans
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(toDateTime(${from})) AND Timestamp >= toDateTime64(${from}, 9) AND Timestamp < toDateTime64(${to}, 9)`);
}
