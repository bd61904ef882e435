// Requests of services as metrics tell them, where applications or Collectors write RED metrics: OpenTelemetry's server histograms, span
// metrics, the service graph's metrics; whole histograms or Prometheus' series of them.
// In: tenant, ranges in unix seconds, the length of a window. Out: plain rows, named as in the .sql files.
// Bounds: every read names its ranges; one row a service and window, one row a pair of services.
import type { Storage } from "./client.ts";

/** One service in one window; `total_ms` is the time of all its requests. */
export interface ServiceMetricRow {
  /** Windows are counted from `origin`; that in question is number 0. */
  readonly window: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly requests: number;
  readonly failed: number;
  readonly total_ms: number;
}

/** Calls between two services; `calls` 0 where a metric says only that there are some. */
export interface ServiceCallRow {
  readonly client: string;
  readonly server: string;
  readonly calls: number;
}

/** A range of points, (from, to] in unix seconds: a point tells of the time before it. */
export interface MetricRange {
  readonly from: number;
  readonly to: number;
}

/** What to read: `ranges`, in windows of `lengthSeconds` counted from `originSeconds`. */
export interface ServiceMetricQuery {
  readonly tenant: string;
  readonly ranges: readonly MetricRange[];
  readonly originSeconds: number;
  readonly lengthSeconds: number;
}

// A counter that was not heard of for longer says nothing of when it rose.
const MIN_REACH_SECONDS = 900;

function parametersOf({ tenant, ranges, lengthSeconds }: ServiceMetricQuery): Record<string, unknown> {
  return {
    tenant,
    starts: ranges.map((range) => range.from),
    ends: ranges.map((range) => range.to),
    back_seconds: Math.max(MIN_REACH_SECONDS, lengthSeconds),
  };
}

/** Requests, failures and time of every service that metrics tell of, by window. */
export function readServiceMetrics(storage: Storage, query: ServiceMetricQuery): Promise<ServiceMetricRow[]> {
  return storage.query<ServiceMetricRow>("service_metrics", {
    ...parametersOf(query),
    origin: query.originSeconds,
    length_seconds: query.lengthSeconds,
  });
}

/** Every pair of services that the service graph's metrics tell of. */
export function readServiceCalls(storage: Storage, query: ServiceMetricQuery): Promise<ServiceCallRow[]> {
  return storage.query<ServiceCallRow>("service_metric_calls", parametersOf(query));
}

/** How many points a range holds of the metrics that the other two read. */
export async function countServiceMetricPoints(storage: Storage, tenant: string, range: MetricRange): Promise<number> {
  const [row] = await storage.query<{ points: number }>("service_metric_count", {
    tenant,
    start: range.from,
    end: range.to,
  });
  return row?.points ?? 0;
}
