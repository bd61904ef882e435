// A made mesh of any size and what its services send: traces through it, log lines of requests, figures of pods.
// In: how large, a stretch of time, what is slow since when. Out: rows in the tables that ingest writes, with all that hangs on them.
// Bounds: made in ClickHouse itself; two spans a call and one for the first of each trace (no proxies' spans); the same plan gives the same mesh.
import type { MeasuredEngine } from "../graph/engine.ts";

/** How large the mesh is and what it does. */
export interface MeshPlan {
  readonly services: number;
  /** Calls go from a lower number to a higher one; a few edges come out as one. */
  readonly edges: number;
  /** Pods of each service. */
  readonly instances: number;
  /** Traces that begin in ten seconds; each is a way of at most `DEPTH` calls. */
  readonly traces: number;
}

/** What goes wrong: a service that takes longer from a time on, unix seconds. */
export interface MadeFault {
  readonly service: number;
  readonly from: number;
}

/** A half-open stretch, unix seconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The tenant that everything belongs to. */
export const MADE_TENANT = "default";

/** The most calls of a trace. */
const DEPTH = 4;
/** How often pods are asked for their figures. */
export const SCRAPE_SECONDS = 15;
const NODES = 60;
const NAMESPACES = 40;
/** Each so-many-th call fails. */
const FAILED_EVERY = 400;
const SLOWER_US = 450_000;
const HOP_US = 1_000;

/** The name of a service by its number. */
export function madeService(number: number): string {
  return `service-${number}`;
}

/** The namespace of a service by its number. */
export function madeNamespace(number: number): string {
  return `area-${number % NAMESPACES}`;
}

/** SQL: the name of the service whose number an expression gives. */
export const nameOf = (number: string) => `concat('service-', toString(${number}))`;
/** SQL: its namespace. */
export const namespaceOf = (number: string) => `concat('area-', toString(${number} % ${NAMESPACES}))`;
const nodeOf = (instance: string) => `concat('node-', toString(cityHash64(${instance}) % ${NODES}))`;

/** SQL: number of the caller of an edge: of the first edges the tree in which each service calls three, of the others any below. */
export function callerOf(edge: string, { services }: MeshPlan): string {
  return `if(${edge} < ${services - 1}, intDiv(${edge}, 3), toInt64(cityHash64(${edge}) % (1 + ${edge} % ${services - 1})))`;
}

/** Stores the spans of a stretch, and the lines that every second service writes of each request. */
export async function storeTraffic(
  engine: MeasuredEngine,
  plan: MeshPlan,
  { from, to }: Stretch,
  fault: MadeFault | null = null,
): Promise<void> {
  const { edges, services, instances, traces } = plan;
  const width = services - 1;
  const slow = fault === null ? "0" : `(s = ${fault.service} AND began >= ${fault.from * 1e6}) * ${SLOWER_US}`;
  const count = Math.round(((to - from) * traces) / 10);
  await engine.run(`
    INSERT INTO spans (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, ResourceAttributes,
      SpanAttributes, Tenant, Cluster, Namespace, Service, Version, Instance, Node, Operation, Protocol, Runtime, Peer, PeerKind, Outcome, ResponseCode)
    WITH
      -- From the last callee up, by one of the edges that lead to each.
      arrayFilter(e -> e >= 0, arrayFold((way, level) -> arrayPushBack(way, if(way[-1] < 0 OR ${callerOf("way[-1]", plan)} = 0, toInt64(-1),
        ${callerOf("way[-1]", plan)} - 1 + ${width} * toInt64(cityHash64(trace, level) % toUInt64(1 + intDiv(${edges} - ${callerOf("way[-1]", plan)}, ${width}))))),
        range(1, ${DEPTH}), [toInt64(trace * 7919 % ${edges})])) AS way,
      arrayPushBack(arrayMap(e -> 1 + e % ${width}, way), ${callerOf("way[-1]", plan)}) AS places,
      arrayMap(s -> toInt64(1000 * (2 + s % 19) * (600 + cityHash64(trace, s) % 800) / 1000) + ${slow}, places) AS own_us,
      arrayMap(t -> t - ${HOP_US}, arrayCumSum(arrayMap(t -> t + ${HOP_US}, own_us))) AS took_us,
      -- A service calls when half of its own work is done.
      arrayPushBack(arrayReverse(arrayCumSum(arrayReverse(arrayMap(t -> intDiv(t, 2) + intDiv(${HOP_US}, 2), arrayPopFront(own_us))))), 0) AS since_us,
      arrayJoin(arrayConcat(
        arrayMap(i -> (toUInt32(i), 1), range(1, length(places) + 1)),
        arrayMap(i -> (toUInt32(i), 0), range(1, length(places))))) AS one,
      one.1 AS level, one.2 AS is_server,
      if(is_server, places[level], places[level + 1]) AS number,
      ${nameOf("number")} AS service,
      concat(service, '-', toString(cityHash64(trace, number) % ${instances})) AS pod,
      level < length(places) AND cityHash64(trace, level, 'failed') % ${FAILED_EVERY} = 0 AS is_failed,
      concat('GET /', toString(cityHash64(trace, places[level], 'route') % 3), '/{id}') AS route
    SELECT fromUnixTimestamp64Micro(toInt64(began) + since_us[level] - (1 - is_server) * ${HOP_US / 2}) AS at,
      lower(hex(sipHash128(trace))), lower(hex(cityHash64(trace, level, is_server))),
      if(is_server, if(level = length(places), '', lower(hex(cityHash64(trace, level, 0)))), lower(hex(cityHash64(trace, level + 1, 1)))),
      route, if(is_server, 'Server', 'Client'), service, toUInt64(1000 * (took_us[level] + (1 - is_server) * ${HOP_US})), if(is_failed, 'Error', 'Unset'),
      map('k8s.pod.name', pod, 'service.version', 'v1', 'telemetry.sdk.language', 'java'), map('http.request.method', 'GET', 'http.route', route),
      '${MADE_TENANT}', 'east', ${namespaceOf("number")}, service, 'v1', pod, ${nodeOf("pod")}, route, 'http', 'RUNC',
      if(is_server, '', ${nameOf("places[level]")}), if(is_server, '', 'service'), if(is_failed, 'failed', 'ok'), if(is_failed, 500, 200)
    FROM (SELECT toUInt64(${Math.round((from * traces) / 10)} + number) AS trace, toUInt64(${from * 1e6} + intDiv(number * ${(to - from) * 1e6}, ${count})) AS began FROM numbers(${count}))`);
  await engine.run(`
    INSERT INTO logs (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, LogAttributes,
      Tenant, Cluster, Namespace, Service, Version, Instance, Node)
    SELECT Timestamp + toIntervalNanosecond(intDiv(Duration, 2)), TraceId, SpanId, 'INFO', 9, ServiceName,
      concat('OrderService#', toString(40 + cityHash64(Operation) % 50), ' handled ', Operation, ' for user ', toString(cityHash64(TraceId) % 100000)),
      ResourceAttributes, map('thread.name', concat('worker-', toString(cityHash64(SpanId) % 16))), Tenant, Cluster, Namespace, Service, Version, Instance, Node
    FROM spans
    WHERE toStartOfMinute(Timestamp) >= toStartOfMinute(toDateTime(${from})) AND Timestamp >= toDateTime64(${from}, 9) AND Timestamp < toDateTime64(${to}, 9)
      AND SpanKind = 'Server' AND cityHash64(Service) % 2 = 0`);
}

/** Stores what the kubelet says of each pod, every 15 seconds of the stretch. */
export async function storeResources(engine: MeasuredEngine, plan: MeshPlan, { from, to }: Stretch): Promise<void> {
  const first = Math.ceil(from / SCRAPE_SECONDS);
  const scrapes = Math.ceil(to / SCRAPE_SECONDS) - first;
  const pods = plan.services * plan.instances;
  if (scrapes <= 0) return;
  await engine.run(`
    INSERT INTO metrics_numbers (Timestamp, StartTimestamp, MetricName, Kind, Monotonic, Unit, Value, Attributes, ResourceAttributes, ScopeName,
      Tenant, Cluster, Namespace, Service, Version, Instance, Node)
    WITH number % ${pods} AS n, intDiv(number, ${pods}) AS scrape, intDiv(n, ${plan.instances}) AS s, ${nameOf("s")} AS service,
      concat(service, '-', toString(n % ${plan.instances})) AS pod, 0.9 + cityHash64(n, scrape + ${first}) % 1000 / 5000 AS sway,
      arrayJoin([('k8s.pod.cpu_limit_utilization', 0.1 + n % 40 / 100), ('k8s.pod.memory_limit_utilization', 0.3 + n % 30 / 100),
        ('k8s.pod.cpu.usage', 0.05 + n % 40 / 200), ('k8s.pod.memory.working_set', (200 + n % 300) * 1048576.),
        ('k8s.pod.filesystem.usage', (50 + n % 90) * 1048576.), ('k8s.container.restarts', 0.)]) AS figure
    SELECT toDateTime64((scrape + ${first}) * ${SCRAPE_SECONDS} + n % ${SCRAPE_SECONDS}, 9), toDateTime64(0, 9), figure.1, 'gauge', 0, '1', figure.2 * sway, map(),
      map('k8s.pod.name', pod, 'k8s.container.name', 'app', 'k8s.namespace.name', ${namespaceOf("s")}, 'k8s.node.name', ${nodeOf("pod")}), 'kubeletstats',
      '${MADE_TENANT}', 'east', ${namespaceOf("s")}, service, 'v1', pod, ${nodeOf("pod")}
    FROM numbers(${pods * scrapes})`);
}
