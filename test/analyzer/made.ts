// Small made-up values for the analyzer's tests: rows of both windows, histograms, anomalies.
// In: what matters to a test. Out: complete values. Bounds: everything unnamed is zero or empty.
import type { Anomaly } from "../../analyzer/detect.ts";
import { nodeKey, type ToldEdge } from "../../analyzer/history.ts";
import { buildScene, type Scene } from "../../analyzer/localize/scene.ts";
import { makeEntity } from "../../model/entity.ts";
import { bucketOf, HISTOGRAM_BUCKETS } from "../../model/histogram.ts";
import type { EdgeWindowRow, OperationWindowRow, TargetKind } from "../../storage/buckets.ts";

/** A histogram of so many requests of so many milliseconds each. */
export function histogramOf(...groups: readonly (readonly [count: number, ms: number])[]): number[] {
  const counts = Array.from({ length: HISTOGRAM_BUCKETS }, () => 0);
  for (const [count, ms] of groups) counts[bucketOf(ms * 1e6)]! += count;
  return counts;
}

/** Key of a service node in namespace "shop" of no cluster. */
export const node = (name: string) => nodeKey("service", "", "shop", name);
/** A bucket of an edge between two services of namespace "shop"; calls take 10 ms. */
export function toldEdge(bucket: number, from: string, to: string, calls: number): ToldEdge {
  return {
    bucket,
    src_kind: "service",
    src_cluster: "",
    src_namespace: "shop",
    src_service: from,
    dst_kind: "service",
    dst_cluster: "",
    dst_namespace: "shop",
    dst_service: to,
    caller_calls: calls,
    caller_failed: 0,
    callee_calls: calls,
    callee_failed: 0,
    never_arrived: 0,
    origin_failed: 0,
    caller_ns: 0,
    hist: histogramOf([calls, 10]),
  };
}

/** Key of the node of unknown callers. */
export const USERS = nodeKey("unknown", "", "", "");

/** What one instance did in one window; `selfMs` is its own time per request. */
export interface WorkFacts {
  readonly requests?: number;
  readonly failed?: number;
  readonly originFailed?: number;
  readonly selfMs?: number;
  readonly version?: string;
  readonly instance?: string;
  readonly cluster?: string;
  readonly node?: string;
  readonly degraded?: number;
  readonly flags?: Record<string, number>;
  readonly operation?: string;
}

function workRow(side: 0 | 1, service: string, facts: WorkFacts): OperationWindowRow {
  const requests = facts.requests ?? 100;
  const selfMs = facts.selfMs ?? 10;
  return {
    side,
    cluster: facts.cluster ?? "",
    namespace: "shop",
    service,
    version: facts.version ?? "v1",
    instance: facts.instance ?? `${service}-1`,
    node: facts.node ?? "",
    operation: facts.operation ?? "GET /",
    protocol: "http",
    requests,
    failed: facts.failed ?? facts.originFailed ?? 0,
    degraded: facts.degraded ?? 0,
    origin_failed: facts.originFailed ?? 0,
    total_ns: requests * selfMs * 1e6,
    self_ns: requests * selfMs * 1e6,
    hist: histogramOf([requests, selfMs]),
    self_hist: histogramOf([requests, selfMs]),
    flags: facts.flags ?? {},
  };
}

/** An instance of a service in the baseline and in the fault's window. */
export function work(service: string, before: WorkFacts, during: WorkFacts): OperationWindowRow[] {
  return [workRow(0, service, before), workRow(1, service, during)];
}

/** What one edge did in one window; times per call. */
export interface CallFacts {
  readonly calls?: number;
  readonly originFailed?: number;
  readonly neverArrived?: number;
  readonly gapMs?: number;
  readonly callMs?: number;
  readonly flags?: Record<string, number>;
  /** Refused as the caller saw it, and as the callee did. */
  readonly refused?: number;
  readonly calleeRefused?: number;
  readonly calleeCalls?: number;
  readonly retries?: number;
  readonly version?: string;
  /** Clusters of caller and callee. */
  readonly clusters?: readonly [string, string];
}

function callRow(side: 0 | 1, from: string, to: string, kind: TargetKind, facts: CallFacts): EdgeWindowRow {
  const calls = facts.calls ?? 100;
  const byUsers = from === "";
  const callMs = facts.callMs ?? 20;
  return {
    side,
    src_kind: byUsers ? "unknown" : "service",
    src_cluster: facts.clusters?.[0] ?? "",
    src_namespace: byUsers ? "" : "shop",
    src_service: from,
    src_version: facts.version ?? "",
    dst_kind: kind,
    dst_cluster: facts.clusters?.[1] ?? "",
    dst_namespace: "shop",
    dst_service: to,
    dst_version: "",
    caller_calls: byUsers ? 0 : calls,
    caller_failed: facts.originFailed ?? 0,
    caller_cancelled: 0,
    caller_other: facts.refused ?? 0,
    callee_other: facts.calleeRefused ?? 0,
    caller_retries: facts.retries ?? 0,
    callee_calls: facts.calleeCalls ?? (kind === "service" ? calls - (facts.neverArrived ?? 0) : 0),
    callee_failed: 0,
    never_arrived: facts.neverArrived ?? 0,
    origin_failed: facts.originFailed ?? 0,
    caller_ns: calls * callMs * 1e6,
    callee_ns: 0,
    gap_ns: calls * (facts.gapMs ?? 1) * 1e6,
    caller_hist: histogramOf([calls, callMs]),
    flags: facts.flags ?? {},
  };
}

/** An edge in both windows; `from` "" = users. */
export function calls(
  from: string,
  to: string,
  before: CallFacts = {},
  during: CallFacts = before,
  kind: TargetKind = "service",
): EdgeWindowRow[] {
  return [callRow(0, from, to, kind, before), callRow(1, from, to, kind, during)];
}

/** The scene of such rows. */
export function sceneOf(rows: readonly (readonly (OperationWindowRow | EdgeWindowRow)[])[]): Scene {
  const flat = rows.flat();
  return buildScene(
    flat.filter((row) => "self_ns" in row),
    flat.filter((row) => "caller_ns" in row),
  );
}

/** An anomaly of a service ("cart") or of an edge ("frontend>cart"). */
export function anomaly(place: string, facts: Partial<Anomaly> = {}): Anomaly {
  const [from = "", to = from] = place.split(">");
  const key = from === to ? `service ${node(to)}` : `edge ${node(from)}>${node(to)}`;
  const parts = { namespace: "shop", service: from };
  return {
    seriesKey: key,
    entity:
      from === to
        ? makeEntity("SERVICE", parts)
        : makeEntity("EDGE", { ...parts, peer: makeEntity("SERVICE", { namespace: "shop", service: to }) }),
    from: node(from),
    to: node(to),
    bucket: 0,
    indicator: "LATENCY",
    log10P: -10,
    observed: 200,
    expected: 20,
    unit: "ms",
    quantile: 0.99,
    calls: 100,
    excessCalls: 50,
    ...facts,
  };
}
