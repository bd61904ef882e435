// What the analyzer remembers of each service and edge: one point a bucket, for a bounded number of buckets.
// In: rows of storage/buckets.ts. Out: series by key, edges between services, points by bucket.
// Bounds: `keepBuckets` points a series (older ones are dropped), one tenant a history; a bucket read again replaces its points.
import { type Entity, makeEntity } from "../model/entity.ts";
import { addHistogram, lessHistogram } from "../model/histogram.ts";
import { LEDGER_TOLERANCE, type LedgerSource } from "../model/ledger.ts";
import type { EdgeBucketRow, ServiceBucketRow } from "../storage/buckets.ts";

/** One bucket of a series: requests, failures and their latency histogram. */
export interface Point {
  readonly calls: number;
  readonly failed: number;
  /** Refused (4xx and alike), of services only; none where it is not said. */
  readonly refused?: number;
  /** May end early: what is missing is zero. */
  readonly hist: readonly number[];
  /** Who told of it, spans where it is not said: what another source counts and measures is no baseline for it. */
  readonly source?: LedgerSource;
  /** True where it must not teach what is normal as long as others can: an instance had just started, or faults were injected. */
  readonly isUnusual?: boolean;
}

/** A service (its entry side) or an edge (the caller's view) over time. `from` and `to` are service keys; for a service equal. */
export interface Series {
  readonly key: string;
  readonly entity: Entity;
  readonly from: string;
  readonly to: string;
  /** True where no telemetry of the callee exists: a database, a broker, an external host. */
  readonly virtual: boolean;
  readonly points: Map<number, Point>;
}

/** An edge in a bucket; `source` is what its callee's figures rest on, spans where it is not said. */
export type ToldEdge = EdgeBucketRow & { readonly source?: LedgerSource };

/** A service in a bucket, told by spans where it is not said. */
type ToldService = ServiceBucketRow & { readonly source?: LedgerSource };

const TARGET_KINDS = {
  unknown: "UNKNOWN",
  service: "SERVICE",
  database: "DATABASE",
  messaging: "MESSAGING",
  external: "EXTERNAL",
} as const;

/** The key of a node in the service graph; the kind is part of it, as a database may share a service's name. */
export function nodeKey(kind: string, cluster: string, namespace: string, service: string): string {
  return `${kind}|${cluster}|${namespace}|${service}`;
}

/** Key of the node that a service's row describes. */
export function serviceKey(row: { cluster: string; namespace: string; service: string }): string {
  return nodeKey("service", row.cluster, row.namespace, row.service);
}

/** Key of an edge's caller. */
export function sourceKey(
  row: Pick<EdgeBucketRow, "src_kind" | "src_cluster" | "src_namespace" | "src_service">,
): string {
  return nodeKey(row.src_kind, row.src_cluster, row.src_namespace, row.src_service);
}

/** Key of an edge's callee. */
export function targetKey(
  row: Pick<EdgeBucketRow, "dst_kind" | "dst_cluster" | "dst_namespace" | "dst_service">,
): string {
  return nodeKey(row.dst_kind, row.dst_cluster, row.dst_namespace, row.dst_service);
}

/** The callee of an edge as an entity. */
export function targetEntity(
  row: Pick<EdgeBucketRow, "dst_kind" | "dst_cluster" | "dst_namespace" | "dst_service">,
): Entity {
  return makeEntity(TARGET_KINDS[row.dst_kind], {
    cluster: row.dst_cluster,
    namespace: row.dst_namespace,
    service: row.dst_service,
  });
}

/** An edge as an entity. */
export function edgeEntity(
  row: Pick<
    EdgeBucketRow,
    "src_cluster" | "src_namespace" | "src_service" | "dst_kind" | "dst_cluster" | "dst_namespace" | "dst_service"
  >,
): Entity {
  return makeEntity("EDGE", {
    cluster: row.src_cluster,
    namespace: row.src_namespace,
    service: row.src_service,
    peer: targetEntity(row),
  });
}

// A million points are remembered on a large mesh, and most of their upper buckets are empty.
function withoutTail(hist: readonly number[]): number[] {
  let length = hist.length;
  while (length > 0 && hist[length - 1] === 0) length--;
  return hist.slice(0, length);
}

/** Requests of services that other sources saw more of than their own spans: what came in over their edges, by service and bucket. */
function inboundOf(services: readonly ServiceBucketRow[], edges: readonly ToldEdge[]): ToldService[] {
  const inbound = new Map<string, ToldService & { source: LedgerSource; requests: number; failed: number }>();
  for (const row of edges) {
    if (row.dst_kind !== "service") continue;
    const key = `${row.bucket} ${targetKey(row)}`;
    const isCallee = row.callee_calls > 0;
    const sum = inbound.get(key) ?? {
      bucket: row.bucket,
      cluster: row.dst_cluster,
      namespace: row.dst_namespace,
      service: row.dst_service,
      requests: 0,
      failed: 0,
      degraded: 0,
      origin_failed: 0,
      total_ns: 0,
      self_ns: 0,
      hist: [],
      source: "spans" as const,
    };
    inbound.set(key, sum);
    if (row.source !== undefined && row.source !== "spans") sum.source = row.source;
    sum.requests += isCallee ? row.callee_calls : row.caller_calls;
    sum.failed += isCallee ? row.callee_failed : row.caller_failed;
    addHistogram(sum.hist, row.hist);
  }
  const spans = new Map(services.map((row) => [`${row.bucket} ${serviceKey(row)}`, row.requests]));
  return [...inbound]
    .filter(([key, sum]) => sum.source !== "spans" && (spans.get(key) ?? 0) < (1 - LEDGER_TOLERANCE) * sum.requests)
    .map(([, sum]) => sum);
}

const toldBy = ({ source }: { readonly source?: LedgerSource }): { source?: LedgerSource } =>
  source === undefined || source === "spans" ? {} : { source };

// An instance that has started within so many seconds is warming up: caches are empty, connections new, code not compiled.
const WARM_UP_SECONDS = 60;
const MAX_INSTANCES = 1000;
// From this share of injected faults on a bucket is an experiment, not what is normal.
const INJECTED_SHARE = 0.01;
// From this share of long polls on the percentiles of a callee's edges say how long callers wait for something to happen.
const HELD_SHARE = 0.005;

function sumCalls(points: ReadonlyMap<number, Point>): number {
  let sum = 0;
  for (const point of points.values()) sum += point.calls;
  return sum;
}

/** The bounded memory of one tenant. */
export class History {
  readonly series = new Map<string, Series>();
  readonly buckets = new Set<number>();
  private readonly keepBuckets: number;
  private readonly bucketSeconds: number;
  /** When each instance of a service was first seen, oldest first; by service key. */
  private readonly started = new Map<string, Map<string, number>>();

  constructor(keepBuckets: number, bucketSeconds: number) {
    this.keepBuckets = keepBuckets;
    this.bucketSeconds = bucketSeconds;
  }

  /** Replaces what is known of the buckets [from, to) and forgets what is too old. */
  replace(from: number, to: number, services: readonly ServiceBucketRow[], edges: readonly ToldEdge[]): void {
    for (const series of this.series.values()) {
      for (let b = from; b < to; b += this.bucketSeconds) series.points.delete(b);
    }
    for (let b = from; b < to; b += this.bucketSeconds) this.buckets.add(b);
    const injected = new Set<string>();
    for (const row of edges) {
      const calls = Math.max(row.caller_calls, row.callee_calls);
      if ((row.injected ?? 0) > INJECTED_SHARE * calls) injected.add(`${row.bucket} ${sourceKey(row)}`);
    }
    const health = new Map(
      services.filter((row) => (row.health_requests ?? 0) > 0).map((row) => [`${row.bucket} ${serviceKey(row)}`, row]),
    );
    const held = new Set(
      services
        .filter((row) => (row.held_requests ?? 0) > HELD_SHARE * row.requests)
        .map((row) => `${row.bucket} ${serviceKey(row)}`),
    );
    // Later rows replace earlier ones of the same service and bucket.
    for (const row of [...services, ...inboundOf(services, edges)] as ToldService[]) {
      const key = serviceKey(row);
      const isWarming = this.isWarming(key, row);
      // Nobody but probes called.
      if (row.requests === 0 && (row.health_requests ?? 0) > 0) continue;
      const entity = makeEntity("SERVICE", {
        cluster: row.cluster,
        namespace: row.namespace,
        service: row.service,
      });
      this.point(`service ${key}`, { entity, from: key, to: key, virtual: false }, row.bucket, {
        calls: row.requests,
        failed: row.failed,
        hist: withoutTail(row.hist),
        ...(row.degraded > 0 ? { refused: row.degraded } : {}),
        ...toldBy(row),
        ...(isWarming || injected.has(`${row.bucket} ${key}`) ? { isUnusual: true } : {}),
      });
    }
    for (const row of edges) {
      const [source, target] = [sourceKey(row), targetKey(row)];
      const entity = edgeEntity(row);
      // Probes call from nowhere that is known.
      const probes = row.src_kind === "unknown" ? health.get(`${row.bucket} ${target}`) : undefined;
      const all = row.caller_calls > 0 ? row.caller_calls : row.callee_calls;
      const calls = Math.max(0, all - (probes?.health_requests ?? 0));
      if (calls === 0 && all > 0) continue;
      const failed = (row.caller_calls > 0 ? row.caller_failed : row.callee_failed) - (probes?.health_failed ?? 0);
      const virtual = row.dst_kind !== "service";
      this.point(`edge ${source}>${target}`, { entity, from: source, to: target, virtual }, row.bucket, {
        calls,
        failed: Math.max(0, failed),
        // An edge does not tell its operations apart, so where some of them wait its callee alone is judged by latency.
        hist: held.has(`${row.bucket} ${target}`)
          ? []
          : withoutTail(probes === undefined ? row.hist : lessHistogram(row.hist, probes.health_hist ?? [])),
        ...toldBy(row),
        ...((row.injected ?? 0) > INJECTED_SHARE * calls ? { isUnusual: true } : {}),
      });
    }
    this.forget();
  }

  /**
   * Who calls whom, by node key: the graph over everything remembered. Unknown callers count where they make at least half
   * of a service's requests (its users); fewer are spans whose parent was lost.
   */
  callees(): Map<string, Set<string>> {
    const result = new Map<string, Set<string>>();
    for (const { from, to, points } of this.series.values()) {
      if (from === to) continue;
      if (from.startsWith("unknown|") && !this.isEntry(to, points)) continue;
      const known = result.get(from);
      if (known === undefined) result.set(from, new Set([to]));
      else known.add(to);
    }
    return result;
  }

  /** Requests of a series in the remembered buckets from one time to another, unix seconds. */
  requestsBetween(key: string, from: number, to: number): number {
    let sum = 0;
    for (const [bucket, point] of this.series.get(key)?.points ?? [])
      if (bucket >= from && bucket < to) sum += point.calls;
    return sum;
  }

  /** True where an instance of the service has just started; the first that were seen of it have not. */
  private isWarming(key: string, row: ServiceBucketRow): boolean {
    const known = this.started.get(key) ?? new Map<string, number>();
    const isNew = known.size === 0;
    this.started.set(key, known);
    for (const instance of row.instances ?? []) {
      if (instance === "") continue;
      const since = known.get(instance);
      if (since === undefined) known.set(instance, isNew ? -Infinity : row.bucket);
      else if (row.bucket < since) known.set(instance, row.bucket);
    }
    while (known.size > MAX_INSTANCES) known.delete(known.keys().next().value!);
    return (row.instances ?? []).some((instance) => {
      const age = row.bucket - (known.get(instance) ?? -Infinity);
      return age >= 0 && age < WARM_UP_SECONDS;
    });
  }

  private isEntry(service: string, fromUnknown: ReadonlyMap<number, Point>): boolean {
    const all = this.series.get(`service ${service}`)?.points ?? new Map<number, Point>();
    return sumCalls(fromUnknown) >= 0.5 * sumCalls(all);
  }

  private point(key: string, about: Omit<Series, "key" | "points">, bucket: number, point: Point): void {
    let series = this.series.get(key);
    if (series === undefined) {
      series = { key, ...about, points: new Map() };
      this.series.set(key, series);
    }
    series.points.set(bucket, point);
  }

  private forget(): void {
    const oldest = Math.max(...this.buckets) - this.keepBuckets * this.bucketSeconds;
    const old = [...this.buckets].filter((bucket) => bucket < oldest);
    for (const bucket of old) this.buckets.delete(bucket);
    for (const [key, series] of this.series) {
      for (const bucket of old) series.points.delete(bucket);
      if (series.points.size > 0) continue;
      this.series.delete(key);
      if (series.from === series.to) this.started.delete(series.to);
    }
  }
}
